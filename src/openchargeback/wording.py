"""Counts and lists in messages."""

from __future__ import annotations

from collections.abc import Sequence

MOST_LINES = 20
"""How much of a long list a message shows."""


def counted(number: int, thing: str) -> str:
    """`1 charge`, `1,234 charges`."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def step_words(what: str, done: int, total: int) -> str:
    """How far a step has come: `Writing pages: 20 of 1,341`. total: 0 if unknown."""
    return f"{what}: {done:,} of {total:,}" if total else what


def shortened(lines: Sequence[str], most: int = MOST_LINES, *, indent: str = "  ", more: str = "more") -> list[str]:
    """The first lines, indented, and one that counts the rest: `  and 3 more`."""
    rest = [f"and {len(lines) - most:,} {more}"] if len(lines) > most else []
    return [indent + line for line in (*lines[:most], *rest)]


def listed(names: Sequence[str], most: int) -> str:
    """The first names, and the number of others: `Ada, Bo and 3 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
