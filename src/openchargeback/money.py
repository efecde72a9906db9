"""Amounts: parsing, rounding, formatting. Decimal only: money is never a float.

An exact amount has at most 18 decimals. Cents are the minor unit of a currency
(ISO 4217): two places for most, none for the yen, three for the Kuwaiti dinar.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import TypeVar

K = TypeVar("K")

ZERO = Decimal(0)

EXACT_PLACES = 18
"""Decimals that an exact amount keeps; further ones are rounded half-up, and the reader counts them."""

MAX_DIGITS = 15
"""Digits before the point that an amount may have, so that the sum of many of them still fits DECIMAL(38, 18)."""

SUM_DIGITS = 20
"""Digits before the point that a sum of amounts may have, as in DECIMAL(38, 18)."""

# Wide enough for sums of very many amounts with fifteen digits before the point and eighteen after it.
_CONTEXT = decimal.Context(prec=100, rounding=ROUND_HALF_UP)
# A cell may have millions of digits, which is an amount that is too large, not an overflow.
_WIDE = decimal.Context(prec=20_000, rounding=ROUND_HALF_UP, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
_EXACT_UNIT = Decimal(1).scaleb(-EXACT_PLACES)

# FOCUS 1.2, "Numeric Format": integer, decimal or E-notation; no plus sign, currency sign or grouping.
NUMBER_PATTERN = r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?"
_NUMBER = re.compile(NUMBER_PATTERN, re.ASCII)

# ISO 4217 list one: the currencies whose minor unit is not a hundredth.
_MINOR_UNITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def places(currency: str) -> int:
    """Decimals of the currency's minor unit (ISO 4217); 2 for codes not known to differ."""
    return _MINOR_UNITS.get(currency, 2)


def parse(text: str, digits: int = MAX_DIGITS) -> Decimal | None:
    """The exact value of a FOCUS number with at most so many digits before the point; None if it is not one.

    Accepts what FOCUS 1.2 "Numeric Format" allows; rejects `+5`, `1,000`, `1_000`, `$5`, `NaN` and blanks.
    Decimals beyond the eighteenth are rounded half-up.
    """
    if not _NUMBER.fullmatch(text):
        return None
    value = _WIDE.create_decimal(text)
    if value.adjusted() >= digits:
        return None
    rounded = value.quantize(_EXACT_UNIT, context=_WIDE)
    return rounded or abs(rounded)


def total(*amounts: Decimal) -> Decimal:
    """The sum, exactly. Python's own `+` rounds to 28 digits, and exact amounts have up to 38."""
    result = ZERO
    for amount in amounts:
        result = _CONTEXT.add(result, amount)
    return result


def median(amounts: Sequence[Decimal]) -> Decimal | None:
    """The median of exact amounts; for an even number, the mean of the middle two, to 18 decimals. None if empty."""
    if not amounts:
        return None
    ordered, half = sorted(amounts), len(amounts) // 2
    if len(ordered) % 2:
        return ordered[half]
    return _CONTEXT.divide(total(ordered[half - 1], ordered[half]), Decimal(2)).quantize(_EXACT_UNIT, context=_CONTEXT)


def negative(amount: Decimal) -> Decimal:
    """The negative, exactly; never minus zero."""
    return _CONTEXT.subtract(ZERO, amount)


def to_cents(exact: Decimal, currency: str) -> Decimal:
    """Rounded half-up (away from zero) to the minor unit; never minus zero."""
    cents = exact.quantize(minor_unit(currency), context=_CONTEXT)
    return cents or abs(cents)


def to_places(exact: Decimal, places: int) -> Decimal:
    """Rounded half-up to so many decimals: a quantity or a unit price as people read it, never an amount."""
    return exact.quantize(Decimal(1).scaleb(-places), context=_CONTEXT)


def floor_to_cents(exact: Decimal, currency: str) -> Decimal:
    """Rounded toward minus infinity to the minor unit."""
    return exact.quantize(minor_unit(currency), rounding=decimal.ROUND_FLOOR, context=_CONTEXT)


def share_out(whole: Decimal, parts: Mapping[K, Decimal], currency: str) -> dict[K, Decimal]:
    """Allocate cents to exact parts by largest remainders, as `billing/allocate.sql` does for billing lines.

    whole: in cents; must be the sum of the parts, rounded down or up. Ties go to the earlier part.
    """
    return share_units(whole, parts, minor_unit(currency))


def share_units(whole: Decimal, parts: Mapping[K, Decimal], unit: Decimal) -> dict[K, Decimal]:
    """The same in any unit, such as 10^-18: `whole` and the shares are multiples of it."""
    floors = {key: exact.quantize(unit, decimal.ROUND_FLOOR, _CONTEXT) for key, exact in parts.items()}
    missing = int(_CONTEXT.divide(_CONTEXT.subtract(whole, total(*floors.values())), unit))
    ranked = sorted(parts, key=lambda key: total(floors[key], negative(parts[key])))
    raised = set(ranked[:missing])
    return {key: _CONTEXT.add(floors[key], unit) if key in raised else floors[key] for key in parts}


def quotient(part: Decimal, whole: Decimal) -> Decimal:
    """`part` divided by `whole`, to a hundred digits: closer than any share of it is rounded."""
    return _CONTEXT.divide(part, whole)


def product(one: Decimal, other: Decimal) -> Decimal:
    """The product, exactly, of numbers with up to fifty digits."""
    return _CONTEXT.multiply(one, other)


@cache
def minor_unit(currency: str) -> Decimal:
    """The smallest amount in a currency: `0.01` for most."""
    return Decimal(1).scaleb(-places(currency))


def beyond_exact(text: str) -> Decimal:
    """The difference that rounding to 18 decimals makes to a FOCUS number: the number as written minus its value."""
    value = parse(text)
    return ZERO if value is None else _WIDE.subtract(_WIDE.create_decimal(text), value)


def plain(amount: Decimal, currency: str) -> str:
    """Cents for machines: `-1234.50`, always with the currency's places."""
    return f"{to_cents(amount, currency):f}"


def exact(amount: Decimal) -> str:
    """An exact amount for machines, without trailing zeros: `0.000612`, `12`."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def signed_exact(amount: Decimal) -> str:
    """An exact amount for people: `0.000612`, `−100.001`, with a true minus sign (U+2212)."""
    return exact(amount).replace("-", "\N{MINUS SIGN}")


def human(amount: Decimal, currency: str) -> str:
    """Cents for people: `1,234.50`, with a true minus sign (U+2212)."""
    return f"{to_cents(amount, currency):,f}".replace("-", "\N{MINUS SIGN}")


def human_exact(amount: Decimal, currency: str) -> str:
    """An exact amount for people, never rounded: `1,234.50`, `−0.004`, with at least the currency's places."""
    cents = to_cents(amount, currency)
    text = f"{cents:,f}" if cents == amount else f"{Decimal(exact(amount)):,f}"
    return text.replace("-", "\N{MINUS SIGN}")


def percent(part: Decimal, whole: Decimal) -> Decimal | None:
    """`part` of `whole` in whole percent, half-up; None if there is nothing to compare with.

    Rounds to 100 or 0 only if it is all or nothing.
    """
    if not whole:
        return None
    share = _CONTEXT.divide(part * 100, whole)
    rounded = share.quantize(Decimal(1), context=_CONTEXT)
    if rounded == 100 and share < 100:
        return Decimal(99)
    if rounded == 0 and share:
        return share.quantize(Decimal("0.1"), context=_CONTEXT)
    return rounded


def change_percent(change: Decimal, before: Decimal) -> Decimal | None:
    """A change in percent of the amount before, without the sign of that amount.

    None if the amount before was zero, or so small (under a hundredth of the change) that a percentage misleads.
    """
    return None if abs(before) * 100 < abs(change) else percent(change, abs(before))
