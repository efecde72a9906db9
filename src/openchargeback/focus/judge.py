"""Frictionless itself, on the rows that the sieve does not let pass (or on all), and the spelling that it forgives.

Frictionless reads some cells differently from FOCUS: `NaN`, `+5` and `1_000` are numbers to it, and a pattern knows no
calendar. What it lets pass is looked at again by checks of our own, which therefore run wherever Frictionless runs.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from openchargeback import money

_NUMBER = re.compile(money.NUMBER_PATTERN, re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row, or with one cell of it.

    row: its place in what was judged, from 0. column: from 0; -1 for the row as a whole. code: as Frictionless names
    it, or one of ours: number-spelling, amount-size, no-such-date. text: the cell, None where it is empty or missing.
    """

    row: int
    column: int
    code: str
    note: str
    text: str | None


def judge(
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

    def data() -> Iterator[list[Any]]:
        yield labels
        yield from (list(row) for row in rows)

    # Said, not guessed: where many rows are uneven, Frictionless takes one of them for the header.
    with TableResource(data=data, schema=schema, dialect=Dialect(header=True, header_rows=[1])) as resource:
        for index, row in enumerate(resource.row_stream):
            cells = row.cells
            blamed: set[int] = set()
            for error in row.errors:
                number = getattr(error, "field_number", 0)
                blamed.add(number - 1)
                text = cells[number - 1] if 0 < number <= len(cells) else None
                yield Fault(index, number - 1, error.type, error.note, None if text in nulls else text)
            if -1 not in blamed:
                yield from _own(index, cells, fields, nulls, amounts, blamed)


def _own(
    index: int,
    cells: Sequence[str | None],
    fields: Sequence[dict[str, Any]],
    nulls: frozenset[str],
    amounts: frozenset[str],
    blamed: set[int],
) -> Iterator[Fault]:
    for column, (field, cell) in enumerate(zip(fields, cells, strict=False)):
        if cell is None or cell in nulls or column in blamed:
            continue
        if field["type"] == "number":
            if not _NUMBER.fullmatch(cell):
                yield Fault(index, column, "number-spelling", "", cell)
            elif field["name"] in amounts and money.parse(cell) is None:
                yield Fault(index, column, "amount-size", "", cell)
        elif "pattern" in field.get("constraints", {}) and not _is_date(cell):
            yield Fault(index, column, "no-such-date", "", cell)


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text[:10])
    except ValueError:
        return False
    # Frictionless lets a line break pass at the end of a pattern.
    return not text.endswith("\n")
