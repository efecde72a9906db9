"""The only list of characters in data that mislead readers.

Control characters steer terminals and break rows of tables, and XML forbids most of them. Some programs treat line and
paragraph separators as line ends. Unpaired surrogates cannot be written as UTF-8. Bidirectional controls change the
order in which text is shown (Unicode Standard Annex 9), so that an amount or account may be misread.
"""

from __future__ import annotations

import unicodedata

BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks, embeddings, overrides and isolates that set the direction of text."""

CONTROLS = frozenset(
    char
    for char in map(chr, (*range(0x100), 0x2028, 0x2029, *range(0xD800, 0xE000)))
    if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
)
"""C0 and C1 controls, line and paragraph separators, unpaired surrogates."""

MISLEADING = CONTROLS | BIDIRECTIONAL


def one_line(text: str) -> str:
    """`text` on one line and safe for HTML, XML and PDF.

    Line breaks and whitespace become one space. Removes control characters, lone surrogates, noncharacters and
    direction overrides: XML 1.0 forbids all but the last, which could make figures next to a name read backward.
    """
    if text.isascii() and text.isprintable():
        return text.strip() if "  " not in text else " ".join(text.split())
    kept = (
        " " if char.isspace() or char in CONTROLS else char
        for char in text
        if char not in BIDIRECTIONAL and unicodedata.category(char) != "Cs" and not _is_nonchar(char)
    )
    # A no-break space is a space too; split() collapses runs of any kind.
    return " ".join("".join(kept).split())


def _is_nonchar(char: str) -> bool:
    # XML 1.0 section 2.2, Char; U+FDD0 to U+FDEF and the last two of every plane are noncharacters (Unicode 23.7).
    code = ord(char)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
