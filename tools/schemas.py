"""Writes the Table Schemas of all dialects and datasets from the tables of columns in `focus/`.

tools/schemas.py            write them
tools/schemas.py --check    report those that differ from the table, with exit code 1
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from openchargeback.focus.columns import Column
from openchargeback.focus.schema import BILLING_PERIOD, INVOICE_DETAIL, SCHEMAS, SIMPLE, table_of
from openchargeback.focus.tags import TAG_COLUMNS

FOLDER = Path(__file__).resolve().parent.parent / "src" / "openchargeback" / "focus" / "schemas"

# Means the same in Python and in RE2 (DuckDB). In one group, because Frictionless simply puts ^ and $ around it.
_DAY = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\\.[0-9]{1,9})?)?"
_ZONE = " ?(?:Z|UTC|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])"
DATE_TIME = f"(?:{_DAY}(?:[T ]{_TIME}(?:{_ZONE})?)?)"

DESCRIPTION = {
    "focus": (
        "Charges as in FOCUS {version} (FinOps Open Cost and Usage Specification, focus.finops.org), for files as "
        "providers write them: columns in any order, with additional ones. A column is required if the standard "
        "requires it with a value in every row. A recommended or conditional column is not required, even if it must "
        "not be null when present."
    ),
    INVOICE_DETAIL: (
        "The lines of invoices as in the dataset Invoice Detail of FOCUS 1.4 (FinOps Open Cost and Usage "
        "Specification, focus.finops.org): columns in any order, with additional ones."
    ),
    BILLING_PERIOD: (
        "The months of invoices as in the dataset Billing Period of FOCUS 1.4 (FinOps Open Cost and Usage "
        "Specification, focus.finops.org): columns in any order, with additional ones."
    ),
    SIMPLE: (
        "Charges in twelve columns, as research groups write them by hand: whole days, the last one included. Each "
        "needs the billing month, the amount and tags that say who pays."
    ),
}
TITLES = {
    INVOICE_DETAIL: "FOCUS 1.4 Invoice Detail",
    BILLING_PERIOD: "FOCUS 1.4 Billing Period",
    SIMPLE: "OpenChargeback simple dialect",
}
SIMPLE_REQUIRED = ("BillingPeriodStart", "BilledCost", "Tags")

NOTES = {
    "decimal": "A plain number, without currency symbols or thousands separators.",
    "datetime": (
        "In UTC, like 2025-01-01T00:00:00Z. Seconds and time zone are optional, a space may replace the T, and a date "
        "alone is allowed."
    ),
    "tags": "A flat JSON object. Not checked as one here: OpenChargeback holds a charge whose tags cannot be read.",
}


def main(arguments: list[str]) -> int:
    """Write or check all files."""
    stale = [name for name in SCHEMAS if _stored(name) != text(name)]
    if "--check" in arguments:
        for name in stale:
            print(f"{FOLDER / name}.json is out of date; run tools/schemas.py")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        _path(name).write_text(text(name), encoding="utf-8")
    return 0


def _path(dialect: str) -> Path:
    return FOLDER / f"{dialect}.json"


def _stored(dialect: str) -> str:
    return _path(dialect).read_text(encoding="utf-8") if _path(dialect).is_file() else ""


def text(dialect: str) -> str:
    """The file of a dialect: JSON, indented, one line feed at the end."""
    return json.dumps(descriptor(dialect), indent=2, ensure_ascii=False) + "\n"


def descriptor(dialect: str) -> dict[str, Any]:
    """The Table Schema of a dialect (Data Package v2, "Table Schema")."""
    version = dialect.removeprefix("focus-")
    words = DESCRIPTION.get(dialect, DESCRIPTION["focus"])
    return {
        "name": dialect,
        "title": TITLES.get(dialect, f"FOCUS {version}"),
        "description": words.format(version=version),
        # By name, and files may have further columns or lack optional ones.
        "fieldsMatch": "partial",
        "missingValues": ["", "NULL", "null"],
        "fields": [_field(column, dialect) for column in table_of(dialect).values()],
    }


def _field(column: Column, dialect: str) -> dict[str, Any]:
    required = column.name in SIMPLE_REQUIRED if dialect == SIMPLE else column.required
    kind = "tags" if column.name in TAG_COLUMNS else column.type
    types = {"decimal": "number", "json": "object"}
    constraints: dict[str, Any] = {}
    if required:
        constraints["required"] = True
    if column.type == "datetime":
        constraints["pattern"] = DATE_TIME
    if column.values:
        constraints["enum"] = list(column.values)
    field: dict[str, Any] = {
        "name": column.name,
        "type": types.get(kind, "string"),
        "description": " ".join([f"{column.description}.", *([NOTES[kind]] if kind in NOTES else [])]),
    }
    return {**field, "constraints": constraints} if constraints else field


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
