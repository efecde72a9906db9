"""Runs Frictionless on the rows that the prefilter does not pass (or on all), and checks what Frictionless accepts.

Frictionless reads some cells differently from FOCUS: it accepts `NaN`, `+5` and `1_000` as numbers, and its patterns do
not know the calendar. Our own checks cover what it passes, so they run wherever Frictionless runs.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from openchargeback import money

MOST_UNEVEN = 10
"""How many missing or extra cells of one row are reported; the last one represents the rest."""

_NUMBER = re.compile(money.NUMBER_PATTERN, re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row, or with one cell of it.

    row: its number among the rows checked, from 0. column: from 0; -1 for the row as a whole. code: Frictionless's
    code, or one of ours: number-spelling, amount-size, no-such-date. text: the cell; None if it is empty or missing.
    count: how many cells of the row it represents.
    """

    row: int
    column: int
    code: str
    note: str
    text: str | None
    count: int = 1


def faults_of(
    rows: Iterable[Sequence[str | None]],
    fields: Sequence[dict[str, Any]],
    missing: Sequence[str],
    amounts: frozenset[str],
) -> Iterator[Fault]:
    """The faults of rows of cells, in order.

    fields: Table Schema fields in the order of the cells; missing: the texts that mean null; amounts: the names of the
    fields with billed or list amounts, which must fit a sum.
    """
    from frictionless import Dialect, Schema
    from frictionless.resources import TableResource

    schema = Schema.from_descriptor({"fields": list(fields), "missingValues": list(missing)})
    labels = [field["name"] for field in fields]
    nulls = frozenset(missing)
    lengths: dict[int, int] = {}
    data = partial(_under_labels, labels, rows, lengths)
    # Stated explicitly: if many rows are uneven, Frictionless would mistake one of them for the header.
    with TableResource(data=data, schema=schema, dialect=Dialect(header=True, header_rows=[1])) as resource:
        for index, row in enumerate(resource.row_stream):
            cells = row.cells
            length = lengths.pop(index, len(labels))
            blamed: set[int] = set()
            for error in row.errors:
                column = getattr(error, "field_number", 0) - 1
                blamed.add(column)
                text = cells[column] if 0 <= column < len(cells) else None
                if count := _cells_covered(error.type, column, length, len(labels)):
                    yield Fault(index, column, error.type, error.note, None if text in nulls else text, count)
            if -1 not in blamed:
                for code, column, cell in _own_faults(cells, fields, nulls, amounts):
                    if column not in blamed:
                        yield Fault(index, column, code, "", cell)


def _under_labels(
    labels: list[str], rows: Iterable[Sequence[str | None]], lengths: dict[int, int]
) -> Iterator[Sequence[str | None]]:
    """Labels and rows as Frictionless reads them; the lengths of uneven rows are added to `lengths`."""
    yield labels
    for index, row in enumerate(rows):
        if len(row) != len(labels):
            lengths[index] = len(row)
        # With each extra cell Frictionless keeps all cells of the row.
        yield list(row[: len(labels) + MOST_UNEVEN])


def _cells_covered(code: str, column: int, length: int, columns: int) -> int:
    """How many cells a fault in this column represents, in a row of that length: 0 if another fault covers it."""
    if code not in ("missing-cell", "extra-cell"):
        return 1
    place = column - min(length, columns)
    if place == MOST_UNEVEN - 1:
        return abs(length - columns) - place
    return int(place < MOST_UNEVEN)


def _own_faults(
    cells: Sequence[str | None], fields: Sequence[dict[str, Any]], nulls: frozenset[str], amounts: frozenset[str]
) -> Iterator[tuple[str, int, str]]:
    """What is wrong with cells that Frictionless passes: code, column and cell."""
    for column, (field, cell) in enumerate(zip(fields, cells, strict=False)):
        if cell is None or cell in nulls:
            continue
        if field["type"] == "number":
            if not _NUMBER.fullmatch(cell):
                yield "number-spelling", column, cell
            elif field["name"] in amounts and money.parse(cell) is None:
                yield "amount-size", column, cell
        elif "pattern" in field.get("constraints", {}) and not _is_date(cell):
            yield "no-such-date", column, cell


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text[:10])
    except ValueError:
        return False
    # Frictionless accepts a line break at the end of a pattern.
    return not text.endswith("\n")
