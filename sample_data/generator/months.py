"""Billing months and FOCUS times: UTC, start inclusive, end exclusive."""

from __future__ import annotations

import calendar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A charge or billing period as FOCUS writes it."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Month:
    """A billing month; its text is `2025-01`."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """The month that `2025-01` names."""
        year, month = text.split("-")
        return cls(int(year), int(month))

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def days(self) -> int:
        """How many days it has."""
        return calendar.monthrange(self.year, self.month)[1]

    @property
    def next(self) -> Month:
        """The month after."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> Month:
        """The month before."""
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    @property
    def span(self) -> Span:
        """The whole month."""
        return Span(_midnight(self, 1), _midnight(self.next, 1))

    def day(self, number: int) -> Span:
        """One day of it."""
        last = number == self.days
        return Span(_midnight(self, number), _midnight(self.next, 1) if last else _midnight(self, number + 1))


def _midnight(month: Month, day: int) -> str:
    return f"{month}-{day:02d}T00:00:00Z"
