"""How every CSV file is written: the quoting of cells, and the rule for text that a spreadsheet would run.

Spreadsheets run a cell that starts with `=`, `+`, `-` or `@` as a formula, also in full-width form and after blanks or
invisible characters (OWASP, "CSV Injection"). How such text is written depends on who reads the file:

    records, open data             programs read them, so the text stays exactly as it is
    statement data, lists to fill  people open them, so it gets an apostrophe in front (`guarded`)
    journals                       an accounting system would read an apostrophe as data, so the start is removed
                                   (`without_formula`); an accounting string with such a start is refused
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import takewhile

from openchargeback.characters import MISLEADING

PLAIN = r"([A-Za-z0-9]([A-Za-z0-9 ._:/()#-]*[A-Za-z0-9)])?)?"
"""A pattern of texts that are cells of any CSV file as they are, guarded or not; there are others."""

_FORMULA = frozenset("=+-@")
# More than RFC 4180 requires: in many countries, spreadsheets also split cells at semicolons.
_QUOTED = re.compile(r'[,;"\r\n\t]')


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[str]], line_end: str = "\n") -> bytes:
    """The bytes of a CSV file, in UTF-8 without a byte order mark."""
    lines = (",".join(map(quoted, cells)) + line_end for cells in (head, *rows))
    # A lone surrogate cannot be written as UTF-8; text read from a file never has one.
    return "".join(lines).encode("utf-8", "backslashreplace")


def quoted(text: str) -> str:
    """A cell as in RFC 4180: quoted if it contains a separator, quote or line end, or has blanks around it."""
    # Not Python's writer: before 3.13 it leaves a carriage return unquoted, which its reader treats as a line end.
    if _QUOTED.search(text) or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def guarded(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet would run it."""
    return f"'{text}" if text.startswith(("\t", "\r", "\n")) or not _FORMULA.isdisjoint(_lead(text)) else text


def without_formula(text: str) -> str:
    """The text without a start that a spreadsheet would run or that hides a formula."""
    return text[len(_lead(text)) :]


def _lead(text: str) -> str:
    """The normalized start of a text that a spreadsheet skips or reads as the start of a formula."""
    # NFKC makes U+FF1D an equals sign, as spreadsheets do.
    return "".join(unicodedata.normalize("NFKC", char)[:1] or char for char in takewhile(_is_unsafe, text))


def _is_unsafe(char: str) -> bool:
    # People and some spreadsheets treat format characters such as U+200B and U+FEFF as blanks.
    if char.isspace() or char in MISLEADING or unicodedata.category(char) == "Cf":
        return True
    return unicodedata.normalize("NFKC", char)[:1] in _FORMULA
