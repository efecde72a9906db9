"""The data files of a statement, which are embedded in its PDF.

`statement.json` is the record (`statement_record.py`); `lines.csv` has its lines for a spreadsheet, `charges.csv` every
charge behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from openchargeback.billing.statement_charges import COLUMNS as CHARGE_COLUMNS
from openchargeback.billing.statement_charges import LINE_END, correction_rows
from openchargeback.csv_writing import csv_bytes
from openchargeback.ledger.line_table import COLUMNS, line_cells
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, Statement
from openchargeback.portal.statement_record import statement_json

JSON_NAME = "statement.json"
LINES_NAME = "lines.csv"
CHARGES_NAME = "charges.csv"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file to embed: its name, its description, its media type, its bytes."""

    name: str
    description: str
    media_type: str
    content: bytes


class StatementCharges(Protocol):
    """The charges of the months of a site, made when they are asked for."""

    def key(self, period: BilledPeriod, statement: Statement) -> str:
        """What identifies the charges of a statement."""

    def rows(self, period: BilledPeriod, statement: Statement) -> str | None:
        """The rows of `charges.csv` for the statement's own month; None if they cannot be made."""


def data_files(statement: Statement, config: Config, rows: str | None) -> tuple[DataFile, ...]:
    """The files that a statement's PDF carries, sorted by name as PDF name trees require (ISO 32000-1, 7.9.6).

    rows: of `charges.csv`, for the month itself; without them there is no such file, since it would be incomplete.
    """
    charges = None if rows is None else charges_csv(statement, config, rows)
    files = [
        DataFile(CHARGES_NAME, "Every charge on this statement", "text/csv", charges) if charges is not None else None,
        DataFile(LINES_NAME, "The billing lines of this statement", "text/csv", lines_csv(statement, config)),
        DataFile(JSON_NAME, "The record of this statement", "application/json", statement_json(statement, config)),
    ]
    return tuple(file for file in files if file)


def lines_csv(statement: Statement, config: Config) -> bytes:
    """The billing lines, one per row, amounts in cents and exact; the posted rows add up to the total."""
    rows = (line_cells(line, statement.number, config.currency) for line in statement.lines)
    return csv_bytes([column.name for column in COLUMNS], rows, LINE_END)


def charges_csv(statement: Statement, config: Config, rows: str) -> bytes:
    """Every charge, one per row, amounts in cents and exact; the posted rows add up to the total."""
    return csv_bytes(list(CHARGE_COLUMNS), (), LINE_END) + (
        rows + correction_rows(statement.corrections, config)
    ).encode("utf-8", "backslashreplace")
