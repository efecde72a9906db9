"""What one small change of a file is."""

from __future__ import annotations

from typing import NamedTuple


class Edit(NamedTuple):
    """The bytes of a file from start to end become new."""

    start: int
    end: int
    new: str
    operator: str
