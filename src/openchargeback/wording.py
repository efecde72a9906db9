"""Counts and lists in messages."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, thing: str) -> str:
    """`1 charge`, `1,234 charges`."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def listed(names: Sequence[str], most: int) -> str:
    """The first names, and the number of others: `Ada, Bo and 3 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
