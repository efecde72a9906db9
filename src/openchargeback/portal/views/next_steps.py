"""Next: what the reader of a page should do now, why, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do.

    label: what to do, as a command. path: of the page where it is done, in the output folder. reason: why now, in one
    sentence without a period. amount: the money that it is about, with its currency; empty if none.
    """

    label: str
    path: str
    reason: str
    amount: str = ""
