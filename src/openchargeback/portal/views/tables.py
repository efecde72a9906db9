"""Tables of figures: what a page shows of them, and the same rows as CSV.

A view names the columns and fills the cells; one macro (`site_templates/tables.html`) formats all of them. A page shows
the first rows and sums up the others, so that no page grows without limit; the CSV file has every row.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import compress

from openchargeback import money
from openchargeback.csv_writing import csv_bytes

MOST_ROWS = 200
"""The rows of a table that a page shows, if it has no other one. A page has at most 3,000 elements."""

LIST_ROWS = 150
"""As MOST_ROWS, for wide rows."""

PART_ROWS = 30
"""The rows of a table that stands beside others."""

MOST_WITHOUT_CSV = 25
"""A table with more rows has a CSV file."""

DESCENDING = "descending"


class Kind(enum.StrEnum):
    """What the cells of a column hold, which says how they are written."""

    TEXT = "text"
    LONG = "long"
    ID = "id"
    MONEY = "money"
    CHANGE = "change"
    EXACT = "exact"
    COUNT = "count"
    PERCENT = "percent"
    DATE = "date"
    PERIOD = "period"
    STATE = "state"
    SIZE = "size"
    DIGEST = "digest"
    LINE = "line"

    @property
    def is_number(self) -> bool:
        """Whether the cells are right-aligned and sorted as numbers."""
        return self in (Kind.MONEY, Kind.CHANGE, Kind.EXACT, Kind.COUNT, Kind.PERCENT, Kind.SIZE)


@dataclass(frozen=True, slots=True)
class Column:
    """A column. unit: the currency of its amounts. order: how the rows are sorted by it, if they are.

    adds: whether the sum of its cells means something. note: what the muted second part of its cells is, in CSV.
    beside: whether a phone shows it beside the name, if the rows are sorted by no number.
    """

    label: str
    kind: Kind = Kind.TEXT
    unit: str = ""
    order: str = ""
    adds: bool = False
    note: str = ""
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of its column's kind, or None for nothing. path: the page that shows what it is made of.

    note: a muted second part beside a text. hint: what hovering adds.
    """

    value: object = None
    path: str = ""
    note: str = ""
    hint: str = ""


Row = tuple[Cell, ...]

NOTHING = Cell()


@dataclass(frozen=True, slots=True)
class CsvFile:
    """All rows of a table. path: in the output folder. count: of its rows."""

    path: str
    sha256: str
    count: int
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cut:
    """How a long table is shown: the path of the CSV file of all its rows, and the most rows on the page."""

    csv: str
    most: int = MOST_ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as a page shows it. id: unique on the page. count: of all rows.

    rest: the sum of the rows that are not shown; total: the sum of all. Each is empty if there is none.
    """

    id: str
    caption: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    count: int
    rest: Row = ()
    total: Row = ()
    csv: CsvFile | None = None

    @property
    def key(self) -> int:
        """The index of the column beside the name on a phone: the one that rows are sorted by, or the last cents."""
        numbers = [at for at, column in enumerate(self.columns) if at and column.kind.is_number]
        by = [at for at in numbers if self.columns[at].order or self.columns[at].beside]
        cents = [at for at in numbers if self.columns[at].kind is Kind.MONEY]
        return (by or cents[-1:] or numbers[-1:] or [0])[0]


def money_column(label: str, currency: str, *, order: str = "", kind: Kind = Kind.MONEY) -> Column:
    """A column of amounts that can be added up."""
    return Column(label, kind, currency, order, adds=True)


def table(
    id_: str,
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Row],
    *,
    note: str = "",
    total: str = "",
    cut: Cut | None = None,
) -> Table:
    """A table of these rows, in their order; a column of texts or comparisons that are all empty is left out.

    total: the name of the total row; without one there is none, nor one of the rest. cut: without it, all are shown.
    """
    columns, found = _used(columns, tuple(rows))
    shown, others = found[: cut.most if cut else None], found[cut.most if cut else len(found) :]
    return Table(
        id=id_,
        caption=caption,
        note=note,
        columns=tuple(columns),
        rows=shown,
        count=len(found),
        rest=_sum(columns, others, f"{len(others):,} more") if others and total else (),
        total=_sum(columns, found, total) if total and found else (),
        csv=csv_file(cut, columns, found) if cut else None,
    )


def csv_file(cut: Cut, columns: Sequence[Column], rows: Sequence[Row]) -> CsvFile | None:
    """All rows of a table or a list as CSV, if it is long or its page leaves some out."""
    if len(rows) <= min(cut.most, MOST_WITHOUT_CSV):
        return None
    content = csv_bytes(tuple(_heads(columns)), (tuple(_texts(columns, row)) for row in rows))
    return CsvFile(cut.csv, hashlib.sha256(content).hexdigest(), len(rows), content)


def _used(columns: Sequence[Column], rows: tuple[Row, ...]) -> tuple[Sequence[Column], tuple[Row, ...]]:
    """Without the columns of texts and comparisons in which no row has any."""
    may_lack = (Kind.TEXT, Kind.LONG, Kind.CHANGE, Kind.PERCENT)
    used = [
        not at or column.kind not in may_lack or any(row[at].value not in (None, "") or row[at].note for row in rows)
        for at, column in enumerate(columns)
    ]
    if all(used) or not rows:
        return columns, rows
    return tuple(compress(columns, used)), tuple(tuple(compress(row, used)) for row in rows)


def _sum(columns: Sequence[Column], rows: Sequence[Row], name: str) -> Row:
    sums = (Cell(_added(column, [row[at].value for row in rows])) for at, column in enumerate(columns[1:], start=1))
    return (Cell(name), *sums)


def _added(column: Column, values: Sequence[object]) -> object:
    """The sum of a column; None if it means nothing."""
    if not column.adds:
        return None
    if column.kind is Kind.COUNT:
        return sum(value for value in values if isinstance(value, int))
    return money.total(*(value for value in values if isinstance(value, Decimal)))


def _heads(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        if column.kind is not Kind.LINE:
            yield f"{column.label} {column.unit}".strip()
            if column.note:
                yield column.note


def _texts(columns: Sequence[Column], row: Row) -> Iterator[str]:
    for column, cell in zip(columns, row, strict=True):
        if column.kind is not Kind.LINE:
            yield _text(column, cell.value)
            if column.note:
                yield cell.note or cell.hint


def _text(column: Column, value: object) -> str:
    match value:
        case None:
            return ""
        case Decimal():
            cents = column.kind in (Kind.MONEY, Kind.CHANGE)
            return money.plain(value, column.unit) if cents else money.exact(value)
        case dt.date():
            return value.isoformat()
    return str(getattr(value, "word", value))
