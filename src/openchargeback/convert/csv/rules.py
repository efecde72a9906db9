"""What no row of a table may be, with what to do about it. SQL is of our own column names only."""

from __future__ import annotations

from collections.abc import Iterator

from openchargeback.convert.csv.cells import LABEL
from openchargeback.convert.csv.settings import CsvSettings, MeterMapping
from openchargeback.convert.findings import Rule, conflicting, misleading, repeated
from openchargeback.focus.database import literal
from openchargeback.problems import Severity

_MAY_LACK = ("list", "price")

_COLUMNS = "check that the cells are in the right columns"


def rules(own: CsvSettings, currency: str) -> Iterator[Rule]:
    """The rules of a mapping, on `placed` with the rows that are not left out."""
    yield from _time_rules(own)
    for index, value in enumerate(own.required, 1):
        yield Rule(
            where=f"required{index} IS NULL",
            value="''",
            code="usage-blank",
            message=f"{value} is empty",
            fix="export it (many reports have it only if grouped by it), or correct the mapping",
        )
    yield misleading((*LABEL, *_types(own)))
    yield Rule(
        where=f"currency IS DISTINCT FROM {literal(currency)}" if own.currency else "false",
        value="coalesce(currency, 'no currency')",
        code="usage-currency",
        message=f"the cost is in {{}}, but the charges are in {currency}",
        fix="convert each currency with a config of its own that leaves out the other rows",
    )
    if any(meter.where for meter in own.meters):
        yield Rule(
            where=f"NOT ({' OR '.join(f'on{index}' for index, _ in enumerate(own.meters, 1))})",
            value="''",
            code="usage-unmapped",
            message="no meter matches the row",
            fix="add a meter whose `where` matches it, or leave such rows out with a reason",
        )
    for index, meter in enumerate(own.meters, 1):
        yield from _meter_rules(index, meter, own, currency)


def _types(own: CsvSettings) -> list[str]:
    return [f"type{index}" for index, meter in enumerate(own.meters, 1) if meter.type]


def _time_rules(own: CsvSettings) -> Iterator[Rule]:
    fix = f"`dates` is {own.dates}: set it to how the table writes times, or {_COLUMNS}"
    for name, required in (("start", "true"), ("end", str(bool(own.end or own.last_day)).lower())):
        yield Rule(
            where=f"{required} AND (({name}_local IS NULL) OR NOT (year({name}_local) BETWEEN 1990 AND 2200))",
            value=f"coalesce({name}_text, '')",
            code="usage-time",
            message="cannot read the time in {}",
            fix=fix,
        )
    yield Rule(
        where="ends <= starts",
        value="concat_ws(', ', start_text, end_text)",
        code="usage-clock",
        message="the usage ends before it begins: {}",
        fix="`end` is exclusive: for the last day of usage, use `last_day`",
    )


def _meter_rules(index: int, meter: MeterMapping, own: CsvSettings, currency: str) -> Iterator[Rule]:
    comma = "" if own.decimal == "," else "; for a decimal comma, set `decimal`"
    names = ["quantity", *(name for name in ("cost", "list", "price") if getattr(meter, name))]
    for name in names:
        yield Rule(
            # A line without a price or a list price is one of which less is known.
            where=f"on{index} AND {name}{index} IS NULL" + (f" AND {name}_there{index}" if name in _MAY_LACK else ""),
            value=f"{name}_shown{index}",
            code="usage-number",
            message=f"cannot read the {name} of {meter.name} in {{}}",
            fix=f"write plain numbers such as 1234.5{comma}; if a cell may be empty, write `=first(…, 0)`",
        )
    yield Rule(
        where=f"on{index} AND (quantity{index} < 0 OR (quantity{index} IS NOT NULL AND amount{index} IS NULL))",
        value=f"quantity_shown{index}",
        code="usage-number",
        message=f"the quantity of {meter.name} is negative or too large: {{}}",
        fix=f"{_COLUMNS}; a refund is a negative cost, not a negative quantity",
    )
    if meter.price:
        # What cannot be multiplied is no match either.
        product = f"times(quantity{index}, price{index})"
        yield Rule(
            where=f"on{index} AND quantity{index} IS NOT NULL AND price{index} IS NOT NULL AND cost{index} IS NOT NULL "
            f"AND coalesce(abs(minus(cost{index}, {product})) > {own.tolerance}, true)",
            value=f"shown{index}",
            code="usage-cost",
            message=f"the cost differs from quantity × price by more than {own.tolerance} {currency}: {{}}",
            fix="ask whoever made the table which is right; `mismatch: warning` bills the cost as it is",
            severity=Severity(own.mismatch),
        )


def repeated_rules(own: CsvSettings) -> tuple[Rule, ...]:
    """On rows whose identity is there more than once."""
    again = "clash IS NULL AND first <> n"
    conflict = conflicting("clash IS NOT NULL", "''", "convert only the newer export, or extend `id` until it differs")
    doubled = Rule(
        where=again,
        value="''",
        code="usage-doubled",
        message="the row is identical to an earlier one",
        fix="convert each export once; set `repeated: once` if exports overlap, `each` if different rows look the same",
    )
    return {"problem": (conflict, doubled), "once": (conflict, repeated(again, "rows")), "each": (conflict,)}[
        own.repeated
    ]
