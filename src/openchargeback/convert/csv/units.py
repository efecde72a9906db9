"""Units of quantities in a table (FOCUS 1.2, attributes/unit_format.md): what they count, and how they convert."""

from __future__ import annotations

import re
from fractions import Fraction

SCALE = 10**9
"""Units of `usage.amount` in one unit of a quantity: quantities are kept to nine decimals."""

_SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400}
_DECIMAL = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
_BINARY = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}
_SIZES = {**_DECIMAL, **_BINARY}
_UNIT = re.compile(r"([A-Z]\w{0,39})(?:-(Seconds|Minutes|Hours|Days|Months))?", re.ASCII)
MONTHS = "Months"


def parts_of(unit: str) -> tuple[str, str] | None:
    """What a unit counts, over what time: `("GB", "Hours")`, `("", "Hours")`, `("Tokens", "")`; None if it is odd."""
    found = _UNIT.fullmatch(unit)
    if not found:
        return None
    noun, time = found[1], found[2] or ""
    return ("", noun) if not time and (noun in _SECONDS or noun == MONTHS) else (noun, time)


def seconds_of(time: str) -> int:
    """Seconds of a unit of time; 1 for none, and for months, which have no certain length."""
    return _SECONDS.get(time, 1)


def nouns_of(noun: str) -> dict[str, int]:
    """What prices may count, with how many units of `usage.amount` make one, for quantities that count `noun`."""
    family = next((each for each in (_DECIMAL, _BINARY) if noun in each), None)
    if family is None:
        return {noun: SCALE}
    shares = {name: Fraction(size * SCALE, family[noun]) for name, size in family.items()}
    first = {noun: SCALE}
    return first | {name: int(share) for name, share in shares.items() if share.denominator == 1}


def factor(unit: str, other: str) -> Fraction | None:
    """What a number of one unit of size or time is to be multiplied by for the other; None if they do not convert."""
    for family in (_SIZES, _SECONDS):
        if unit in family and other in family:
            return Fraction(family[unit], family[other])
    return None
