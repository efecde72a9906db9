"""Quantity × unit price, as people read it: `412.5 core-hours × 0.0125`.

Figures are as short as they can be while their product still gives the list price to the cent; no amount is ever
computed from them.
"""

from __future__ import annotations

import re
from decimal import Decimal

from openchargeback import money
from openchargeback.characters import one_line
from openchargeback.model import Usage, Various

VARIOUS = "various"
"""Shown instead of a quantity or a price that the charges of a resource do not share."""

TIMES = " × "
"""Between a quantity and its price."""

_MOST_PLACES = money.EXACT_PLACES
_CLOSE = Decimal("0.0005")
# FOCUS 1.2, "Unit Format", capitalizes words; units proper (GB, vCPU, MiB, Mbps) keep their case.
_WORD = re.compile(r"\b(?!(?:[KMGT]bps|[KMGT]bits?)\b)[A-Z][a-z]{2,}\b", re.ASCII)


def quantity_words(usage: Usage, currency: str) -> str:
    """`412.5 core-hours × 0.0125`, `412.5 core-hours × various`, `various`; empty if nothing is known.

    currency: that of the unit price; its minor unit determines how exact the figures must be.
    """
    if usage.various is Various.UNIT:
        return VARIOUS
    if usage.quantity is None:
        return ""
    price = usage.unit_price
    places = money.places(currency)
    # Half of a tenth of a cent each, so that both together cannot change a cent but by chance.
    close = _CLOSE.scaleb(2 - places)
    quantity = _short(usage.quantity, price, 2, close)
    words = f"{_plain(quantity)} {_of_unit(usage.unit)}".rstrip()
    if usage.various is Various.PRICE:
        return f"{words}{TIMES}{VARIOUS}"
    return words if price is None else f"{words}{TIMES}{_short(price, usage.quantity, places, close)}"


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _of_unit(unit: str) -> str:
    """The unit after its quantity; one that begins with a number of its own is set apart: `3 (1M requests)`."""
    words = unit_words(unit)
    return f"({words})" if words[:1].isdigit() else words


def unit_words(unit: str) -> str:
    """A unit in running text: `core-hours` for `Core-Hours`, `GB-months` for `GB-Months`."""
    return _WORD.sub(lambda word: word[0].lower(), one_line(unit))


def _short(value: Decimal, other: Decimal | None, least: int, close: Decimal) -> str:
    """A factor with the fewest decimals, but at least so many, that keep its product with the other one close."""
    for places in range(least, _MOST_PLACES):
        rounded = money.to_places(value, places)
        missing = abs(money.total(value, money.negative(rounded)))
        if not missing or (
            missing <= money.product(abs(value), _CLOSE) and money.product(missing, abs(other or money.ZERO)) <= close
        ):
            break
    else:
        rounded = value
    return f"{rounded:,f}".replace("-", "\N{MINUS SIGN}")
