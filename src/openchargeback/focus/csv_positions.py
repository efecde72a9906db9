"""Where the cells of a CSV text are, by the lines and columns that an editor shows.

A line ends at LF or CR LF. A lone carriage return ends a line only if the first record of the file ends in one (old
spreadsheets); otherwise it is a character of its line, as in vim, less and Git.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

MAX_EXCERPT = 400
"""How much of a long line is kept."""

# A cell, quoted (after the one space that is ignored) or not, and the comma after it. Possessive: a long cell is
# read once.
_CELL = re.compile(r'(?: ?"[^"]*+(?:""[^"]*+)*+")?+[^,\r\n]*+(,)?')
_LF = re.compile(r"\n")
_CR = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell is in the file as an editor shows it; the excerpt is the start of that line."""

    line: int
    column: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Start:
    """Where a record begins: its physical line, the column in it, and the text before it on that line.

    The last two matter only where a carriage return within a line ended the previous record.
    """

    line: int = 1
    column: int = 1
    before: str = ""


# No slots: the index for finding places is cached on the record once needed.
@dataclass(frozen=True)
class Record:
    """One CSV record: its cells, the text of its lines, and where it begins.

    old: whether carriage returns end the lines of the file.
    """

    cells: list[str]
    text: str
    start: Start
    old: bool = False

    @property
    def line(self) -> int:
        """The first of its physical lines."""
        return self.start.line

    def place(self, index: int) -> Place:
        """Where a cell (from 0) begins; for a missing cell, the position after the last one."""
        start = self._starts[min(index, len(self._starts) - 1)]
        number = bisect_right(self._lines, start) - 1
        first = self._lines[number]
        after = self._lines[number + 1] if number + 1 < len(self._lines) else len(self.text)
        before, column = ("", 1) if number else (self.start.before, self.start.column)
        shown = (before + self.text[first : min(after, first + MAX_EXCERPT)]).rstrip("\r\n")
        return Place(self.line + number, column + start - first, shown[:MAX_EXCERPT])

    def following(self) -> Start:
        """Where the next record begins."""
        if self.old:
            return Start(self.line + sum(1 for _ in _CR.finditer(self.text)))
        line = self.line + self.text.count("\n")
        if self.text.endswith("\n"):
            return Start(line)
        rest = self.text[self.text.rfind("\n") + 1 :]
        column, before = (1, "") if line > self.line else (self.start.column, self.start.before)
        return Start(line, column + len(rest), (before + rest)[:MAX_EXCERPT])

    @cached_property
    def _starts(self) -> array[int]:
        """Where in the text each cell begins, and finally where the last one ends: one pass for all places."""
        starts, end, comma = array("Q"), 0, True
        while comma:
            starts.append(end)
            found = _CELL.match(self.text, end)
            end, comma = (found.end(), bool(found[1])) if found else (end, False)
        starts.append(end)
        return starts

    @cached_property
    def _lines(self) -> list[int]:
        """Where in the text each of its physical lines begins."""
        ends = (found.end() for found in (_CR if self.old else _LF).finditer(self.text))
        return [0, *(end for end in ends if end < len(self.text))]


def physical_lines(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text read with `newline=""`, which comes in pieces that also end at every CR."""
    old: bool | None = None
    line: list[str] = []
    for piece in pieces:
        if old is None:
            old = piece.endswith("\r")
        line.append(piece)
        if old or piece.endswith("\n"):
            yield "".join(line)
            line.clear()
    if line:
        yield "".join(line)
