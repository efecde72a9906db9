"""The faulty line, cut to the width of the terminal around the position of the caret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from openchargeback.cli.report import shown
from openchargeback.ledger.config import LOCAL_FILE_NAME
from openchargeback.ledger.files import Gate, suffix_of
from openchargeback.problems import Problem

_TAB = "    "
_REACH = 2000
_CELL = re.compile(r'"(?:[^"]|"")*"?|[^,\r\n]*')
_VALUE = re.compile(r""""[^"]*"?|'[^']*'?|[\[{]|.*?(?=:(?:\s|$)|\s#|\s*$)""")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Printable text, with the position (from 0) and width of the caret in terminal cells; width 0 for none."""

    text: str
    caret: int
    width: int


def excerpt_of(problem: Problem, root: Path | None, room: int) -> Excerpt | None:
    """The line of a problem in at most `room` terminal cells; None if there is nothing to show."""
    if not problem.line or problem.path == LOCAL_FILE_NAME or problem.code in {"committed-secret", "url-credentials"}:
        return None  # a report may be published, a secret must not be
    text = problem.excerpt
    if root and (not text or len(text) >= 200 or problem.column > len(text)):
        text = _line(root, problem.path, problem.line, problem.column) or text
    text = text.rstrip("\r\n")
    if not text.strip() or "\0" in text:
        return None
    return cut(text, problem.column, span(problem.path, text, problem.column), room)


def span(path: str, text: str, column: int) -> int:
    """How many characters to mark from a column (from 1) on: a cell of a charge file, a key or value of YAML."""
    if not 0 < column <= len(text):
        return 1
    kind = _CELL if suffix_of(path) else _VALUE if path.endswith((".yaml", ".yml")) else None
    match = kind.match(text, column - 1) if kind else None
    return max(1, len(match[0])) if match else 1


def cut(text: str, column: int, length: int, room: int) -> Excerpt:
    """A line in at most `room` cells: a longer one is cut around the caret, with … for what is left out."""
    if column > len(text) + 1:
        column = 0
    start = max(0, column - _REACH)
    text, first = text[start : column + _REACH], column - 1 - start
    glyphs = [_glyph(char) for char in text]
    widths = [_cells(glyph) for glyph in glyphs]
    left, right = _window(widths, max(0, first), room)
    before, after = start + left > 0, right < len(glyphs)
    text = ("…" if before else "") + "".join(glyphs[left:right]) + ("…" if after else "")
    if not column:
        return Excerpt(text, 0, 0)
    return Excerpt(text, before + sum(widths[left:first]), max(1, sum(widths[first : min(first + length, right)])))


def _window(widths: list[int], first: int, room: int) -> tuple[int, int]:
    """The range of characters to show: `first` is in it, with a third of the room before it."""
    if sum(widths) <= room:
        return 0, len(widths)
    left, used = min(first, len(widths)), 0
    while left and used + widths[left - 1] <= room // 3:
        left -= 1
        used += widths[left]
    # Near the end of the line, the room after it would be wasted, so more is shown before.
    rest = sum(widths[left:])
    while left and rest + widths[left - 1] <= room - 1:
        left -= 1
        rest += widths[left]
    if rest <= room - 1:
        return left, len(widths)
    right, used = left, 2 if left else 1
    while right < len(widths) and used + widths[right] <= room:
        used += widths[right]
        right += 1
    return left, right


def _glyph(char: str) -> str:
    return _TAB if char == "\t" else shown(char)


def _cells(glyph: str) -> int:
    from rich.cells import get_character_cell_size

    return sum(max(0, get_character_cell_size(char)) for char in glyph)


def _line(root: Path, relative: str, number: int, column: int) -> str:
    """A line of a text file of the ledger, as far as needed; empty if it cannot be read."""
    path = root / relative
    if relative.lower().endswith(".parquet") or not Gate(root).is_file(relative):
        return ""
    try:
        return next(islice(_lines(path), number - 1, None), "")[: column + _REACH]
    except (OSError, EOFError, ValueError):
        return ""


def _lines(path: Path) -> Iterable[str]:
    """The physical lines as the charge reader counts them; bytes that are not text show as �."""
    from openchargeback.focus.csv_positions import physical_lines

    if path.name.lower().endswith((".gz", ".zst")):
        import io

        from openchargeback.focus.decompression import UNREADABLE, binary

        try:
            with binary(path) as raw:
                yield from physical_lines(io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline=""))
        except UNREADABLE as error:
            raise ValueError(str(error)) from error
        return
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        yield from physical_lines(file)
