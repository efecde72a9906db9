"""How CSV is written: the one way to quote a cell, and the one rule about what a spreadsheet would run.

Spreadsheets run a cell that begins with `=`, `+`, `-` or `@` as a formula, also in full-width form and behind blanks
or invisible characters (OWASP, "CSV Injection"). What becomes of such a text depends on who reads the file:

    records, open data             programs read them, so the text stays exactly as it is
    statement data, lists to fill  people open them: an apostrophe in front (`guarded`)
    journals                       an accounting system would take the apostrophe for data, so the start goes
                                   (`without_formula`); an accounting string that has one is refused
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import takewhile

from openchargeback.characters import MISLEADING

_FORMULA = frozenset("=+-@")
# More than RFC 4180 wants: in many countries spreadsheets split cells at semicolons, too.
_QUOTED = re.compile(r'[,;"\r\n\t]')


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[str]], line_end: str = "\n") -> bytes:
    """The bytes of a CSV file, UTF-8 without a mark at its beginning."""
    lines = (",".join(map(quoted, cells)) + line_end for cells in (head, *rows))
    # A lone surrogate cannot be written as UTF-8; nothing that was read from a file has one.
    return "".join(lines).encode("utf-8", "backslashreplace")


def quoted(text: str) -> str:
    """A cell by RFC 4180: quoted where it holds a separator, a quote or a line end, or has blanks around it."""
    # Not Python's writer: before 3.13 it leaves a carriage return unquoted, which its reader takes for a line end.
    if _QUOTED.search(text) or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def guarded(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would run it."""
    return f"'{text}" if text.startswith(("\t", "\r", "\n")) or not _FORMULA.isdisjoint(_lead(text)) else text


def without_formula(text: str) -> str:
    """The text without a start that a spreadsheet would run, or that hides one."""
    return text[len(_lead(text)) :]


def _lead(text: str) -> str:
    """What a text begins with that a spreadsheet passes over or takes for the start of a formula, in plain form."""
    # NFKC makes U+FF1D an equals sign, as spreadsheets do.
    return "".join(unicodedata.normalize("NFKC", char)[:1] or char for char in takewhile(_is_unsafe, text))


def _is_unsafe(char: str) -> bool:
    # Format characters such as U+200B and U+FEFF are blanks to the eye and to some spreadsheets.
    if char.isspace() or char in MISLEADING or unicodedata.category(char) == "Cf":
        return True
    return unicodedata.normalize("NFKC", char)[:1] in _FORMULA
