"""Frictionless, on the rows that the prefilter does not pass (or on all), and checks of what Frictionless allows.

Frictionless reads some cells differently from FOCUS: `NaN`, `+5` and `1_000` are numbers to it, and a pattern knows no
calendar. Our own checks look again at what it passes, so they run wherever Frictionless runs.
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
"""How many missing or extra cells of one row are reported; the last one stands for the rest."""

_NUMBER = re.compile(money.NUMBER_PATTERN, re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row, or with one cell of it.

    row: its number among the rows checked, from 0. column: from 0; -1 for the row as a whole. code: as Frictionless
    names it, or one of ours: number-spelling, amount-size, no-such-date. text: the cell, None where it is empty or
    missing. count: for how many cells of the row it stands.
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
    """The faults of rows of cells, in their order.

    fields: Table Schema fields in the order of the cells; missing: the texts that mean null; amounts: the names of the
    fields that hold money which is billed or listed, and so must fit a sum.
    """
    from frictionless import Dialect, Schema
    from frictionless.resources import TableResource

    schema = Schema.from_descriptor({"fields": list(fields), "missingValues": list(missing)})
    labels = [field["name"] for field in fields]
    nulls = frozenset(missing)
    lengths: dict[int, int] = {}
    data = partial(_under_labels, labels, rows, lengths)
    # Stated, not guessed: where many rows are uneven, Frictionless takes one of them for the header.
    with TableResource(data=data, schema=schema, dialect=Dialect(header=True, header_rows=[1])) as resource:
        for index, row in enumerate(resource.row_stream):
            cells = row.cells
            length = lengths.pop(index, len(labels))
            blamed: set[int] = set()
            for error in row.errors:
                column = getattr(error, "field_number", 0) - 1
                blamed.add(column)
                text = cells[column] if 0 <= column < len(cells) else None
                if count := _stands_for(error.type, column, length, len(labels)):
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


def _stands_for(code: str, column: int, length: int, columns: int) -> int:
    """For how many cells of a row of that length a fault of this column stands: 0 where another fault stands for it."""
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
    # Frictionless lets a line break pass at the end of a pattern.
    return not text.endswith("\n")
