"""Clean text, for files that other programs read: one line, no misleading characters, no formula.

Apart from the filters, since commands that render no template use it, and Jinja takes long to import.
"""

from __future__ import annotations

import functools
import re

from openchargeback.characters import MISLEADING
from openchargeback.csv_writing import without_formula

_MISLEADING = dict.fromkeys(map(ord, MISLEADING))
_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")


class Code(str):
    """Text that is output in full or not at all: a fund, an account, a number. No filter strips or cuts it."""

    __slots__ = ()


@functools.lru_cache(maxsize=4096)  # the rows of a journal repeat names and services
def clean(text: str) -> str:
    """Text on one line, without misleading characters or a start that a spreadsheet would treat as a formula."""
    return without_formula(_BREAKS.sub(" ", text).translate(_MISLEADING)).strip()


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of clean text."""
    return text[:limit].rstrip()


def unsafe(code: str) -> bool:
    """Whether a fund or account cannot be written as is: it starts like a formula or has misleading characters."""
    visible = code.lstrip()
    return not MISLEADING.isdisjoint(code) or without_formula(visible) != visible
