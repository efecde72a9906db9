"""The lines of the rows of a CSV file, and whether DuckDB and Python read the same rows.

DuckDB silently ignores some things (blank lines, an extra empty cell) and rejects others (ragged rows). So its rows are
compared with counts of the bytes. If any doubt remains, Python reads the file a second time and reports what is odd,
and DuckDB reads a copy in which each row has as many cells as the header.
"""

from __future__ import annotations

import csv
import io
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, MutableSequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from openchargeback.focus.csv_positions import Place, Record, Start
from openchargeback.focus.csv_text import MAX_LINE, MISSING, records, unreadable
from openchargeback.focus.decompression import UNREADABLE, binary, is_utf_16, text
from openchargeback.ledger.patterns import expression
from openchargeback.problems import Problem, Severity

NUL = "\x00"


@dataclass(frozen=True, slots=True)
class ByteCounts:
    """Counts of a text, without reading it as CSV.

    lines: physical lines. open_lines: how many of them end in a cell that means null; commas: how many commas these
    have. strange: whether DuckDB might read the text differently, or the counts prove nothing. conflict: whether
    both ends of a merge conflict were left in it.
    """

    lines: int
    open_lines: int
    commas: int
    strange: bool
    conflict: bool

    def agrees_with(self, rows: int, columns: int, open_rows: int, inner_commas: int) -> bool:
        """Whether each line is one row, as DuckDB read them, and no row has an extra null cell.

        DuckDB ignores both blank lines and such cells. So the lines that end in a cell that means null must be the rows
        whose last cell is null, with no more commas than their cells account for. open_rows, inner_commas: the count
        and sum of `commas_where_open` over rows where it is not null.
        """
        commas = inner_commas + open_rows * (columns - 1)
        return not self.strange and (self.lines, self.open_lines, self.commas) == (rows + 1, open_rows, commas)


def commas_where_open(columns: int) -> str:
    """SQL of the commas within the cells (c0, c1, …) of a row whose last cell is null; null for any other row.

    Every column is named, even one that nothing else reads: if DuckDB need not read all columns, it ignores that a row
    has too few cells.
    """
    every = f"concat({', '.join(f'c{index}' for index in range(columns))})"
    return f"CASE WHEN c{columns - 1} IS NULL THEN strlen({every}) - strlen(replace({every}, ',', '')) END"


_BLOCK = 1 << 17
_CONFLICT = (b"<<<<<<< ", b">>>>>>> ")
_BETWEEN_QUOTES = '" +"'
_TAIL = itemgetter(slice(-5, None))
_OPEN_ENDS = tuple(
    b"," + cell + end
    for null in (text.encode() for text in MISSING)
    for cell in (null, b'"' + null + b'"', b' "' + null + b'"')
    for end in (b"", b"\r")
)
_OPEN_TAILS = tuple({end[-5:] for end in _OPEN_ENDS})


def count_bytes(path: Path) -> ByteCounts:
    """Count what DuckDB's rows are compared with.

    Strange are NULs, UTF-16, blank lines (even after the byte order mark), a lone carriage return, spaces between two
    quotes (DuckDB would join the parts), and spaces after a last cell that is quoted or empty. Python examines only the
    last bytes of each line: most are alike, so few are examined twice.
    """
    between_quotes = expression(_BETWEEN_QUOTES)  # RE2 takes half the time of Python's `in`
    ends: set[bytes] = set()
    counts: Counter[str] = Counter()
    returns, strange, rest = 0, is_utf_16(path), b""
    with binary(path) as raw:
        while block := raw.read(_BLOCK):
            strange = strange or b"\x00" in block
            if b"\r" in block:
                returns += block.count(b"\r")
            joined = rest + block
            strange = strange or between_quotes.occurs_in(joined)
            *lines, rest = joined.split(b"\n")
            if len(rest) > MAX_LINE:  # `survey` reports it
                return ByteCounts(0, 0, 0, strange=True, conflict=False)
            _count(lines, ends, counts)
    _count([rest] if rest else [], ends, counts)
    strange = strange or any(_is_odd(end) for end in ends) or returns != counts["returned"] or rest.endswith(b"\r")
    return ByteCounts(counts["lines"], counts["open"], counts["commas"], strange, _is_in_conflict(path, ends))


def _is_in_conflict(path: Path, ends: Collection[bytes]) -> bool:
    """Whether Git left a merge conflict. It has a line of equals signs in the middle, which few files have."""
    if not any(end.removesuffix(b"\r").endswith(b"====") for end in ends):
        return False
    with binary(path) as raw:
        return {mark for line in raw for mark in _CONFLICT if line.startswith(mark)} == set(_CONFLICT)


def conflict_left(path: Path, relative: str) -> Problem:
    """The problem of a charge file in which Git left a merge conflict, at its first line."""
    with binary(path) as raw:
        line = next(number for number, line in enumerate(raw, 1) if line.startswith(_CONFLICT[0]))
    fix = "restore the file from one of the branches; do not merge the two versions by hand"
    return Problem(relative, "merge-conflict", "a merge conflict was left in the file", fix, line, 1)


def _count(lines: list[bytes], ends: set[bytes], counts: Counter[str]) -> None:
    """Add lines to their distinct ends and to the counts: `lines`; `returned`, that end in a carriage return; `open`,
    that end in a cell that means null; `commas`, of the open ones.
    """
    found = set(map(_TAIL, lines))
    ends |= found
    counts["lines"] += len(lines)
    if any(end.endswith(b"\r") for end in found):
        counts["returned"] += sum(line.endswith(b"\r") for line in lines)
    if any(end.endswith(_OPEN_TAILS) for end in found):
        some = [line for line in lines if line.endswith(_OPEN_ENDS)]
        counts["open"] += len(some)
        counts["commas"] += sum(line.count(b",") for line in some)


def _is_odd(end: bytes) -> bool:
    """Whether a line with this end may be blank, or has spaces after a comma or a quote."""
    text = end.removesuffix(b"\r").removeprefix(b"\xef\xbb\xbf")
    return not text or (text.endswith(b" ") and text.rstrip(b" ")[-1:] in (b"", b",", b'"'))


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows are; row 0 is the first one below the header.

    lines: the first physical line of each row; numbers: the row's number as Frictionless counts the records of a file
    (blank lines count too; the header is 1 if none precedes it). Both are empty if every line is a row, so that row n
    is on line n + 2 and has that number.
    uneven: the rows that do not have as many cells as the header. blank: the blank lines.
    """

    lines: MutableSequence[int] = field(default_factory=list)
    numbers: MutableSequence[int] = field(default_factory=list)
    uneven: list[int] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """Whether every line is a row."""
        return not self.lines

    def line(self, row: int) -> int:
        """The first physical line of a row."""
        return self.lines[row] if self.lines else row + 2

    def number(self, row: int) -> int:
        """The number of a row as Frictionless counts."""
        return self.numbers[row] if self.numbers else row + 2


def survey(path: Path, relative: str, columns: int) -> tuple[Layout | None, list[Problem]]:
    """Where every row is, as Python reads the file, and its problems; None if it cannot be read."""
    found = Layout(array("L"), array("L"), [], [])
    nuls: list[Place] = []
    try:
        for number, record in _besides_header(path):
            if not record.cells:
                found.blank.append(record.line)
                continue
            if len(record.cells) != columns:
                found.uneven.append(len(found.lines))
            if NUL in record.text:
                nuls.append(record.place(next((i for i, cell in enumerate(record.cells) if NUL in cell), 0)))
            found.lines.append(record.line)
            found.numbers.append(number)
    except UNREADABLE as error:
        return None, [unreadable(path, relative, error)]
    problems = []
    if blank := len(found.blank):
        message = "a line is blank" if blank == 1 else f"{blank:,} lines are blank"
        fix, line = "nothing to do: no charge is lost", found.blank[0]
        problems.append(Problem(relative, "blank-row", message, fix, line, 1, severity=Severity.WARNING, count=blank))
    if nuls:
        place = nuls[0]
        position = place.line, place.column, place.excerpt[:200]
        message, fix = "a cell contains a NUL byte", "export the file again"
        problems.append(Problem(relative, "binary-file", message, fix, *position, count=len(nuls)))
    return found, problems


def _besides_header(path: Path) -> Iterator[tuple[int, Record]]:
    """The records below the header, and blank lines above it, with their numbers as Frictionless counts."""
    with text(path) as file:
        header = False
        for number, record in enumerate(records(file), 1):
            if header or not record.cells:
                yield number, record
            header = header or bool(record.cells)


def all_rows(path: Path) -> Iterator[tuple[int, Record]]:
    """Every row (from 0) with its record, without blank lines."""
    row = 0
    for _, record in _besides_header(path):
        if record.cells:
            yield row, record
            row += 1


def picked_rows(path: Path, layout: Layout, wanted: Collection[int]) -> Iterator[tuple[int, Record]]:
    """Some rows with their records, ascending."""
    if not wanted:
        return
    chosen, last = set(wanted), max(wanted)
    if not layout.plain:
        for row, record in all_rows(path):
            if row in chosen:
                yield row, record
            if row >= last:
                return
        return
    with binary(path) as raw:
        for row, line in enumerate(raw, -1):
            if row in chosen:
                # utf-8-sig for the header only: a mark further down is part of its cell.
                record = next(records(io.StringIO(line.decode("utf-8"), newline="")))
                yield row, Record(record.cells, record.text, Start(row + 2))
            if row >= last:
                return


def write_even(path: Path, target: Path, columns: int) -> None:
    """Write a copy for DuckDB in UTF-8: each row has as many cells as the header, no blank lines, no NULs."""
    with text(path) as file, target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for record in records(file):
            if record.cells:
                cells = [*record.cells[:columns], *[""] * (columns - len(record.cells))]
                writer.writerow(cell.replace(NUL, "\N{REPLACEMENT CHARACTER}") for cell in cells)
