"""The kind `shared`: each shared cost becomes shares that sum to it exactly.

The rows of a charge file that a pool selects are replaced by one row per part; others stay as they are. In order:

    use         what the usage tables say (`usage.py`)
    cost_row    the rows of the charge files, and the costs of the config (`charges.py`)
    shared_cost those that are split
    share       who gets what part of them (`shares.py`)
    part        the rows of the output (`split_*.sql`, and `billing/allocate.sql` for the last of 18 decimals)
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from openchargeback import money
from openchargeback.convert.conversion import ColumnTotal, Conversion, OwnerTotal, Request
from openchargeback.convert.instants import month_bounds, only_month, seconds
from openchargeback.convert.intervals import billed_already, write_intervals
from openchargeback.convert.kinds import Input, Kind
from openchargeback.convert.owners import Owners
from openchargeback.convert.shared import charges, usage
from openchargeback.convert.shared.charges import AMOUNTS, CONFIG, Costs
from openchargeback.convert.shared.sample import SAMPLES
from openchargeback.convert.shared.settings import Pool, SharedSettings
from openchargeback.convert.shared.shares import Shares
from openchargeback.focus.csv_copy import copy_csv
from openchargeback.focus.database import count, database, filled, literal, named_rows, query, sql
from openchargeback.focus.equal_files import by_size, content_digest, same_content
from openchargeback.focus.opening import make_macros
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Limits
from openchargeback.problems import OutsideFault, Problem, UsageFault, has_errors

_ONE_DAY = dt.timedelta(days=1)


def convert_shared(
    request: Request, output: Path | None, intervals: Path | None
) -> tuple[Conversion | None, list[Problem]]:
    """Split shared costs, as `conversion.convert` says."""
    own: SharedSettings = request.config.own
    inputs = [Input(number, str(path), path) for number, path in enumerate(request.inputs, 1)]
    for each in inputs:
        if not each.path.is_file():
            raise UsageFault(f"{each.name} is not a file")
    given = [each for each in inputs if not any(each in usage.matching(pool, inputs) for pool in own.pools)]
    if copies := [*_copies(inputs), *_unsplit(given, request.charges)]:
        return None, copies
    with database() as con:
        make_macros(con)
        problems = [*_missing(request, own.pools), *usage.read_use(con, own.pools, inputs, request.config.path)]
        costs, faults = charges.read_costs(con, given, request.config.settings, own.pools, request.period)
        problems += faults
        if has_errors(problems):
            return None, problems
        problems += charges.select(con, costs, given, own.pools, request.config.path)
        if has_errors(problems):
            return None, problems
        period = request.period or only_month(*_months(con), "shared costs")
        problems += _split(con, request, costs, period)
        if has_errors(problems):
            return None, problems
        conversion = _summary(con, request, costs, period, problems)
        if output is not None:
            _write(con, costs, own, output)
        if intervals is not None:
            write_intervals(con, _instants(period), intervals, output, [each.path for each in given])
    return conversion, problems


def _copies(inputs: Sequence[Input]) -> Iterator[Problem]:
    """Inputs that another input is the same as: rows of costs and of use need not tell that they are there twice."""
    first: dict[bytes, Input] = {}
    for each in inputs:
        with each.path.open("rb") as file:
            before = first.setdefault(hashlib.file_digest(file, "sha256").digest(), each)
        if before is not each:
            message = f"the file has the same content as {before.name}"
            yield Problem(each.name, "shared-repeated", message, "give each file once")


def _unsplit(given: Sequence[Input], charges: Sequence[ChargeFile]) -> Iterator[Problem]:
    """Costs that the ledger bills unsplit, from another charge file."""
    sizes = by_size(charges) if charges else {}
    for each in given:
        ceiling = Limits().charge_file_bytes
        for same in same_content(each.path, content_digest(each.path, ceiling), sizes, ceiling) if sizes else ():
            message = f"{same.path} has the same charges, so their shared costs would be billed unsplit as well"
            fix = f"write to {same.path}, so that the shares replace them, or remove it"
            yield Problem(each.name, "shared-unsplit", message, fix)


def _missing(request: Request, pools: Sequence[Pool]) -> list[Problem]:
    """What costs of the config need besides. Raises UsageFault without a period for them."""
    settings, path = request.config.settings, request.config.path
    given = [cost for pool in pools for cost in pool.costs]
    if not given:
        return []
    if not request.period:
        raise UsageFault("the config gives costs; name the month that they are of with --period")
    return [
        Problem(path, "shared-setting", f"{key} is missing, which the rows of `costs` need", f"add `{key}:`", line)
        for key, line in dict.fromkeys((key, given[0].line) for key in ("service", "provider", "billing_account"))
        if not getattr(settings, key)
    ]


def _months(con: duckdb.DuckDBPyConnection) -> tuple[str | None, str | None]:
    return con.execute(query(__package__, "cost_month")).fetchone() or (None, None)


def _instants(period: str) -> dict[str, str]:
    return {name: str(seconds(at)) for name, at in zip(("first", "last"), month_bounds(period), strict=True)}


def _split(con: duckdb.DuckDBPyConnection, request: Request, costs: Costs, period: str) -> list[Problem]:
    """Create `part`; why it cannot be done."""
    settings, pools, config = request.config.settings, request.config.own.pools, request.config.path
    files = {CONFIG: config, **{number: str(path) for number, path in enumerate(request.inputs, 1)}}
    problems = [
        *usage.check_use(con, pools, files, period, month_bounds(period)[1].isoformat(sep=" ")),
        *charges.check_costs(con, pools, files, period, settings.currency),
    ]
    if request.allow_empty:
        problems = [each for each in problems if each.code != "shared-no-cost"]
    instants = _instants(period)
    con.execute(query(__package__, "record"))
    con.execute(filled(query(__package__, "held"), **instants))
    problems += billed_already(con, instants, request.recorded, files, request.root)
    con.execute(query(__package__, "cost_group"))
    owners = Owners(settings, request.directory, request.tags, *month_bounds(period))
    if not has_errors(problems):
        problems += Shares(pools, owners, request.tags, config).fill(con, files)
    if not has_errors(problems):
        _make_parts(con, costs)
    return problems


def _make_parts(con: duckdb.DuckDBPyConnection, costs: Costs) -> None:
    """Split every amount: whole units by themselves, the rest by largest remainders."""
    numbers = [AMOUNTS.index(name) for name in costs.amounts]
    cells = ", ".join(f"cost_row.{costs.columns[name]}" for name in costs.amounts)
    parts = {"width": str(len(AMOUNTS)), "numbers": str(numbers), "cells": f"[{cells}]"}
    con.execute(sql(__package__, "split_amounts.sql", **parts))
    shares = count(con, "SELECT count(*) FROM share")
    con.execute(sql(__package__, "split_parts.sql", parts=str(max(shares, 1))))
    con.execute(query(__package__, "split_total"))
    names = {"parts": "split_part", "parent": "split_part.parent", "totals": "split_total", "shares": "split_share"}
    con.execute(sql("openchargeback.billing", "allocate.sql", **names), {"scale": 1})
    amounts = ",\n    ".join(
        f"max(amount) FILTER (WHERE number = {number}) AS e{number}, trimmed(e{number}) AS a{number}"
        for number in numbers
    )
    con.execute(sql("openchargeback.convert", "macros.sql"))
    con.execute(sql(__package__, "parts.sql", amounts=amounts))


def _totals(con: duckdb.DuckDBPyConnection, costs: Costs) -> list[ColumnTotal]:
    """The control totals. Raises OutsideFault if a cost was lost or added on the way."""
    found = []
    for name in costs.amounts:
        number = AMOUNTS.index(name)
        ((before,),) = con.execute(f"SELECT sum(amount) FROM split_amount WHERE number = {number}").fetchall()
        ((after,),) = con.execute(f"SELECT sum(e{number}) FROM part").fetchall()
        total = ColumnTotal(column=name, amount_in=before or money.ZERO, amount_out=after or money.ZERO)
        if total.amount_in != total.amount_out:
            lost = f"{name}: {money.exact(total.amount_in)} in, {money.exact(total.amount_out)} out"
            raise OutsideFault(f"costs were lost or added ({lost}); report this as a bug in the program")
        found.append(total)
    return found


def _summary(
    con: duckdb.DuckDBPyConnection, request: Request, costs: Costs, period: str, problems: Sequence[Problem]
) -> Conversion:
    own: SharedSettings = request.config.own
    read, split = count(con, "SELECT count(*) FROM cost_row"), count(con, "SELECT count(*) FROM shared_cost")
    kept = read - split if own.other_rows == "keep" else 0
    reason = "not shared, kept as they are" if own.other_rows == "keep" else "not shared, dropped"
    return Conversion(
        kind=request.kind.name,
        period=period,
        currency=request.config.settings.currency,
        rows=count(con, "SELECT count(*) FROM part") + kept,
        read=read,
        used=split,
        left_out={reason: read - split} if read > split else {},
        owners=_owners(con, costs, own),
        meters=(),
        problems=problems,
        columns=_totals(con, costs),
    )


def _owners(con: duckdb.DuckDBPyConnection, costs: Costs, own: SharedSettings) -> list[OwnerTotal]:
    def amount(name: str) -> str:
        return f"part.e{AMOUNTS.index(name)}" if name in costs.amounts else "NULL::DECIMAL(38, 18)"

    parts = {
        "pools": f"[{', '.join(literal(pool.id) for pool in own.pools)}]",
        "unit": f"row.{costs.columns['PricingUnit']}" if "PricingUnit" in costs.columns else "NULL",
        "quantity": amount("PricingQuantity"),
        "list": amount("ListCost"),
        "cost": amount("BilledCost"),
    }
    return [OwnerTotal(**row) for row in named_rows(con, sql(__package__, "summary.sql", **parts))]


def _write(con: duckdb.DuckDBPyConnection, costs: Costs, own: SharedSettings, output: Path) -> None:
    keep = "true" if own.other_rows == "keep" else "false"
    rows = sql(__package__, "output.sql", columns=charges.columns_out(costs), keep=keep)
    copy_csv(con, rows, output)


SHARED = Kind(
    name="shared",
    title="Shared costs, split by who used what (Kubernetes, OpenShift, licenses, nodes)",
    settings=SharedSettings,
    meters=(),
    resource_type="",
    rates=(),
    convert=convert_shared,
    samples=SAMPLES,
    sample_period="2025-01",
    common={
        "service": False,
        "provider": False,
        "billing_account": False,
        "currency": True,
        "owners": False,
        "account_is_project": False,
    },
)
