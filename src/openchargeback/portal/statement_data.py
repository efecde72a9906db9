"""The data files of a statement, which are embedded in its PDF.

`statement.json` is the record: everything the statement says, in one canonical form (sorted keys, amounts as strings,
no dates but the statement's own), so that it can later be compared byte by byte with a recomputed one. The two CSV
files contain the same for a spreadsheet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.csv_writing import csv_bytes
from openchargeback.ledger.line_table import (
    AMOUNT_COLUMNS,
    COLUMNS,
    RESOURCE_COLUMNS,
    amount_values,
    line_cells,
    line_values,
)
from openchargeback.model import Statement

RECORD_VERSION = 5
"""Increases when the format of `statement.json` changes, so that a check knows what it reads."""

_LINE_END = "\r\n"  # RFC 4180

JSON_NAME = "statement.json"
LINES_NAME = "lines.csv"
RESOURCES_NAME = "resources.csv"

_ON_THE_HEAD = ("period", "statement", "pi", "project", "currency")
"""Columns of a line that a statement's record states once for the whole statement."""

_RESOURCE_COLUMNS = tuple(column.name for column in RESOURCE_COLUMNS)
"""The columns of a resource, besides its amounts."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file to embed: its name, its description, its bytes."""

    name: str
    description: str
    content: bytes


def data_files(statement: Statement, currency: str) -> tuple[DataFile, ...]:
    """The files that a statement's PDF carries, sorted by name as PDF name trees require (ISO 32000-1, 7.9.6)."""
    return (
        DataFile(LINES_NAME, "Billing lines of this statement", lines_csv(statement, currency)),
        DataFile(RESOURCES_NAME, "Resources of this statement", resources_csv(statement, currency)),
        DataFile(JSON_NAME, "The record of this statement", statement_json(statement, currency)),
    )


def statement_json(statement: Statement, currency: str) -> bytes:
    """The record of a statement: UTF-8 JSON with sorted keys, one space of indentation and a final line feed."""
    record = {
        "format": "openchargeback-statement",
        "version": RECORD_VERSION,
        **_fields(statement, "number", "period", "revision", "draft", "digest", "funds"),
        "issued": statement.issued.isoformat(),
        "currency": currency,
        "pi": _fields(statement.pi, "email", "name", "department"),
        "project": _fields(statement.project, "id", "title"),
        "total": amount_values(statement.amounts, currency),
        "shown": amount_values(statement.shown, currency),
        "lines": [
            {
                name: value
                for name, value in line_values(line, statement.number, currency).items()
                if name not in _ON_THE_HEAD
            }
            for line in statement.lines
        ],
        "resources": [
            _fields(part, *_RESOURCE_COLUMNS) | amount_values(part.amounts, currency) for part in statement.resources
        ],
        "attributions": [
            _fields(found, "pi", "project", "fund", "by", "posted", "charges", "exact_billed")
            | {"billed": money.plain(found.billed, currency)}
            for found in statement.attributions
        ],
        "references": {reference.name: _fields(reference, "values", "count") for reference in statement.references},
        "held": [
            _fields(item, "source", "service", "flags", "charges", "exact_list", "exact_billed", "currency")
            for item in statement.held
        ],
    }
    text = json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    # A lone surrogate cannot be written as UTF-8; nothing read from a file has one.
    return text.encode("utf-8", errors="backslashreplace")


def _fields(record: object, *names: str) -> dict[str, object]:
    """Fields of a record by name, exact amounts as text."""
    values = {name: getattr(record, name) for name in names}
    return {name: money.exact(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def lines_csv(statement: Statement, currency: str) -> bytes:
    """The billing lines, one per row, amounts in cents and exact; the posted rows add up to the total."""
    rows = (line_cells(line, statement.number, currency) for line in statement.lines)
    return csv_bytes([column.name for column in COLUMNS], rows, _LINE_END)


def resources_csv(statement: Statement, currency: str) -> bytes:
    """Every resource, one per row, amounts in cents; the rows of a fund, source and service add up to its line."""
    head = ("statement", "period", *_RESOURCE_COLUMNS, *AMOUNT_COLUMNS, "currency")
    rows = (
        [
            *(statement.number, statement.period),
            *map(str, _fields(part, *_RESOURCE_COLUMNS).values()),
            *amount_values(part.amounts, currency).values(),
            currency,
        ]
        for part in statement.resources
    )
    return csv_bytes(head, rows, _LINE_END)
