"""CSV files that people and other programs give a ledger, read with the place of every cell for messages."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from openchargeback.csv_writing import unguarded
from openchargeback.ledger.yaml_tree import NO_YAML, Reader, Scalar
from openchargeback.wording import counted

_LINE_END = re.compile("\r\n|\n|\r")
"""Line ends as the csv module counts them."""
_IN_CELL = re.compile(r"\s*[\r\n]\s*")


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The trimmed cells of a CSV file without its blank rows. head, rows: each with the line it starts on.

    lines: of the file. code: of the problems with it.
    """

    head: tuple[int, Sequence[str]]
    rows: Sequence[tuple[int, Sequence[str]]]
    lines: Sequence[str]
    code: str

    @property
    def names(self) -> list[str]:
        """The columns, case-folded."""
        return [name.casefold() for name in self.head[1]]

    def starts(self, line: int, cells: Sequence[str]) -> list[int]:
        """The columns, from 1, where the cells of a row start in its line; 1 if a cell has several lines."""
        starts = _starts(self.lines[line - 1])
        return starts if len(starts) == len(cells) else [1] * len(cells)

    def fault(self, reader: Reader, place: tuple[int, int], message: str, fix: str) -> None:
        """Record a problem. place: line and column."""
        _fault(reader, self.code, place, message, fix)

    def even_rows(self, reader: Reader) -> list[tuple[int, Sequence[str]]]:
        """The rows that have as many cells as there are columns; the others are problems."""
        columns = len(self.head[1])
        for line, cells in self.rows:
            if len(cells) != columns:
                message = f"{counted(len(cells), 'cell')}, but the header has {columns}"
                more = "put double quotes around a cell that contains a comma"
                self.fault(reader, (line, 1), message, more if len(cells) > columns else "add the missing commas")
        return [(line, cells) for line, cells in self.rows if len(cells) == columns]


def read_csv(data: bytes, reader: Reader, *, code: str) -> CsvTable | None:
    """The table in a CSV file; None after recording why it cannot be read. code: of the problems with it."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reader.lines = _LINE_END.split(data.decode("utf-8", "replace"))
        line = len(_LINE_END.split(data[: error.start].decode("utf-8", "replace")))
        _fault(reader, code, (line, 1), "not UTF-8 text", "save the file as CSV in UTF-8")
        return None
    lines = _LINE_END.split(text)
    reader.lines = lines
    if found := NO_YAML.search(text):
        line = len(_LINE_END.split(text[: found.start()]))
        _fault(reader, code, (line, 1), f"invalid character U+{ord(found[0]):04X}", "remove it")
        return None
    rows: list[tuple[int, list[str]]] = []
    source = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in source:
            if any(cell.strip() for cell in cells):
                rows.append((line, [unguarded(_IN_CELL.sub(" ", cell.strip())) for cell in cells]))
            line = source.line_num + 1
    except csv.Error as error:
        fix = "close the quotes; write a quote inside a quoted cell twice"
        _fault(reader, code, (line, 1), f"not readable as CSV: {error}", fix)
        return None
    if not rows:
        _fault(reader, code, (0, 0), "the file is empty", "start with a line of column names")
        return None
    return CsvTable(rows[0], rows[1:], lines, code)


def _fault(reader: Reader, code: str, place: tuple[int, int], message: str, fix: str) -> None:
    reader.fault(Scalar("", False, *place), code, message, fix)


def _starts(line: str) -> list[int]:
    starts, quoted = [1], False
    for place, character in enumerate(line, 1):
        quoted ^= character == '"'
        if character == "," and not quoted:
            starts.append(place + 1)
    return starts
