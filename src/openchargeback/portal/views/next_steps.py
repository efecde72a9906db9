"""What the reader of a page should do now, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NextStep:
    """Something to do: what, on which page of the output, and why now."""

    label: str
    path: str
    reason: str
