r"""How every CSV file is written: the quoting of cells, and the rule for text that a spreadsheet would run.

Spreadsheets run a cell that starts with `=`, `+`, `-` or `@` as a formula, also in full-width form and after blanks or
invisible characters (OWASP, "CSV Injection"). Names of resources and tags come from anyone who may create a resource,
so no file is exempt. How such text is written depends on who reads the file:

    journals            an accounting system would read an apostrophe as data, so the start is removed
                        (`without_formula`); an accounting string with such a start is refused
    every other file    it gets an apostrophe in front (`guarded`), which our readers take away again (`unguarded`)

Amounts and other plain numbers stay as they are. Python writes files with `csv_bytes`, DuckDB with `focus/csv_copy.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Every character that is one of =+-@ in compatibility form, which is how spreadsheets read it (Unicode, NFKC).
FORMULA_MARKS = "=+@\u207a\u207c\u208a\u208c\u2a75\u2a76\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20-"
# What people and some spreadsheets treat as blank: white space, controls, format characters (Unicode, Cf), as ranges.
_BLANKS = (
    *((0x0, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F)),
    *((0x890, 0x891), (0x8E2, 0x8E2), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200F), (0x2028, 0x202F)),
    *((0x205F, 0x2064), (0x2066, 0x206F), (0x3000, 0x3000), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB)),
    *((0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A)),
    *((0xE0001, 0xE0001), (0xE0020, 0xE007F)),
)
_SURROGATES = "\ud800-\udfff"


def _written(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else chr(code)


_BLANK = "".join(f"{_written(first)}-{_written(last)}" for first, last in _BLANKS)
_MARK = FORMULA_MARKS.replace("-", r"\-")
RISKY = rf"^(?:[\t\r\n]|[{_BLANK}]*[{_MARK}])"
"""The start of a text that a spreadsheet would run; the same for Python and RE2."""

NUMBER = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?"
"""A plain number (FOCUS 1.2, "Numeric Format"), which is no formula; the same for Python and RE2."""

PLAIN = r"([A-Za-z0-9]([A-Za-z0-9 ._:/()#-]*[A-Za-z0-9)])?)?"
"""A pattern of texts that are cells of any CSV file as they are, guarded or not; there are others."""

_RISKY = re.compile(RISKY.replace(_BLANK, _BLANK + _SURROGATES))
_NUMBER = re.compile(NUMBER)
_LEAD = re.compile(f"[{_BLANK}{_SURROGATES}{_MARK}]*")
# More than RFC 4180 requires: in many countries, spreadsheets also split cells at semicolons.
_QUOTED = re.compile(r'[,;"\r\n\t]')


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[str]], line_end: str = "\n") -> bytes:
    """The bytes of a CSV file, in UTF-8 without a byte order mark. Cells that a spreadsheet would run are guarded."""
    lines = (",".join(quoted(guarded(cell)) for cell in cells) + line_end for cells in (head, *rows))
    # A lone surrogate cannot be written as UTF-8; text read from a file never has one.
    return "".join(lines).encode("utf-8", "backslashreplace")


def quoted(text: str) -> str:
    """A cell as in RFC 4180: quoted if it contains a separator, quote or line end, or has blanks around it."""
    # Not Python's writer: before 3.13 it leaves a carriage return unquoted, which its reader treats as a line end.
    if _QUOTED.search(text) or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def guarded(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet would run it. `unguarded` gives the text back."""
    # With its own apostrophes taken away, or it could not be told whether one was added.
    return f"'{text}" if _runs(text.lstrip("'")) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` made the cell of."""
    return cell[1:] if cell.startswith("'") and _runs(cell.lstrip("'")) else cell


def _runs(text: str) -> bool:
    # Most texts start with a letter or a digit.
    return _RISKY.match(text) is not None and _NUMBER.fullmatch(text) is None


def without_formula(text: str) -> str:
    """The text without a start that a spreadsheet would run or that hides a formula."""
    found = _LEAD.match(text)
    return text[found.end() :] if found else text
