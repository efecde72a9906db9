"""Describe the difference between list price and amount due: a vendor's discount, or covered by the institution.

Only sources with `discount: institution` are covered by the institution. A credit takes back the discount of the
charge it reverses; that is not a surcharge.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.model import Amounts
from openchargeback.templating.filters import percent_filter


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountRow:
    """A part of the difference as it is printed: negative if it lowers the amount due.

    percent: its share of the list price; None if that is not meaningful.
    """

    label: str
    amount: Decimal
    percent: Decimal | None


def discount_rows(amounts: Amounts, institution: str, *, corrected: bool = True) -> tuple[DiscountRow, ...]:
    """The vendor's part and the institution's, without zeros; a single row of zero if both are zero.

    corrected: the amounts may include credits or corrections. If not, an amount above list price is a surcharge.
    """
    above = "Above list price" if corrected else "Surcharge"
    who = institution or "the institution"
    vendor, covered = amounts.discount - amounts.covered, amounts.covered
    rows = []
    if vendor or not covered:
        rows.append(
            _row(amounts, vendor, "Vendor discount" if vendor else "Discount", "Vendor discount reversed", above)
        )
    if covered:
        rows.append(_row(amounts, covered, f"Covered by {who}", f"Covered by {who}, reversed", above))
    return tuple(rows)


def _row(amounts: Amounts, part: Decimal, discount: str, taken_back: str, above: str) -> DiscountRow:
    if part < 0:
        return DiscountRow(label=taken_back if amounts.list < 0 else above, amount=money.ZERO - part, percent=None)
    if part > 0 and amounts.list >= 0 > amounts.billed:
        # More than the whole list price: this includes credits.
        return DiscountRow(
            label="Discounts and credits" if amounts.list else "Credits", amount=money.ZERO - part, percent=None
        )
    share = money.percent(part, amounts.list) if amounts.list > 0 else None
    return DiscountRow(label=discount, amount=money.ZERO - part, percent=share)


def discount_sentence(amounts: Amounts, institution: str) -> str:
    """Who paid how much of the list price; empty if nothing was used, or nothing was deducted."""
    if amounts.list <= 0 or amounts.billed < 0 or amounts.discount < 0:
        return ""
    who = institution or "The institution"
    vendor, covered = amounts.discount - amounts.covered, amounts.covered
    if not vendor and not covered:
        return "Everything was billed at list price."
    if covered == amounts.list:
        return f"{who} covered the whole list price."
    if vendor == amounts.list:
        return "The vendor’s discount is the whole list price: nothing is due."
    parts = []
    if vendor > 0:
        parts.append(f"vendor discounts are {percent_filter(money.percent(vendor, amounts.list))} of the list price")
    if covered > 0:
        share = percent_filter(money.percent(covered, amounts.list))
        parts.append(f"{who} covered {share}" + ("" if parts else " of the list price"))
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""
