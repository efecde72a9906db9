"""Reads delimited text, with the line of each row; a row that does not fit the header is a problem."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Protocol

from openchargeback.convert.documents import CUT_FIX, EMPTY_FIX, unfinished
from openchargeback.convert.kinds import Input
from openchargeback.ledger.shape import nearest
from openchargeback.problems import Problem
from openchargeback.wording import counted

_DELIMITERS = (",", ";", "\t", "|")
_MOST = 50


class TableLayout(Protocol):
    """What a table's reader needs of a layout."""

    @property
    def delimiter(self) -> str: ...
    @property
    def quote(self) -> str: ...
    @property
    def encoding(self) -> str: ...
    @property
    def skip(self) -> int: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def final_newline(self) -> bool: ...


class _Unreadable(ValueError):
    """A line that is not text. line: its number."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def table_records(
    file: Input, columns: Sequence[str], layout: TableLayout, problems: list[Problem]
) -> Iterator[tuple[int, Sequence[str | None], str]]:
    """Line, cells of the columns, and whole text of each row; faults go to `problems`."""
    whole = _Whole()
    try:
        yield from _rows(file, columns, layout, whole, problems)
    except _Unreadable as error:
        fix = "set `encoding` to that of the export, or export in UTF-8"
        problems.append(
            Problem(file.name, "usage-cells", f"the line is not text in {layout.encoding}", fix, error.line)
        )
    except csv.Error as error:
        problems.append(Problem(file.name, "usage-cells", _reason(error), CUT_FIX, whole.lines))
    if not problems and layout.final_newline and whole.lines and not whole.ends:
        fix = f"{CUT_FIX}; for a program that never ends its last line, set `final_newline: false`"
        problems.append(unfinished(file.name, whole.lines, fix))


def _reason(error: csv.Error) -> str:
    if "unexpected end" in str(error):
        return "the table ends inside a quoted cell, so it may be cut off"
    return f"the row cannot be read: {str(error).splitlines()[0][:100]}"


class _Whole:
    """What is known of the lines so far: how many, and whether the last one ends."""

    lines = 0
    ends = True


def _rows(
    file: Input, columns: Sequence[str], layout: TableLayout, whole: _Whole, problems: list[Problem]
) -> Iterator[tuple[int, Sequence[str | None], str]]:
    lines = _lines(file, layout.encoding, whole)
    for _ in range(layout.skip):
        next(lines, None)
    head = list(layout.columns)
    delimiter = layout.delimiter or ","
    if not head:
        first = next(lines, "")
        if not first.strip():
            problems.append(Problem(file.name, "usage-empty", "the table is empty", EMPTY_FIX))
            return
        delimiter, head = _header(first, columns, layout)
    places = _places(file, head, columns, layout.skip + 1, problems)
    if problems:
        return
    start = whole.lines + 1
    reader = csv.reader(lines, delimiter=delimiter, quotechar=layout.quote, strict=True)
    odd: list[tuple[int, int]] = []
    for cells in reader:
        line, start = start, whole.lines + 1
        if len(cells) == len(head):
            yield line, [cells[place] for place in places], "\x1f".join(cells)
        elif len(odd) < _MOST:
            odd.append((line, len(cells)))
    problems += [_odd(file, line, cells, len(head), delimiter) for line, cells in odd]


def _odd(file: Input, line: int, cells: int, expected: int, delimiter: str) -> Problem:
    message = f"the line has {counted(cells, 'cell')}, the header {expected}" if cells else "the line is empty"
    shown = {"\t": "tab"}.get(delimiter, delimiter)
    fix = f"cells are separated by `{shown}`: set `delimiter` or `quote`, or export without names that contain it"
    return Problem(file.name, "usage-cells", message, fix, line)


def _lines(file: Input, encoding: str, whole: _Whole) -> Iterator[str]:
    """The lines of a file as text, with their ends."""
    first = "utf-8-sig" if encoding == "utf-8" else encoding
    with file.path.open("rb") as data:
        # The lines of UTF-16 cannot be told apart as bytes.
        source = _wide(data.read()) if encoding == "utf-16" else iter(data)
        for raw in source:
            whole.lines += 1
            try:
                text = raw if isinstance(raw, str) else raw.decode(first if whole.lines == 1 else encoding)
            except UnicodeDecodeError:
                raise _Unreadable(whole.lines) from None
            if "\x00" in text:
                raise _Unreadable(whole.lines)
            whole.ends = text.endswith(("\n", "\r"))
            yield text


def _wide(data: bytes) -> Iterator[str]:
    try:
        text = data.decode("utf-16")
    except UnicodeDecodeError:
        raise _Unreadable(1) from None
    lines = text.split("\n")
    return iter([f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else []))


def _header(first: str, columns: Sequence[str], layout: TableLayout) -> tuple[str, list[str]]:
    """The delimiter, and the names of the columns: of the usual delimiters, the one that shows most of the columns."""
    found = []
    for delimiter in [layout.delimiter] if layout.delimiter else _DELIMITERS:
        cells = next(csv.reader([first], delimiter=delimiter, quotechar=layout.quote), [])
        found.append((delimiter, [cell.strip() for cell in cells]))
    return max(found, key=lambda each: (len(set(each[1]) & set(columns)), len(each[1])))


def _places(file: Input, head: Sequence[str], columns: Sequence[str], line: int, problems: list[Problem]) -> list[int]:
    """Where each column stands."""
    for name in columns:
        if name not in head:
            near = nearest(name, head)
            fix = "export it or correct the mapping, and check `delimiter` and `skip`"
            fix = f"did you mean `{near}`?" if near else fix
            shown = ", ".join(f'"{each[:40]}"' for each in head[:12])
            problems.append(
                Problem(file.name, "usage-columns", f"the column {name} is missing", fix, line, excerpt=shown)
            )
        elif head.count(name) > 1:
            problems.append(
                Problem(file.name, "usage-header", f"the column {name} occurs twice", "export each column once", line)
            )
    return [list(head).index(name) for name in columns] if not problems else []
