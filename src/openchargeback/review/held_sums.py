"""Totals of held money; each charge counts once, however many flags hold it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.model import QueueItem


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSum:
    """Items of the review queue in one currency. flags: those that hold all of them; none for a total."""

    flags: tuple[str, ...]
    items: int
    charges: int
    exact_billed: Decimal
    currency: str


def by_reason(held: Iterable[QueueItem]) -> tuple[HeldSum, ...]:
    """One sum per set of flags and currency, largest first; the sums of a currency add up to its total."""
    found: dict[tuple[tuple[str, ...], str], list[QueueItem]] = {}
    for item in held:
        found.setdefault((item.uncleared, item.currency), []).append(item)
    sums = [_sum(flags, items, currency) for (flags, currency), items in found.items()]
    return tuple(sorted(sums, key=lambda each: (-abs(each.exact_billed), each.flags, each.currency)))


def in_total(held: Iterable[QueueItem], currency: str) -> tuple[HeldSum, ...]:
    """One sum per currency: the ledger's first, even if nothing is held in it, then the others by name."""
    found: dict[str, list[QueueItem]] = {currency: []}
    for item in held:
        found.setdefault(item.currency, []).append(item)
    others = sorted(set(found) - {currency})
    return tuple(_sum((), found[unit], unit) for unit in (currency, *others))


def _sum(flags: tuple[str, ...], items: list[QueueItem], currency: str) -> HeldSum:
    return HeldSum(
        flags=flags,
        items=len(items),
        charges=sum(item.charges for item in items),
        exact_billed=money.total(*(item.exact_billed for item in items)),
        currency=currency,
    )
