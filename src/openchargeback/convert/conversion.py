"""The order of a conversion: config, records, the month, prices, owners, rows; what it found, and the file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from openchargeback.convert.config import ConfigFile
from openchargeback.convert.instants import month_bounds, only_month, seconds
from openchargeback.convert.intervals import billed_already, write_intervals
from openchargeback.convert.kinds import Allowance, Found, Input, Kind, Meter, Reading
from openchargeback.convert.owners import Owners
from openchargeback.convert.rates import check_rates, cuts, fill_rates
from openchargeback.convert.settings import Settings
from openchargeback.convert.units import exact_units, in_unit
from openchargeback.convert.writing import write_charges
from openchargeback.focus.database import count, database, filled, insert, named_rows, query, sql
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.patterns import expression
from openchargeback.ledger.periods import last_day
from openchargeback.ledger.settings import DEFAULT_TAGS, Tags
from openchargeback.problems import OutsideFault, Problem, Severity, UsageFault, has_errors
from openchargeback.wording import counted

_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be converted. period: empty if the records show it. tags, directory: the ledger's, if there is one.

    allow_empty: whether an export without records is right. root: the ledger; recorded: its files of intervals that
    other conversions wrote (`intervals.py`). charges: the ledger's other charge files of the period.
    """

    kind: Kind
    inputs: Sequence[Path]
    config: ConfigFile
    period: str = ""
    allow_empty: bool = False
    directory: Directory = field(default_factory=Directory)
    tags: Tags = DEFAULT_TAGS
    root: Path = Path()
    recorded: Sequence[Path] = ()
    charges: Sequence[ChargeFile] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerTotal:
    """What one owner used at one rate: quantity in the rate's unit; list and cost exact, in the settings' currency."""

    pi: str
    project: str
    fund: str
    rate: str
    unit: str
    rows: int
    quantity: Decimal
    list: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterTotal:
    """Control totals of a meter, in units of `usage.amount`: of all records; of them, in the period; in the rows.

    cost_in, cost_out: the same of costs that the records give, exact, in the settings' currency; None if rates price
    the meter. units: in which the amounts are shown, as `exact_units` gives them.
    """

    meter: str
    whole: int
    amount_in: int
    amount_out: int
    cost_in: Decimal | None = None
    cost_out: Decimal | None = None
    units: Sequence[tuple[str, int]] = ()

    def shown(self, *amounts: int) -> tuple[str, list[str]]:
        """A unit, and amounts in it as plain decimals, exactly."""
        for unit, share in self.units:
            texts = [text for each in amounts if (text := in_unit(each, share)) is not None]
            if len(texts) == len(amounts):
                return unit, texts
        unit, share = self.units[-1]
        return unit, [f"{each}/{share}" for each in amounts]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTotal:
    """Control totals of a column whose amounts are split: of the rows that are split, and of their parts; exact."""

    column: str
    amount_in: Decimal
    amount_out: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a conversion found and made. problems: warnings and notices, once it has succeeded."""

    kind: str
    period: str
    currency: str
    rows: int
    read: int
    used: int
    left_out: Mapping[str, int]
    owners: Sequence[OwnerTotal]
    meters: Sequence[MeterTotal]
    problems: Sequence[Problem]
    columns: Sequence[ColumnTotal] = ()
    notes: Sequence[str] = ()


def usage_months(request: Request) -> list[str]:
    """Every month in which there is usage, ascending; none if there is an error."""
    with database() as con:
        if has_errors(_read(con, _adapted(request)).problems):
            return []
        first, last = con.execute(query(__package__, "months")).fetchone() or (None, None)
    months = [] if first is None else [str(first)]
    while months and months[-1] < str(last):
        months.append(f"{last_day(months[-1]) + _ONE_DAY:%Y-%m}")
    return months


def _adapted(request: Request) -> Request:
    """The request with the meters that its config declares."""
    kind = request.kind
    return request if kind.adapt is None else replace(request, kind=kind.adapt(request.config.own))


def convert(
    request: Request, output: Path | None, intervals: Path | None = None
) -> tuple[Conversion | None, list[Problem]]:
    """Convert usage records; None with the problems if any is an error.

    output: where to write the charges, a CSV file; intervals: where to write what was billed when (`intervals.py`).
    Either is written only without errors.
    """
    if request.kind.convert:
        return request.kind.convert(request, output, intervals)
    request = _adapted(request)
    problems = check_rates(request.kind, request.config.settings, request.config.path)
    if has_errors(problems):
        return None, problems
    with database() as con, _no_traceback():
        found = _read(con, request)
        problems += found.problems
        request = _with_found(request, found)
        problems += check_rates(
            request.kind, replace(request.config.settings, rates=tuple(found.rates)), request.config.path
        )
        if has_errors(problems):
            return None, problems
        period = request.period or _period(con)
        instants = _instants(month_bounds(period))
        files = {number: str(path) for number, path in enumerate(request.inputs, 1)}
        problems += billed_already(con, instants, request.recorded, files, request.root)
        rows = _rows(con, request)
        problems += _price(con, request, period, rows, found.allowance)
        if has_errors(problems):
            return None, problems
        meters = _controls(con, request.kind, request.config.settings, period)
        conversion = _summary(con, request, period, found, meters, problems)
        if not (conversion.rows or request.allow_empty):
            return None, [*problems, _nothing_to_bill(request, conversion)]
        if output is not None:
            write_charges(con, request.kind, request.config.settings, period, rows, output)
        if intervals is not None:
            write_intervals(con, instants, intervals, output)
    return conversion, problems


def _nothing_to_bill(request: Request, conversion: Conversion) -> Problem:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in conversion.left_out.items())
    message = f"no record has usage to bill in {conversion.period}{f': {reasons}' if reasons else ''}"
    fix = "check `--period` and the export; if there was no usage in the month, convert with `--allow-empty`"
    return Problem(str(request.inputs[0]), "usage-empty", message, fix)


@contextmanager
def _no_traceback() -> Iterator[None]:
    """Raise OutsideFault for what DuckDB cannot do, such as amounts beyond any real machine."""
    try:
        yield
    except (duckdb.DataError, duckdb.ProgrammingError) as error:
        reason = " ".join(str(error).split())[:300]
        raise OutsideFault(f"the usage cannot be converted: {reason}") from error


def _read(con: duckdb.DuckDBPyConnection, request: Request) -> Found:
    """Have the kind fill the tables; an empty export is no fault if it is allowed."""
    con.execute(sql(__package__, "tables.sql"))
    con.execute(sql(__package__, "macros.sql"))
    con.execute(query(__package__, "input_file"))
    con.execute(query(__package__, "meter"))
    inputs = [Input(number, str(path), path) for number, path in enumerate(request.inputs, 1)]
    for each in inputs:
        if not each.path.is_file():
            raise UsageFault(f"{each.name} is not a file")
    insert(con, "input_file", [(each.number, each.path.name) for each in inputs])
    insert(
        con,
        "meter",
        [(m.name, m.sku, m.title, m.category, m.subcategory, m.recurring, m.service) for m in request.kind.meters],
    )
    config = request.config
    found = request.kind.read(Reading(con, inputs, config.settings, config.own, request.period, config.path))
    con.execute(query(__package__, "no_record"))
    if request.allow_empty:
        found.problems = [each for each in found.problems if each.code != "usage-empty"]
    if not found.held and not has_errors(found.problems):
        con.execute(sql(__package__, "held.sql"))
    return found


def _with_found(request: Request, found: Found) -> Request:
    """The request with the rates and owners that the kind has found."""
    settings = request.config.settings
    settings = replace(settings, rates=(*settings.rates, *found.rates), owners=(*settings.owners, *found.owners))
    return replace(request, config=replace(request.config, settings=settings))


def _period(con: duckdb.DuckDBPyConnection) -> str:
    """The month of all usage. Raises UsageFault if there are several."""
    first, last = con.execute(query(__package__, "months")).fetchone() or (None, None)
    return only_month(first, last, "usage records")


def _rows(con: duckdb.DuckDBPyConnection, request: Request) -> str:
    """What a row stands for: what the settings say, but for what recurs, the month is the least."""
    recurring = con.execute(query(__package__, "recurring")).fetchone() == (True,)
    return "month" if recurring and request.config.settings.rows == "day" else request.config.settings.rows


def _price(
    con: duckdb.DuckDBPyConnection, request: Request, period: str, rows: str, allowance: Allowance | None
) -> list[Problem]:
    """Create `charge`: usage clipped to the period, with owner and rate; what has no rate, and what rates overlap."""
    settings, path = request.config.settings, request.config.path
    bounds = month_bounds(period)
    owners = Owners(settings, request.directory, request.tags, *bounds)
    owners.fill(con)
    given = [meter for meter in request.kind.meters if meter.unit]
    held = f"({sql(__package__, 'held_unpriced.sql')})" if given else "held"
    _make_spans(con, bounds, None if rows == "day" else cuts(settings, *bounds) | owners.cuts)
    name = "parts.sql" if rows == "job" else "days.sql"
    con.execute(sql(__package__, "cut.sql", held=held, **_instants(bounds)))
    con.execute(sql(__package__, name))
    problems = fill_rates(con, request.kind, settings, path, bounds)
    if has_errors(problems):
        return problems
    con.execute(sql(__package__, "offers.sql"))
    _divide(con, allowance, bounds)
    con.execute(sql(__package__, "charges.sql"))
    if given:
        _take_given(con, given, settings, bounds, owners.cuts)
    return [*problems, *_unpriced(con, request), *_unknown_owners(con, path)]


def _divide(
    con: duckdb.DuckDBPyConnection, allowance: Allowance | None, bounds: tuple[dt.datetime, dt.datetime]
) -> None:
    """Create `divided`: what of each part is free, and what is not."""
    if allowance is None:
        con.execute(query(__package__, "undivided"))
        return
    labels = con.execute("SELECT id, coalesce(tier, '') FROM label").fetchall()
    fitting = [
        (id_,)
        for id_, tier in labels
        if not allowance.tiers or any(expression(each).matches(tier) for each in allowance.tiers)
    ]
    con.execute("CREATE TABLE allowed (label INTEGER)")
    insert(con, "allowed", fitting)
    parts = (
        {"seconds": str(seconds(bounds[1]) - seconds(bounds[0])), "by": ""}
        if allowance.monthly
        else {"seconds": "part.ends - part.starts", "by": ", span"}
    )
    con.execute(sql(__package__, "allowance.sql", level=str(allowance.level), **parts))


def _take_given(
    con: duckdb.DuckDBPyConnection,
    meters: Sequence[Meter],
    settings: Settings,
    bounds: tuple[dt.datetime, dt.datetime],
    cut: Collection[dt.datetime],
) -> None:
    """Add the rows whose costs the records give to `charge`. cut: where an owner may change."""
    by_day = settings.rows != "job"
    instants = ", ".join(str(seconds(at)) for at in sorted(cut))
    rates = [
        (meter.name, credit, -2 * number - credit, None if credit else meter.unit, meter.base)
        for number, meter in enumerate(meters, 1)
        for credit in (False, True)
    ]
    con.execute(query(__package__, "given_rate"))
    insert(con, "given_rate", [each[:3] for each in rates])
    insert(con, "rate (id, unit, base)", [each[2:] for each in rates])
    parts = {"cuts": instants, "record": "NULL::BIGINT" if by_day else "n", "by_day": str(by_day).lower()}
    con.execute(sql(__package__, "given.sql", **parts, **_instants(bounds)))
    con.execute(sql(__package__, "given_charges.sql"))


def _instants(bounds: tuple[dt.datetime, dt.datetime]) -> dict[str, str]:
    return {name: str(seconds(at)) for name, at in zip(("first", "last"), bounds, strict=True)}


def _make_spans(
    con: duckdb.DuckDBPyConnection, bounds: tuple[dt.datetime, dt.datetime], cut: Collection[dt.datetime] | None
) -> None:
    """Fill `span`, and make the macros that cut usage. cut: where to cut; None for every midnight."""
    days = [bounds[0] + _ONE_DAY * day for day in range((bounds[1] - bounds[0]).days)]
    starts = [day for day in days if cut is None or day == bounds[0] or day in cut]
    con.execute(query(__package__, "span"))
    insert(
        con,
        "span",
        [(i, *map(seconds, pair)) for i, pair in enumerate(zip(starts, [*starts[1:], bounds[1]], strict=True), 1)],
    )
    numbers = [sum(start <= day for start in starts) for day in days]
    con.execute(filled(query(__package__, "span_on"), span_of_day=str(numbers), **_instants(bounds)))


def _unpriced(con: duckdb.DuckDBPyConnection, request: Request) -> list[Problem]:
    """What has no rate, each with the first record that shows it."""
    problems = []
    for row in named_rows(con, query(__package__, "unpriced")):
        words = [f"{row['meter']}{':' if row['variant'] else ''}{row['variant']}"]
        words += [f"{name} {row[name]}" for name in ("partition", "qos", "tier", "customer") if row[name]]
        message = f"no rate for {', '.join(words)} on {row['day']}"
        fix = "add a rate for it to the config that covers the day, or stop billing it"
        place = {name: row[name] for name in ("label", "item", "starts", "ends")}
        file, line = con.execute(query(__package__, "unpriced_record"), place).fetchone() or (0, 0)
        path = str(request.inputs[file - 1]) if file else request.config.path
        problems.append(Problem(path, "no-rate", message, fix, line))
    return problems


def _unknown_owners(con: duckdb.DuckDBPyConnection, config: str) -> list[Problem]:
    return [
        Problem(
            config,
            "owner-unknown",
            f"{shown(account)} does not belong to a project, so its usage ({counted(charges, 'charge')}) has no tags",
            "add it to `owners`, or to `match: SubAccountId` of a project in the ledger's directory"
            if account
            else "name its account or project in the system that it is from",
            severity=Severity.WARNING,
        )
        for account, charges in con.execute(query(__package__, "unknown_owners")).fetchall()
    ]


def shown(account: str) -> str:
    """An account in a message."""
    return f"the account {account}" if account else "usage without an account"


def _with_costs(con: duckdb.DuckDBPyConnection, period: str, meters: Sequence[MeterTotal]) -> list[MeterTotal]:
    totals = filled(query(__package__, "given_totals"), **_instants(month_bounds(period)))
    costs = {row.pop("meter"): row for row in named_rows(con, totals)}
    return [replace(each, **costs.get(each.meter, {})) for each in meters]


def _controls(con: duckdb.DuckDBPyConnection, kind: Kind, settings: Settings, period: str) -> list[MeterTotal]:
    """The control totals. Raises OutsideFault if usage was lost or added on the way."""
    found = [
        MeterTotal(**row)
        for row in named_rows(con, sql(__package__, "controls.sql", **_instants(month_bounds(period))))
    ]
    if any(meter.unit for meter in kind.meters):
        found = _with_costs(con, period, found)
    units = {rate.resource: rate.unit for rate in reversed(settings.rates)}
    found = [
        replace(each, units=exact_units(meter, units.get(each.meter, meter.unit)))
        for each in found
        if (meter := kind.meter(each.meter))
    ]
    if wrong := [each for each in found if (each.amount_in, each.cost_in) != (each.amount_out, each.cost_out)]:
        lost = ", ".join(f"{each.meter}: {each.amount_in:,} in, {each.amount_out:,} out" for each in wrong)
        raise OutsideFault(f"usage was lost or added ({lost}); report this as a bug in the program")
    return found


def _summary(
    con: duckdb.DuckDBPyConnection,
    request: Request,
    period: str,
    found: Found,
    meters: Sequence[MeterTotal],
    problems: Sequence[Problem],
) -> Conversion:
    most = str(count(con, query(__package__, "last_record")))
    counts = filled(query(__package__, "used"), most=most, **_instants(month_bounds(period)))
    all_used, used = con.execute(counts).fetchone() or (0, 0)
    left_out = dict(found.left_out)
    if outside := all_used - used:
        left_out["no time in the period"] = outside
    return Conversion(
        kind=request.kind.name,
        period=period,
        currency=request.config.settings.currency,
        rows=count(con, "SELECT count(*) FROM charge"),
        read=found.read,
        used=used,
        left_out=left_out,
        owners=[OwnerTotal(**row) for row in named_rows(con, sql(__package__, "summary.sql"))],
        meters=meters,
        problems=problems,
        notes=found.notes,
    )
