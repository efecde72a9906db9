"""CSV as text: what DuckDB does not tell, the header, the physical lines, the places of cells.

Python's csv module is the slow and patient second reader. It sees a file only when it is small work (the header) or
when something is wrong with it.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TextIO

import duckdb
import zstandard

from openchargeback.problems import Problem, Severity

csv.field_size_limit(1 << 30)

UNREADABLE = (OSError, EOFError, ValueError, zlib.error, zstandard.ZstdError)
"""What reading a damaged or unreadable file raises."""

MAX_PLACES = 50
"""How many places of one kind of fault in one file are listed before the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell stands in the file as an editor shows it."""

    line: int
    column: int
    excerpt: str


@contextmanager
def binary(path: Path) -> Iterator[IO[bytes]]:
    """The decompressed bytes of a charge file, by the end of its name."""
    if path.name.lower().endswith(".gz"):
        with gzip.open(path) as file:
            yield file  # type: ignore[misc]  # GzipFile reads like any binary file
    elif path.name.lower().endswith(".zst"):
        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream:
            yield stream
    else:
        with path.open("rb") as file:
            yield file


@contextmanager
def text(path: Path) -> Iterator[TextIO]:
    """The decompressed text of a charge file: UTF-8, a byte order mark left out, line ends untouched."""
    with binary(path) as raw:
        yield io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")


class _Lines:
    """Physical lines of a text, counted, with the lines of the record being read at hand."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.number = 0
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.number += 1
            self.record.append(line)
            yield line


@dataclass(frozen=True, slots=True)
class Record:
    """One CSV record: its cells, the number of its first physical line and the text of its lines."""

    cells: list[str]
    line: int
    text: str

    def place(self, index: int) -> Place:
        """Where a cell (from 0) begins; the place after the last cell for a cell that is not there."""
        line, column, field, quoted = self.line, 1, 0, False
        for char in self.text:
            if field == index or (char in "\r\n" and not quoted):
                break
            if char == '"':
                quoted = not quoted
            elif char == "," and not quoted:
                field += 1
            column += 1
            if char == "\n":
                line, column = line + 1, 1
        shown = self.text.splitlines() or [""]
        return Place(line, column, shown[min(line - self.line, len(shown) - 1)])


def records(file: TextIO) -> Iterator[Record]:
    """Every record of a CSV text (RFC 4180, comma and double quote), blank lines included as records without cells.

    Raises csv.Error on a NUL or an open quote at the end.
    """
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    first = 1
    for cells in reader:
        yield Record(cells, first, "".join(lines.record))
        lines.record.clear()
        first = lines.number + 1


def places(path: Path, wanted: Mapping[int, Collection[int]]) -> dict[tuple[int, int], Place]:
    """Where cells stand: rows (from 0, header and blank lines not counted) to column indexes."""
    found: dict[tuple[int, int], Place] = {}
    last = max(wanted, default=-1)
    with text(path) as file:
        row = -2
        for record in records(file):
            if not record.cells:
                continue
            row += 1
            for index in wanted.get(row, ()):
                found[row, index] = record.place(index)
            if row >= last:
                break
    return found


@dataclass(frozen=True, slots=True)
class Header:
    """The labels of a file and the line they stand on."""

    labels: list[str]
    line: int


def read_header(path: Path, relative: str) -> tuple[Header | None, list[Problem]]:
    """The header of a charge file, or None with the problem that prevents reading it as CSV at all."""
    try:
        with binary(path) as raw:
            start = raw.read(1 << 16)
        problem = _no_csv(start, relative)
        if problem:
            return None, [problem]
        with text(path) as file:
            record = next((record for record in records(file) if record.cells), None)
    except UnicodeDecodeError:
        line, column = _undecodable(path)
        return None, [Problem(relative, "encoding-error", "not UTF-8 text", "export the file as UTF-8", line, column)]
    except csv.Error as error:
        return None, [Problem(relative, "source-error", f"not readable as CSV: {error}", "export the file again", 1)]
    except UNREADABLE as error:
        return None, [_broken(relative, error)]
    except duckdb.Error as error:
        return None, [_broken(relative, error)]
    if record is None:
        return None, [Problem(relative, "empty-file", "empty", "export the file again, or remove it", 1)]
    return Header(record.cells, record.line), []


def _broken(relative: str, error: Exception) -> Problem:
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())
    return Problem(relative, "unreadable", f"cannot be read: {reason[:200]}", "check that the file is whole")


def _no_csv(start: bytes, relative: str) -> Problem | None:
    """What the first bytes of a file that is no UTF-8 CSV are."""
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        return Problem(relative, "empty-file", "empty", "export the file again, or remove it", 1)
    if start.startswith(b"version https://git-lfs.github.com/spec/"):
        return Problem(relative, "lfs-pointer", "a Git LFS pointer, not the file itself", "run `git lfs pull`", 1)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem(relative, "encoding-error", "UTF-16 text, not UTF-8", "export the file as UTF-8", 1)
    if start.startswith((b"<<<<<<<", b">>>>>>>")):
        return Problem(relative, "merge-conflict", "a merge conflict was left in the file", "restore the file", 1)
    if b"\x00" in start:
        line = start.count(b"\n", 0, start.index(b"\x00")) + 1
        return Problem(relative, "binary-file", "holds NUL bytes, so it is no CSV text", "export the file as CSV", line)
    return None


@dataclass(frozen=True, slots=True)
class Shape:
    """What the bytes of a text are made of: physical lines, lines that end in a comma, and whether there are NULs."""

    lines: int
    trailing_commas: int
    nuls: bool


def look_through(path: Path) -> Shape:
    """Count what the reader's result is compared with, without reading the text as CSV."""
    ends = commas = 0
    nuls = False
    last = b""
    with binary(path) as raw:
        while block := raw.read(1 << 22):
            seam = last + block[:2]
            ends += block.count(b"\n")
            commas += block.count(b",\n") + seam.count(b",\n")
            if b"\r" in block or b"\r" in seam:
                commas += block.count(b",\r\n") + seam.count(b",\r\n")
            nuls = nuls or b"\x00" in block
            last = block[-2:]
    return Shape(ends + (last != b"" and not last.endswith(b"\n")), commas, nuls)


def judge_structure(path: Path, relative: str, columns: int) -> tuple[list[Problem], bool]:
    """Faults in the rows of a file that DuckDB would not read plainly, and whether Python reads it whole.

    Codes are those of the Frictionless standard. Blank lines lose nothing and are warnings.
    """
    found = _Capped(relative)
    try:
        with text(path) as file:
            header_seen = False
            for record in records(file):
                if not record.cells:
                    found.add("blank-row", "the line is blank", "remove it", record.place(0), warning=True)
                elif not header_seen:
                    header_seen = True
                else:
                    _judge_record(record, columns, found)
    except UnicodeDecodeError:
        line, column = _undecodable(path)
        found.add("encoding-error", "not UTF-8 text", "export the file as UTF-8", Place(line, column, ""))
        return found.problems(), False
    except csv.Error as error:
        found.add(
            "source-error", f"not readable as CSV: {error}", "close the quote, or export the file again", _end(path)
        )
        return found.problems(), False
    except UNREADABLE as error:
        return [_broken(relative, error)], False
    return found.problems(), not found.errors


def _judge_record(record: Record, columns: int, found: _Capped) -> None:
    count = len(record.cells)
    if count < columns:
        message = f"the row has {count} cells, the header {columns}"
        found.add("missing-cell", message, "fill in the missing cells", record.place(count))
    elif count > columns:
        message = f"the row has {count} cells, the header {columns}"
        found.add("extra-cell", message, "remove the cell, or quote a comma in a text", record.place(columns))
    elif any("\x00" in cell for cell in record.cells):
        index = next(i for i, cell in enumerate(record.cells) if "\x00" in cell)
        found.add("binary-file", "a cell holds a NUL byte", "export the file again", record.place(index))


def _end(path: Path) -> Place:
    with text(path) as file:
        lines = sum(1 for _ in file)
    return Place(lines, 1, "")


def _undecodable(path: Path) -> tuple[int, int]:
    with binary(path) as raw:
        for number, line in enumerate(raw, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return number, len(line[: error.start].decode("utf-8")) + 1
    return 0, 0


class _Capped:
    """Problems of one file, at most MAX_PLACES of a code with their place, the rest counted."""

    def __init__(self, relative: str) -> None:
        self._relative = relative
        self._listed: dict[str, list[Problem]] = {}
        self._more: dict[str, int] = {}
        self.errors = False

    def add(self, code: str, message: str, fix: str, place: Place, *, warning: bool = False) -> None:
        listed = self._listed.setdefault(code, [])
        self.errors = self.errors or not warning
        if len(listed) >= MAX_PLACES:
            self._more[code] = self._more.get(code, 0) + 1
            return
        problem = Problem(self._relative, code, message, fix, place.line, place.column, place.excerpt[:200])
        listed.append(as_warning(problem) if warning else problem)

    def problems(self) -> list[Problem]:
        result = [problem for listed in self._listed.values() for problem in listed]
        for code, count in self._more.items():
            last = self._listed[code][-1]
            result.append(more(last, count))
        return result


def as_warning(problem: Problem) -> Problem:
    """The same problem as a warning."""
    return replace(problem, severity=Severity.WARNING)


def more(last: Problem, count: int) -> Problem:
    """The problem that stands for `count` further ones like the last one listed."""
    return replace(last, message=f"and {count:,} more like this", line=0, column=0, excerpt="", count=count)


def plain_copy(path: Path, target: Path) -> None:
    """Write the records of a file that Python reads as plain CSV with LF line ends, blank lines left out."""
    with text(path) as file, target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows(record.cells for record in records(file) if record.cells)
