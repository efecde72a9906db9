"""Charges of earlier periods on a statement: a block of their own, and figures that tie."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal

import factory
import statement_cases as cases

from openchargeback.export import open_data
from openchargeback.ledger.line_table import COLUMNS
from openchargeback.model import Entry, Statement
from openchargeback.portal.statement_data import lines_csv
from openchargeback.portal.statement_parts import Figures
from openchargeback.portal.statement_record import statement_json

ORIGINAL = "2024-11-0123456789"


def corrected() -> Statement:
    """A statement with a late line, a credit and a re-billing beside its own lines."""
    own = cases.line("aws", "Amazon EC2", cases.FUND, "40.00", "50.00")
    late = replace(cases.line("aws", "Amazon EC2", cases.FUND, "9.00", "10.00"), entry=Entry.LATE, original="2024-11")
    credit = replace(
        cases.line("aws", "Amazon S3", cases.FUND, "-5.00", "-6.00"),
        entry=Entry.CREDIT, original="2024-11", corrects=ORIGINAL,
    )  # fmt: skip
    again = replace(
        cases.line("aws", "Amazon S3", "OTHER-1", "5.00", "6.00"),
        entry=Entry.REBILL, original="2024-11", corrects=ORIGINAL,
    )  # fmt: skip
    return cases.statement([own, late, credit, again], [])


def test_the_block_names_what_is_corrected_and_ties() -> None:
    """Own services and earlier periods add up to the total."""
    statement = corrected()
    view, note = cases.view(statement), f"{statement.number}-c1"
    main = view.main
    assert [(row.what, row.note, row.figures.due) for row in (*main.credits.rows, *main.late.rows)] == [
        (f"Takes back charges of November 2024 on statement {ORIGINAL}", note, Decimal("-5.00")),
        ("Used in November 2024, under review when that month was closed", "", Decimal("9.00")),
        (f"Billed again for November 2024, first on statement {ORIGINAL}", "", Decimal("5.00")),
    ]
    assert [block.service for block in main.services] == ["Amazon EC2"]
    assert main.charges.due + main.credits.total.due + main.late.total.due == main.total.due == Decimal("49.00")
    assert main.late.total == Figures(list=Decimal("16.00"), discount=Decimal("-2.00"), due=Decimal("14.00"))
    assert sum(row.figures.due for row in view.funds) == main.total.due


def test_the_data_says_it_too() -> None:
    """Record and table name original and statement for such lines."""
    record = json.loads(statement_json(corrected(), cases.config()))
    assert [(each["entry"], each["original"], each["corrects"]) for each in record["lines"]] == [
        ("own", "", ""),
        ("late", "2024-11", ""),
        ("credit", "2024-11", ORIGINAL),
        ("rebill", "2024-11", ORIGINAL),
    ]
    rows = list(csv.DictReader(io.StringIO(lines_csv(corrected(), cases.config()).decode())))
    assert [row["entry"] for row in rows] == ["own", "late", "credit", "rebill"]
    assert sum(Decimal(row["billed"]) for row in rows) == Decimal("49.00")


def test_the_open_data_tells_entries_apart_by_the_same_columns() -> None:
    """`data/P/lines.csv` is what the statement's own table is: one list of columns, the same cells."""
    statement = corrected()
    period = replace(factory.site().periods[-1], statements=(statement,), lines=statement.lines, currency="USD")
    rows = list(csv.DictReader(io.StringIO(open_data.lines_csv(period).decode())))
    assert [(row["entry"], row["original"], row["corrects"]) for row in rows] == [
        ("own", "", ""),
        ("late", "2024-11", ""),
        ("credit", "2024-11", ORIGINAL),
        ("rebill", "2024-11", ORIGINAL),
    ]
    table = list(csv.DictReader(io.StringIO(lines_csv(statement, cases.config()).decode())))
    assert list(rows[0]) == list(table[0]) == [column.name for column in COLUMNS]
    # Only a spreadsheet's formula would stand otherwise in a table that people open.
    text = [column.name for column in COLUMNS if column.type == "string"]
    assert [[row[name] for name in text] for row in rows] == [[row[name] for name in text] for row in table]
