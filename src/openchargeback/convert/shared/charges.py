"""The costs to split, in `cost_row` and `shared_cost`: rows of charge files that pools select, costs of the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from openchargeback.convert.findings import Rule, broken
from openchargeback.convert.kinds import Input
from openchargeback.convert.settings import Settings
from openchargeback.convert.shared.given import given_cells
from openchargeback.convert.shared.settings import Pool
from openchargeback.focus.columns import COLUMNS, TABLE
from openchargeback.focus.database import count, database, file_literal, filled, identifier, insert, literal, query, sql
from openchargeback.focus.opening import OpenFile, open_files
from openchargeback.focus.schema import SIMPLE
from openchargeback.focus.verdict import check_files
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Config, Organization
from openchargeback.ledger.shape import did_you_mean
from openchargeback.problems import Problem, has_errors

AMOUNTS = (
    *("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity", "ConsumedQuantity"),
    *("CommitmentDiscountQuantity", "PricingCurrencyEffectiveCost"),
)
"""The columns that are split; all others stay as they are."""

ALLOCATED = (
    *("AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName"),
    "AllocatedTags",
)
"""The columns that say who got which share (FOCUS 1.3)."""

_SHARE = dict(zip(ALLOCATED, ("details", "method", "resource", "resource", "tags"), strict=True))
"""The columns of `share` that they are written from."""

CONFIG = 0
"""The number of the config among the files, for costs that it gives."""

_SINCE_1_3 = {"ServiceProviderName": "ProviderName", "HostProviderName": ""}
"""Mandatory columns of FOCUS 1.3 that older files lack, and the older column that they are filled from."""

_RULES = (
    Rule(
        where="pools > 1",
        value="names",
        code="shared-overlap",
        message="the row is selected by several pools: {}",
        fix="narrow `match` of all but one of them",
    ),
    Rule(
        where="month IS DISTINCT FROM $period",
        value="month",
        code="shared-month",
        message="the cost is of another month: {}",
        fix="convert one month at a time, with its own usage",
    ),
    Rule(
        where="currency <> $currency",
        value="currency",
        code="shared-currency",
        message="the cost is in {}",
        fix="split the costs of each currency with a config of its own",
    ),
    Rule(
        where="split_before",
        value="''",
        code="shared-overlap",
        message="the row is itself a share of a split cost",
        fix="select only rows without AllocatedMethodId",
    ),
)


@dataclass(frozen=True, slots=True)
class Costs:
    """Where cells are. columns: of all files, in order, by canonical name: the column of `cost_row`."""

    columns: Mapping[str, str]
    opened: Sequence[OpenFile]

    @property
    def amounts(self) -> list[str]:
        """The columns that are split, of those that the files have."""
        return [name for name in AMOUNTS if name in self.columns]

    def cell(self, name: str) -> str:
        """SQL of a cell; NULL if no file has the column."""
        return self.columns.get(name, "NULL::VARCHAR")


def read_costs(
    con: duckdb.DuckDBPyConnection, inputs: Sequence[Input], settings: Settings, pools: Sequence[Pool], period: str
) -> tuple[Costs, list[Problem]]:
    """Create `cost_row`: every row of the charge files, and after them the costs of the config."""
    config = Config(Organization("-"), currency=settings.currency)
    files = [ChargeFile(each.name, each.path, "", "shared", each.path.stat().st_size) for each in inputs]
    opened, problems = open_files(con, files, config, keep=None)
    problems += check_files(opened)
    names = dict.fromkeys(name for each in opened for name in each.names)
    # A column that files lack must be null in their rows, which FOCUS does not allow in every column.
    lacking = {name for name, column in TABLE.items() if opened and not column.nulls} - set(names)
    for pool in pools:
        for cost in pool.costs:
            cells = given_cells(settings, pool, cost, period)
            names |= dict.fromkeys(name for name in cells if name not in lacking)
    if "ProviderName" in names:
        names |= dict.fromkeys(_SINCE_1_3)
    costs = Costs({name: f"k{index}" for index, name in enumerate(names)}, opened)
    if not has_errors(problems):
        _fill(con, costs, inputs, settings, pools, period)
    return costs, problems


def _fill(
    con: duckdb.DuckDBPyConnection,
    costs: Costs,
    inputs: Sequence[Input],
    settings: Settings,
    pools: Sequence[Pool],
    period: str,
) -> None:
    kinds = ", ".join(f"{column} VARCHAR" for column in costs.columns.values())
    con.execute(f"CREATE TABLE cost_row (n BIGINT, file INTEGER, row BIGINT, line BIGINT, own_pool INTEGER, {kinds})")
    before = 0
    for each in costs.opened:
        number = inputs[each.number].number
        if not each.layout.plain:
            insert(con, "place", [(number, row, line) for row, line in enumerate(each.layout.lines)])
        parts = {"cells": _cells(costs, each), "rows": each.relation, "file": str(number), "before": str(before)}
        con.execute(sql(__package__, "cost_rows.sql", **parts))
        before += each.rows
    given = [(number, pool, cost) for number, pool in enumerate(pools) for cost in pool.costs]
    rows = []
    for n, (number, pool, cost) in enumerate(given, before):
        cells = given_cells(settings, pool, cost, period)
        rows.append((n, CONFIG, 0, cost.line, number, *(cells.get(name) for name in costs.columns)))
    insert(con, "cost_row", rows)


def _cells(costs: Costs, file: OpenFile) -> str:
    parts = []
    for name in costs.columns:
        column = file.column(name) or file.column(_SINCE_1_3.get(name, ""))
        parts.append(column or "NULL")
    return ", ".join(parts)


def select(
    con: duckdb.DuckDBPyConnection,
    costs: Costs,
    inputs: Sequence[Input],
    pools: Sequence[Pool],
    config: str,
) -> list[Problem]:
    """Create `shared_cost`, one row per row that a pool selects; columns of `match` that there are not."""
    problems = [
        Problem(
            config,
            "shared-column",
            f"{pool.id} selects rows by {name}, but no charge file has that column",
            did_you_mean(name, list(costs.columns)),
            pool.line,
        )
        for pool in pools
        for name in pool.match
        if name not in costs.columns
    ]
    if problems:
        return problems
    con.execute(sql(__package__, "shared_cost.sql", **_parts(costs, inputs, pools)))
    return []


def _parts(costs: Costs, inputs: Sequence[Input], pools: Sequence[Pool]) -> dict[str, str]:
    """The parts of `shared_cost.sql`."""
    tests = [f"CASE WHEN {_test(costs, number, pool)} THEN {number} END" for number, pool in enumerate(pools)]
    days = [number for number, pool in enumerate(pools) if pool.by == "day"]
    simple = [each.number for each in costs.opened if each.conditions.dialect == SIMPLE]
    return {
        "pools": f"[{', '.join(tests)}]",
        "names": f"[{', '.join(literal(each.id) for each in pools)}]",
        "by_day": f"({', '.join(map(str, days)) or 'NULL'})",
        "whole_days": f"file IN ({', '.join(str(inputs[number].number) for number in simple) or 'NULL'})",
        "identity": _identity(costs.columns),
        "month": f"strftime(utc({costs.cell('BillingPeriodStart')}), '%Y-%m')",
        "period_start": costs.cell("BillingPeriodStart"),
        "start": costs.cell("ChargePeriodStart"),
        "end": costs.cell("ChargePeriodEnd"),
        "currency": f"upper({costs.cell('BillingCurrency')})",
        "method": costs.cell("AllocatedMethodId"),
    }


def _test(costs: Costs, number: int, pool: Pool) -> str:
    """SQL of whether a pool selects a row."""
    if not pool.match:
        return f"own_pool = {number}"
    found = [
        f"coalesce(regexp_full_match({costs.columns[name]}, {literal(pattern)}), false)"
        for name, pattern in pool.match.items()
    ]
    return f"(own_pool = {number} OR (own_pool IS NULL AND {' AND '.join(found)}))"


def rows_split(file: ChargeFile, config: Config, usage: Path) -> int:
    """How many rows of a charge file are for costs that were split. usage: the identities of these, in Parquet.

    Amounts and tags may differ: a provider's later export corrects them. 0 if the file cannot be read.
    """
    with database() as con:
        opened, _ = open_files(con, [file], config, keep=None, marked=False)
        if not opened:
            return 0
        (each,) = opened
        names = dict.fromkeys(each.names)
        if "ProviderName" in names:
            names |= dict.fromkeys(_SINCE_1_3)
        columns = {name: cell for name in names if (cell := each.column(name) or each.column(_SINCE_1_3.get(name, "")))}
        parts = {"identity": _identity(columns), "rows": each.relation, "usage": file_literal(usage)}
        return count(con, filled(query(__package__, "rows_split"), **parts))


def _identity(columns: Mapping[str, str]) -> str:
    """SQL of what a row is for, as one text: its FOCUS cells but amounts and tags, which a later export may correct."""
    cells = [
        f"{literal(name + '=')} || {column}"
        for name, column in sorted(columns.items())
        if COLUMNS.get(name) in ("string", "datetime") and name not in ALLOCATED
    ]
    return f"concat_ws('|', {', '.join(cells)})"


def check_costs(
    con: duckdb.DuckDBPyConnection, pools: Sequence[Pool], files: Mapping[int, str], period: str, currency: str
) -> list[Problem]:
    """What no shared cost may be, and pools without any."""
    problems = broken(con, "shared_cost", _RULES, files, {"period": period, "currency": currency})
    found = {number for (number,) in con.execute("SELECT DISTINCT unnest(found) FROM shared_cost").fetchall()}
    return problems + [
        Problem(
            files[CONFIG],
            "shared-no-cost",
            f"{pool.id} selects no rows, so there is nothing to split",
            "correct `match`, or add the charge file with the costs; if there were none, remove the pool",
            pool.line,
        )
        for number, pool in enumerate(pools)
        if number not in found
    ]


def columns_out(costs: Costs) -> str:
    """SQL of all columns of the output, in their order: those of the files, then those of the shares."""
    parts = []
    for name, column in costs.columns.items():
        if name in ALLOCATED:
            continue
        split = f"part.a{AMOUNTS.index(name)}" if name in AMOUNTS else ""
        value = f"CASE WHEN part.n IS NULL THEN row.{column} ELSE {split} END" if split else f"row.{column}"
        parts.append(f"{value} AS {identifier(name)}")
    for name in ALLOCATED:
        before = f"row.{costs.columns[name]}" if name in costs.columns else "NULL"
        parts.append(f"CASE WHEN part.n IS NULL THEN {before} ELSE share.{_SHARE[name]} END AS {name}")
    return ",\n    ".join(parts)
