"""Values that look random but never change: each is derived from the SHA-256 of its words.

The standard library's `random` is not used, because its values may differ between Python releases, and because a new
row would shift every later value. Here a value depends only on its own words.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal

_STEPS = 1_000_000


def hexadecimal(length: int, *words: object) -> str:
    """`length` hexadecimal digits, at most 64."""
    return hashlib.sha256("|".join(map(str, words)).encode()).hexdigest()[:length]


def digits(length: int, *words: object) -> str:
    """A number of exactly `length` digits that does not start with 0."""
    lowest = 10 ** (length - 1)
    return str(lowest + int(hexadecimal(32, *words), 16) % (9 * lowest))


def guid(*words: object) -> str:
    """An identifier in the form of a GUID."""
    text = hexadecimal(32, *words)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def between(low: str, high: str, *words: object) -> Decimal:
    """A number from `low` up to, but not including, `high`."""
    step = Decimal(int(hexadecimal(32, *words), 16) % _STEPS) / _STEPS
    return Decimal(low) + (Decimal(high) - Decimal(low)) * step


def shares(parts: int, *words: object) -> list[Decimal]:
    """`parts` unequal shares of 1, each within a quarter of the average."""
    weights = [between("0.8", "1.2", *words, part) for part in range(parts)]
    whole = sum(weights, Decimal(0))
    return [weight / whole for weight in weights]
