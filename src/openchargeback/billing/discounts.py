"""Why less than the list price is due: the discounts of some lines by cause.

list price − discounts = amount due
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.model import Amounts


class Cause(enum.StrEnum):
    """Who grants a discount (`sources.X.discount`)."""

    VENDOR = "vendor"
    INSTITUTION = "institution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A discount of one source, in cents; positive if it lowers the amount due. list: the list price that it is on."""

    cause: Cause
    source: str
    amount: Decimal
    list: Decimal


def discounts_of(parts: Iterable[tuple[str, Amounts]]) -> tuple[Discount, ...]:
    """The discounts of amounts with their sources, without zeros: the vendors' first, then the institution's."""
    totals: dict[str, Amounts] = {}
    for source, amounts in parts:
        totals[source] = totals.get(source, Amounts()) + amounts
    found = [
        Discount(cause=cause, source=source, amount=amount, list=total.list)
        for source, total in totals.items()
        for cause, amount in ((Cause.VENDOR, total.discount - total.covered), (Cause.INSTITUTION, total.covered))
        if amount
    ]
    return tuple(sorted(found, key=lambda each: (each.cause is Cause.INSTITUTION, each.source)))
