"""What was delivered, and who paid for it.

In every row and total

    value = vendor discounts + covered by the institution + not charged + due

The value is the list price. Not charged is what sources cost that are only shown.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from openchargeback.model import Amounts, BillingLine
from openchargeback.money import ZERO
from openchargeback.portal.views.spending import summed

_K = TypeVar("_K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What was delivered, in cents: value = vendor + covered + due + free. free: what is only shown, not charged."""

    value: Decimal = ZERO
    vendor: Decimal = ZERO
    covered: Decimal = ZERO
    due: Decimal = ZERO
    free: Decimal = ZERO

    def __add__(self, other: Worth) -> Worth:
        return Worth(
            value=self.value + other.value,
            vendor=self.vendor + other.vendor,
            covered=self.covered + other.covered,
            due=self.due + other.due,
            free=self.free + other.free,
        )

    @staticmethod
    def of(amounts: Amounts, *, posted: bool) -> Worth:
        """The worth of lines that are all due (`posted`) or all only shown."""
        return Worth(
            value=amounts.list,
            vendor=amounts.discount - amounts.covered,
            covered=amounts.covered,
            due=amounts.billed if posted else ZERO,
            free=ZERO if posted else amounts.billed,
        )


def worths(lines: Iterable[BillingLine], key: Callable[[BillingLine], _K]) -> dict[_K, Worth]:
    """What was delivered by key."""
    found: dict[_K, Worth] = {}
    for (name, posted), amounts in summed(lines, lambda line: (key(line), line.posted)).items():
        found[name] = found.get(name, Worth()) + Worth.of(amounts, posted=posted)
    return found


def total_worth(lines: Iterable[BillingLine]) -> Worth:
    """What was delivered altogether."""
    return worths(lines, lambda _: "").get("", Worth())
