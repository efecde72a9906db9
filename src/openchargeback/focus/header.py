"""Maps the header of a charge file to FOCUS columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from openchargeback.focus.column_rules import Finding, severity_for
from openchargeback.focus.columns import COLUMNS, TABLE, WITHDRAWN, canonical_name
from openchargeback.focus.csv_positions import Place, Record
from openchargeback.focus.other_reports import other_report
from openchargeback.focus.schema import SIMPLE, columns_of
from openchargeback.ledger.settings import Source
from openchargeback.problems import Problem, Severity
from openchargeback.wording import counted, listed

_OWN_PREFIXES = ("x_", "oci_")
_FEW = 3
"""Columns in another case, each with a warning of its own; more of them have one together."""


def names_of(
    labels: Sequence[str], path: str, record: Record | None, cost_column: str
) -> tuple[list[str], list[Problem]]:
    """The canonical name of each column, and what is wrong with the header; columns not in FOCUS keep their names.

    record: the header as text, None for a file without lines. The columns that billing needs must exist:
    BillingPeriodStart and the cost that the source bills.
    """
    names = [canonical_name(label) for label in labels]
    missing = [name for name in ("BillingPeriodStart", cost_column) if name not in names]
    line, excerpt = record.line if record else 0, ",".join(labels)[:200]
    if missing and (other := other_report(labels)):
        message = f"this is {other.name}, not a FOCUS file"
        return names, [Problem(path, "not-focus", message, other.fix, line, excerpt=excerpt)]
    problems = list(_label_problems(labels, names, path, record))
    for name in missing:
        message, fix = f"the column {name} is missing", _as_columns(labels, names)
        problems.append(Problem(path, "missing-label", message, fix, line, excerpt=excerpt))
    return names, problems


def _label_problems(labels: Sequence[str], names: Sequence[str], path: str, record: Record | None) -> Iterator[Problem]:
    first: dict[str, int] = {}
    cased = [a for a, b in zip(labels, names, strict=True) if a != b and a.strip().casefold() == b.casefold()]
    for index, (label, name) in enumerate(zip(labels, names, strict=True)):
        severity, before = Severity.ERROR, first.setdefault(name, index)
        if not name:
            code, message, fix = "blank-label", f"column {index + 1} has no name", "name it in the header"
        elif before != index:
            also = f", also as {labels[before].strip()}" if labels[before] != label else ""
            both = f"{label.strip()} twice{also}"
            code, message, fix = "duplicate-label", f"the header has {both}", "keep one of the columns"
        elif name != label and name in COLUMNS:
            if len(cased) > _FEW and label in cased:
                continue
            code, message, fix = "label-spelling", f"{label.strip()} is read as {name}", f"name the column {name}"
            severity = Severity.WARNING
        else:
            continue
        place = record.place(index) if record else Place(0, 0, "")
        yield Problem(path, code, message, fix, place.line, place.column, place.excerpt, severity)
    if len(cased) > _FEW:
        yield _in_another_case(path, record.line if record else 0, cased)


def _in_another_case(path: str, line: int, labels: Sequence[str]) -> Problem:
    """One warning for many columns, since databases write all of them so."""
    message = f"{counted(len(labels), 'column')} are spelled in another case than in FOCUS: {listed(labels, 2)}"
    fix = "nothing to fix if the exporter cannot keep the case of names, as Snowflake without quotes"
    return Problem(path, "label-spelling", message, fix, line, severity=Severity.WARNING)


_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def _as_columns(labels: Sequence[str], names: Sequence[str]) -> str:
    """How to get a header with the columns. A single label may be all of them with another separator."""
    if not any(name.endswith("Cost") for name in names) and {"ConsumedQuantity", "PricingQuantity"} & set(names):
        return "the file has quantities but no costs, as CoreWeave's export: price it with `focus-billing convert csv`"
    between = next((name for mark, name in _SEPARATORS.items() if len(labels) == 1 and mark in labels[0]), "")
    if between:
        return f"the cells are separated by {between}: export with commas between cells and decimal points in numbers"
    return "export FOCUS columns with their names in the first line"


def check_header(columns: Sequence[str], dialect: str, source: Source) -> list[Finding]:
    """Labels that are neither in FOCUS nor prefixed, and columns that FOCUS requires but billing does not need.

    columns: canonical names in the order of the file. dialect: as `detect` gives it.
    """
    unknown = [name for name in columns if name not in TABLE and not name.lower().startswith(_OWN_PREFIXES)]
    absent = [
        name
        for name in columns_of(dialect)
        if name not in columns
        and name not in {"BillingPeriodStart", source.cost}
        and (name == "Tags" if dialect == SIMPLE else TABLE[name].level == "mandatory")
    ]
    shown = [f"{name} (now in {WITHDRAWN[name]})" if name in WITHDRAWN else name for name in sorted(unknown)]
    standard = "the simple dialect" if dialect == SIMPLE else dialect.replace("focus-", "FOCUS ")
    found = [
        (
            "unknown-label",
            unknown,
            f"{_columns_are(unknown)} not in FOCUS: {listed(shown, 10)}",
            "correct the spelling, or prefix the names of your own columns with x_",
        ),
        (
            "missing-label",
            absent,
            f"{_columns_are(absent, f' of {standard}')} missing: {listed(absent, 3)}",
            "billing does not need them; for a complete file, export all columns",
        ),
    ]
    return [
        Finding(code, "" if code == "missing-label" else names[0], severity, len(names), (), message, fix)
        for code, names, message, fix in found
        if names and (severity := severity_for(code, Severity.WARNING, source))
    ]


def _columns_are(names: Sequence[str], which: str = "") -> str:
    return f"{counted(len(names), 'column')}{which} {'is' if len(names) == 1 else 'are'}"
