"""The CSV files that closing a month writes: exact columns, strict cells, `\\n` line ends, deterministic bytes.

Text that a spreadsheet would run has an apostrophe in front, which is taken away again here (`csv_writing`).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from openchargeback import money
from openchargeback.csv_writing import csv_bytes, quoted, unguarded
from openchargeback.problems import Problem

csv.field_size_limit(64 * 1024 * 1024)
_COUNT = re.compile(r"0|[1-9]\d{0,17}", re.ASCII)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FIX = "restore the file from Git; it is never edited by hand"


INVALID: Any = object()
"""What reading a cell gives that has no value of its column."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column by name; `read` parses a cell, INVALID if it cannot; `what` describes the expected value."""

    name: str
    read: Callable[[str], Any]
    what: str


def text(name: str) -> Column:
    """Any text."""
    return Column(name, str, "text")


def count(name: str) -> Column:
    """A whole number from 0."""
    return Column(name, lambda cell: int(cell) if _COUNT.fullmatch(cell) else INVALID, "a whole number")


def exact(name: str) -> Column:
    """An exact amount."""
    return Column(name, _exact, "an amount")


def day(name: str) -> Column:
    """A day, `2025-01-31`."""
    return Column(name, _day, "a day such as 2025-01-31")


def optional(column: Column) -> Column:
    """The same column, whose cells may be empty; then the value is None."""
    return Column(column.name, lambda cell: column.read(cell) if cell else None, f"empty or {column.what}")


def cents(name: str, currency: str) -> Column:
    """An amount in cents, with all decimal places of the currency."""
    places = money.places(currency)
    decimals = rf"\.\d{{{places}}}" if places else ""
    written = re.compile(rf"(?!-0(\.0*)?$)-?(0|[1-9]\d{{0,{money.SUM_DIGITS - 1}}}){decimals}", re.ASCII)
    return Column(
        name,
        lambda cell: Decimal(cell) if written.fullmatch(cell) else INVALID,
        f"an amount in {currency} with all decimal places",
    )


def word(name: str, words: Iterable[str]) -> Column:
    """One of a few words."""
    known = {str(each): each for each in words}
    return Column(name, lambda cell: known.get(cell, INVALID), f"one of {', '.join(filter(None, known))}")


def boolean(name: str) -> Column:
    """`yes` or `no`, as `yes_no` writes it."""
    return Column(name, lambda cell: {"yes": True, "no": False}.get(cell, INVALID), "yes or no")


def yes_no(value: bool) -> str:  # noqa: FBT001 - the only argument
    """A boolean as text."""
    return "yes" if value else "no"


def _exact(cell: str) -> Any:
    value = money.parse(cell, money.SUM_DIGITS)
    return INVALID if value is None else value


def _day(cell: str) -> Any:
    try:
        return dt.date.fromisoformat(cell) if _ISO_DAY.fullmatch(cell) else INVALID
    except ValueError:
        return INVALID


def write_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> bytes:
    """The bytes of a table."""
    return csv_bytes([column.name for column in columns], rows)


def read_table(data: bytes, path: str, columns: Sequence[Column], problems: list[Problem]) -> list[list[Any]]:
    """The values of every row, in the order of the columns; faulty rows are left out and all reported."""
    try:
        content = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(Problem(path, "frozen-fault", "not UTF-8 text", _FIX, line))
        return []
    rows = csv.reader(io.StringIO(content, newline="\n"), strict=True)
    every: list[list[str]] = []
    lines = [1]
    head = [column.name for column in columns]
    fault = None
    try:
        found = next(rows, [])
        if found != head:
            problems.append(Problem(path, "frozen-fault", f"the header is not {','.join(head)}", _FIX, 1, 1))
            return []
        lines = [rows.line_num + 1]
        for cells in rows:
            every.append(cells)
            lines.append(rows.line_num + 1)
    except csv.Error as error:
        fault = Problem(path, "frozen-fault", f"not readable as CSV: {error}", _FIX, lines[-1])
    result = _all_values(every, columns)
    if result is None:
        read = (_values(cells, columns, path, line, problems) for cells, line in zip(every, lines, strict=False))
        result = [values for values in read if values is not None]
    problems += [fault] if fault else []
    return result


def _all_values(rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[list[Any]] | None:
    """The values of all rows; None if any is faulty. Equal cells of a column are read once: a record has many."""
    if any(len(cells) != len(columns) for cells in rows):
        return None
    result = []
    for column, cells in zip(columns, zip(*rows, strict=True), strict=bool(rows)):
        known = {cell: column.read(unguarded(cell)) for cell in set(cells)}
        if any(value is INVALID for value in known.values()):
            return None
        result.append([known[cell] for cell in cells])
    return [list(values) for values in zip(*result, strict=True)]


def _values(
    cells: list[str], columns: Sequence[Column], path: str, line: int, problems: list[Problem]
) -> list[Any] | None:
    if len(cells) != len(columns):
        message = f"{len(cells)} cells, but there are {len(columns)} columns"
        problems.append(Problem(path, "frozen-fault", message, _FIX, line, 1))
        return None
    values = [column.read(unguarded(cell)) for column, cell in zip(columns, cells, strict=True)]
    for place, value in enumerate(values):
        if value is INVALID:
            column = columns[place]
            message = f"{column.name} is not {column.what}: {cells[place][:60]}"
            problems.append(Problem(path, "frozen-fault", message, _FIX, line, _column(cells, place)))
    return None if any(value is INVALID for value in values) else values


def _column(cells: Sequence[str], place: int) -> int:
    """The column where a cell starts in its line, in characters from 1."""
    return sum(len(quoted(cell)) + 1 for cell in cells[:place]) + 1
