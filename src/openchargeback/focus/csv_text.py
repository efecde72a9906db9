"""CSV as text: the header, records with their physical lines and places, and why a text is not CSV.

Python's csv module is the slow second reader. It reads little (the header, single lines) unless a file is not plain
(`layout.py`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from openchargeback.files.lfs import POINTER, pointer_problem
from openchargeback.focus import file_types
from openchargeback.focus.csv_positions import MAX_EXCERPT, Record, Start, physical_lines
from openchargeback.focus.database import file_literal, literals
from openchargeback.focus.decompression import UNREADABLE, UTF_16, binary, is_utf_16, text
from openchargeback.problems import Problem

csv.field_size_limit(1 << 30)

MISSING = ("", "NULL", "null")
"""The texts that mean null, as in the Table Schemas."""

MAX_LINE = 1 << 26
"""Most characters in a row."""

_PIECE = 32 << 20
"""How many bytes of a large file are read as one piece."""

_NO_UTF_8 = re.compile("[\udc80-\udcff]")
# A first line that only Excel understands: the character that separates the cells.
_FOR_EXCEL = re.compile(r'"?sep=.?"?', re.IGNORECASE)
_MOST_READ = 1 << 20
_COMPRESSIONS = {".gz": file_types.GZIP, ".zst": file_types.ZSTANDARD}


def relation(
    paths: Sequence[Path], columns: int, max_line: int = 0, nulls: Sequence[str] = MISSING, *, large: bool = False
) -> str:
    """SQL that reads CSV files as text into columns c0, c1, …, with `nulls` as null; several also into `filename`.

    `columns` and `auto_detect=false`: nothing is guessed from a sample. large: read in larger pieces than by default,
    since DuckDB copies what it keeps of a piece once more if that is less than a row group of its table.
    """
    types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(columns))
    piece = 2 * max_line or _PIECE * large
    options = f", max_line_size={max_line}" if max_line else ""
    options += f", buffer_size={piece}" if piece else ""
    options += ", filename=true" if len(paths) > 1 else ""
    return (
        f"read_csv([{', '.join(map(file_literal, paths))}], auto_detect=false, header=true, columns={{{types}}}, "
        f"delim=',', quote='\"', escape='\"', strict_mode=true, nullstr=[{literals(nulls)}]{options})"
    )


class _Lines:
    """The lines of a text as the csv module reads them; `record` has the lines of the record being read."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        length = 0
        while line := self._file.readline(MAX_LINE):
            # Within a record, another line is read only while a quote is open.
            inside = bool(self.record)
            length = len(line) + (length if inside else 0)
            if length >= MAX_LINE:
                raise csv.Error(f"a row is longer than {MAX_LINE:,} characters")
            self.record.append(line)
            yield _without_blanks(line, inside=inside) if _BESIDE_QUOTE.search(line) else line


_BESIDE_QUOTE = re.compile(r'(?:^|,) "|" +(?:[",\r\n]|$)')
# Possessive: a doubled quote is never split to make a match.
_QUOTED = re.compile(r'(?:[^"]|"")*+"')
_UNQUOTED = re.compile(r"[^,\r\n]*")


def _without_blanks(line: str, *, inside: bool) -> str:
    """A line as DuckDB understands it: a space before a quoted cell and spaces after one are not part of it.

    Anything else after a closing quote stays, which makes the text invalid. inside: whether the line begins within a
    quoted cell.
    """
    text, place = "", 0
    while True:
        if not inside:
            inside = line.startswith(('"', ' "'), place)
            place += line.startswith(' "', place)
            text += '"' * inside
            place += inside
        if inside:
            found = _QUOTED.match(line, place)
            if not found:
                return text + line[place:]
            text, place = text + found[0], found.end()
            after = place + len(line[place:]) - len(line[place:].lstrip(" "))
            if after == len(line) or line[after] in ",\r\n":
                place = after
        found = _UNQUOTED.match(line, place)
        text += line[place : found.end()] if found else ""
        place, inside = found.end() if found else place, False
        if line[place : place + 1] != ",":
            return text + line[place:]
        text, place = text + ",", place + 1


class Unclosed(ValueError):
    """The text is not valid CSV from this position on."""

    def __init__(self, start: Start, reason: str) -> None:
        super().__init__(reason)
        self.start = start


def records(file: TextIO) -> Iterator[Record]:
    """Every record of a CSV text (RFC 4180, comma and double quote), blank lines included as records without cells.

    Spaces next to the quotes of a cell are ignored, as in DuckDB. Raises Unclosed if a quote is not closed or
    something follows a closing quote.
    """
    start, old = Start(), None
    try:
        for cells, text in _cells(file):
            old = text.endswith("\r") if old is None else old
            record = Record(cells, text, start, old)
            yield record
            start = record.following()
    except csv.Error as error:
        raise Unclosed(start, str(error)) from error


def _cells(file: TextIO) -> Iterator[tuple[list[str], str]]:
    lines = _Lines(file)
    for cells in csv.reader(lines, strict=True):
        yield cells, "".join(lines.record)
        lines.record.clear()


def stored_elsewhere(path: Path, relative: str) -> Problem | None:
    """The problem of a file of any type that is in Git LFS and was not fetched; None for any other file."""
    try:
        with path.open("rb") as raw:
            start = raw.read(len(POINTER))
    except OSError as error:
        return _broken(relative, error)
    return pointer_problem(relative) if start == POINTER else None


def read_header(path: Path, relative: str) -> tuple[Record | None, list[Problem]]:
    """The header record of a charge file, or None with the problem that prevents reading it as CSV."""
    try:
        problem = None
        if compression := _COMPRESSIONS.get(path.suffix.lower()):
            with path.open("rb") as raw:
                problem = file_types.mistaken(raw.read(file_types.LOOKED_AT), compression, relative)
        if not problem:
            with binary(path) as content:
                problem = _no_csv(content.read(file_types.LOOKED_AT), path, relative)
        if problem:
            return None, [problem]
        with text(path) as file:
            record = next((record for record in records(file) if record.cells), None)
    except UNREADABLE as error:
        return None, [unreadable(path, relative, error)]
    if record is None:
        return None, [Problem(relative, "empty-file", "empty", "export the file again, or remove it", 1)]
    if _FOR_EXCEL.fullmatch(record.text.strip()):
        message = f"the first line, {record.text.strip()}, is Excel's hint about separators, not a header"
        return None, [Problem(relative, "source-error", message, "remove that line", record.line, 1)]
    return record, []


def unreadable(path: Path, relative: str, error: Exception) -> Problem:
    """The problem of a file that raised one of UNREADABLE when read."""
    if isinstance(error, UnicodeDecodeError):
        return _undecodable(path, relative)
    if isinstance(error, Unclosed):
        return _unclosed(path, relative, error)
    return _broken(relative, error)


def _broken(relative: str, error: Exception) -> Problem:
    """The problem of a file that cannot be read because of the system or its compression."""
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())
    return Problem(relative, "unreadable", f"cannot be read: {reason[:200]}", "check that the file is complete")


_BACKSLASHED = re.compile(r'(?:^|,) ?"(?:[^"\\]|\\[^"])*+(\\")')


def _unclosed(path: Path, relative: str, error: Unclosed) -> Problem:
    """The problem of a text that stops being valid CSV at some line."""
    with text(path) as file:
        begun = next(islice(physical_lines(file), error.start.line - 1, None), "")[:_MOST_READ]
    found = _BACKSLASHED.search(begun)
    if found:
        message = 'not readable as CSV: quotes within a cell are escaped with backslashes, \\" instead of ""'
        fix = """double such quotes; in Spark and Databricks: .option("escape", '"')"""
        excerpt = begun.rstrip("\r\n")[:MAX_EXCERPT]
        return Problem(relative, "source-error", message, fix, error.start.line, found.start(1) + 1, excerpt)
    fix = "close the quote opened there, or export the file again"
    return Problem(relative, "source-error", f"not readable as CSV: {error}", fix, error.start.line, error.start.column)


def _undecodable(path: Path, relative: str) -> Problem:
    """The problem of a text in an unknown encoding, at the first byte that is not UTF-8.

    The single-byte encoding cannot be determined, so the file is rejected rather than guessed at.
    """
    if is_utf_16(path):
        return Problem(relative, "encoding-error", "UTF-16 text that is cut off", "export the file again")
    with binary(path) as raw:
        # Bytes that are not UTF-8 are read as surrogates, one per byte.
        pieces = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
        for number, line in enumerate(physical_lines(pieces), 1):
            found = _NO_UTF_8.search(line)
            if found:
                byte = ord(found[0]) - 0xDC00
                message = f"not UTF-8 text: the byte 0x{byte:02X} looks like Latin-1 or Windows-1252"
                fix = "export the file as UTF-8, or convert it with `iconv -f WINDOWS-1252 -t UTF-8`"
                excerpt = _NO_UTF_8.sub("\N{REPLACEMENT CHARACTER}", line).rstrip("\r\n")
                place = number, found.start() + 1
                return Problem(relative, "encoding-error", message, fix, *place, excerpt[:MAX_EXCERPT])
    return Problem(relative, "encoding-error", "not UTF-8 text", "export the file as UTF-8")


def _no_csv(start: bytes, path: Path, relative: str) -> Problem | None:
    """The problem of a file whose first bytes are not CSV text."""
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        return Problem(relative, "empty-file", "empty", "export the file again, or remove it", 1)
    if start.startswith((b"<<<<<<<", b">>>>>>>")):
        return Problem(relative, "merge-conflict", "a merge conflict was left in the file", "restore the file", 1)
    if found := file_types.type_of(start):
        named = found.suffix and path.name.lower().endswith(".csv")
        fix = f"end its name in {found.suffix}" if named else found.fix
        return Problem(relative, "binary-file", f"{found.name}, not CSV text", fix, 1)
    if encoding := file_types.wide_encoding(start):
        return Problem(relative, "encoding-error", f"{encoding}, not UTF-8", "export the file as UTF-8", 1)
    if b"\x00" in start and not start.startswith(UTF_16):
        line = start.count(b"\n", 0, start.index(b"\x00")) + 1
        return Problem(relative, "binary-file", "not CSV text: contains NUL bytes", "export the file as CSV", line)
    return None
