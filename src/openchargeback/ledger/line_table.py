"""A billing line and a resource of a statement as text: their columns, defined once, in the order of every file.

    periods/P.lines.csv           written by closing
    data/P/lines.csv              the open data
    lines.csv, statement.json     embedded in the PDF of a statement

A row is what one PI, project and fund pay for one service of one source. Charges of earlier periods form separate rows,
distinguished by `entry`, `original` and `corrects`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openchargeback import money
from openchargeback.ledger import table
from openchargeback.model import Amounts, BillingLine, Entry, Kind, Various

ENTRY_WORDS = (
    "own: charges of the period itself; late: of an earlier one, approved since; "
    "credit: reverses a charge that an earlier period billed; rebill: bills it again"
)
"""The description of a column `entry`."""

ENTRIES = tuple(entry for entry in Entry if entry is not Entry.REJECTED)
"""The possible entries of a billing line."""

AMOUNT_COLUMNS = ("list", "discount", "covered", "billed")
"""Amounts in cents: list = discount + billed; `covered` is the institution's part of the discount."""

RESOURCE_COLUMNS = (
    *map(table.text, ("fund", "source", "service")),
    table.word("kind", Kind),
    *map(table.text, ("resource_id", "resource_name")),
    table.count("charges"),
)
"""What identifies a resource of a statement, and how many charges it has. In every file, AMOUNT_COLUMNS follow, then
USAGE_COLUMNS."""

USAGE_COLUMNS = (
    *map(table.optional, (table.day("first_day"), table.day("last_day"), table.exact("quantity"))),
    table.text("unit"),
    *map(table.optional, (table.exact("list_unit_price"), table.exact("contracted_unit_price"))),
    table.word("various", Various),
)
"""The days, the quantity and the unit prices of a resource or charge; they follow the amounts."""

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class LineColumn:
    """A column: its name, Table Schema type, description, and its value from (line, statement number, currency).

    shape: the column as read in the closing record, from (name, period, currency).
    """

    name: str
    type: str
    words: str
    value: Callable[[BillingLine, str, str], Value]
    shape: Callable[[str, str, str], table.Column]


def _string(name: str, words: str) -> LineColumn:
    return LineColumn(
        name, "string", words, lambda line, _s, _c: str(getattr(line, name)), lambda *args: table.text(args[0])
    )


def _exact(name: str, words: str) -> LineColumn:
    return LineColumn(
        name, "number", words, lambda line, _s, _c: money.exact(getattr(line, name)), lambda *args: table.exact(args[0])
    )


def _cents(name: str, words: str) -> LineColumn:
    return LineColumn(
        name,
        "number",
        words,
        lambda line, _s, currency: money.plain(getattr(line.amounts, name), currency),
        lambda _name, _period, currency: table.cents(name, currency),
    )


COLUMNS = (
    LineColumn(
        "period",
        "yearmonth",
        "The month that bills the line",
        lambda line, _s, _c: line.period,
        lambda name, period, _c: table.word(name, (period,)),
    ),
    LineColumn(
        "statement",
        "string",
        "Number of the statement that shows the line",
        lambda _line, statement, _c: statement,
        lambda *args: table.text(args[0]),
    ),
    _string("pi", "Email address of the principal investigator; empty if none was found"),
    _string("project", "Id of the project; empty if none was found"),
    _string("fund", "The accounting string that pays; empty if none was found"),
    _string("source", "Where the charges come from"),
    _string("service", "ServiceName of the charges"),
    LineColumn(
        "entry",
        "string",
        ENTRY_WORDS,
        lambda line, _s, _c: str(line.entry),
        lambda *args: table.word(args[0], ENTRIES),
    ),
    _string("original", "The earlier period that the charges belong to; empty for the period's own"),
    _string("corrects", "Number of the statement that a credit or re-billing corrects; otherwise empty"),
    LineColumn(
        "posted",
        "boolean",
        "Whether the line is charged; otherwise it is only shown",
        lambda line, _s, _c: line.posted,
        lambda *args: table.boolean(args[0]),
    ),
    LineColumn(
        "invoiced",
        "boolean",
        "Whether the line is on an invoice to an external payer; what else is charged goes to the journal",
        lambda line, _s, _c: line.invoiced,
        lambda *args: table.boolean(args[0]),
    ),
    LineColumn(
        "charges",
        "integer",
        "Number of charges in the line",
        lambda line, _s, _c: line.charges,
        lambda *args: table.count(args[0]),
    ),
    _cents("list", "List price in cents: discount + billed"),
    _cents("discount", "List price less amount billed, in cents"),
    _cents("covered", "The part of the discount that the institution covers, in cents; the rest is the vendor's"),
    _cents("billed", "The amount due, in cents; if the line is not posted, the value of the usage, with nothing due"),
    _exact("exact_list", "List price before rounding"),
    _exact("exact_billed", "Amount billed before rounding"),
    LineColumn(
        "currency",
        "string",
        "ISO 4217 currency code",
        lambda _line, _s, currency: currency,
        lambda name, _period, currency: table.word(name, (currency,)),
    ),
)


def line_values(line: BillingLine, statement: str, currency: str) -> dict[str, Value]:
    """The values of a line by column, amounts as text. statement: the number of the statement that shows it."""
    return {column.name: column.value(line, statement, currency) for column in COLUMNS}


def line_cells(line: BillingLine, statement: str, currency: str) -> list[str]:
    """The cells of a line in the order of COLUMNS."""
    values = line_values(line, statement, currency).values()
    return [table.yes_no(value) if isinstance(value, bool) else str(value) for value in values]


def amount_values(amounts: Amounts, currency: str) -> dict[str, str]:
    """Amounts in cents as text, by AMOUNT_COLUMNS."""
    return {name: money.plain(getattr(amounts, name), currency) for name in AMOUNT_COLUMNS}
