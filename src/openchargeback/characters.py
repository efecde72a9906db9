"""The characters in text from data that mislead who reads it: the one list of them.

Control characters steer terminals and break rows of tables, and XML forbids most of them; line and paragraph
separators are line ends to some programs; halves of surrogate pairs cannot be written as UTF-8. Bidirectional controls
show text in another order than it has (Unicode Standard Annex 9), so that an amount or account reads otherwise.
"""

from __future__ import annotations

import unicodedata

BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks, embeddings, overrides and isolates of the reading direction."""

CONTROLS = frozenset(
    char
    for char in map(chr, (*range(0x100), 0x2028, 0x2029, *range(0xD800, 0xE000)))
    if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
)
"""Controls of C0 and C1, line and paragraph separators, halves of surrogate pairs."""

MISLEADING = CONTROLS | BIDIRECTIONAL
