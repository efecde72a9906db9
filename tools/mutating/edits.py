"""A small change to a file."""

from __future__ import annotations

from typing import NamedTuple


class Edit(NamedTuple):
    """Replaces the bytes of a file from start to end with new."""

    start: int
    end: int
    new: str
    operator: str
