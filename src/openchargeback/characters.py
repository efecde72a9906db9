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
