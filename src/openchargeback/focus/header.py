"""The header of a charge file: which FOCUS column each of its columns is."""

from __future__ import annotations

from collections.abc import Sequence

from openchargeback.focus.column_rules import Finding, severity_for
from openchargeback.focus.columns import COLUMNS, TABLE, WITHDRAWN, canonical_name
from openchargeback.focus.csv_positions import Place, Record
from openchargeback.focus.other_reports import other_report
from openchargeback.focus.schema import SIMPLE, columns_of
from openchargeback.ledger.settings import Source
from openchargeback.problems import Problem, Severity
from openchargeback.wording import counted, listed

_OWN_PREFIXES = ("x_", "oci_")


def names_of(
    labels: Sequence[str], path: str, record: Record | None, cost_column: str
) -> tuple[list[str], list[Problem]]:
    """The canonical name of each column, and what is wrong with the header; columns that are not FOCUS keep theirs.

    record: the header as it stands, None for a file without lines. The columns that billing cannot do without must be
    there: BillingPeriodStart and what the source bills.
    """
    problems: list[Problem] = []
    names: list[str] = []
    seen: dict[str, str] = {}

    def fault(index: int, code: str, message: str, fix: str, severity: Severity = Severity.ERROR) -> None:
        place = record.place(index) if record else Place(0, 0, "")
        problems.append(Problem(path, code, message, fix, place.line, place.column, place.excerpt, severity))

    for index, label in enumerate(labels):
        name = canonical_name(label)
        if not name:
            fault(index, "blank-label", f"column {index + 1} has no name", "name it in the header")
        elif name in seen:
            also = f", as {seen[name].strip()} too" if seen[name] != label else ""
            fault(index, "duplicate-label", f"the header has {label.strip()} twice{also}", "keep one of the columns")
        elif name != label and name in COLUMNS:
            message = f"{label.strip()} is read as {name}"
            fault(index, "label-spelling", message, f"name the column {name}", Severity.WARNING)
        seen.setdefault(name, label)
        names.append(name)
    missing = [needed for needed in ("BillingPeriodStart", cost_column) if needed not in names]
    other = other_report(labels) if missing else None
    if other:
        message = f"this is {other.name}, not a FOCUS file"
        return names, [
            Problem(path, "not-focus", message, other.fix, record.line if record else 0, excerpt=_excerpt(labels))
        ]
    problems += [
        Problem(
            path,
            "missing-label",
            f"there is no column {needed}",
            _as_columns(labels),
            record.line if record else 0,
            excerpt=_excerpt(labels),
        )
        for needed in missing
    ]
    return names, problems


def _excerpt(labels: Sequence[str]) -> str:
    return ",".join(labels)[:200]


_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def _as_columns(labels: Sequence[str]) -> str:
    """How a header comes to have the columns. A single label may be all of them, written otherwise."""
    between = next((name for mark, name in _SEPARATORS.items() if len(labels) == 1 and mark in labels[0]), "")
    if between:
        return f"the cells are separated by {between}: export with commas between them, and points in numbers"
    return "export FOCUS columns with their names in the first line"


def check_header(columns: Sequence[str], dialect: str, source: Source) -> list[Finding]:
    """Labels that are neither of FOCUS nor prefixed, and columns that FOCUS demands and billing does not need.

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
            "correct the spelling, or begin the names of your own columns with x_",
        ),
        (
            "missing-label",
            absent,
            f"{_columns_are(absent, f' of {standard}')} missing: {listed(absent, 3)}",
            "nothing for billing; where the file should be complete, export all columns",
        ),
    ]
    return [
        Finding(code, "" if code == "missing-label" else names[0], severity, len(names), (), message, fix)
        for code, names, message, fix in found
        if names and (severity := severity_for(code, Severity.WARNING, source))
    ]


def _columns_are(names: Sequence[str], which: str = "") -> str:
    return f"{counted(len(names), 'column')}{which} {'is' if len(names) == 1 else 'are'}"
