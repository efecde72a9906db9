"""What every statement begins with: who sends it, and the way from the list price to the amount due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.characters import one_line
from openchargeback.ledger.settings import Config
from openchargeback.portal.statement_parts import Figures, source_label
from openchargeback.templating.filters import percent_filter

_ROOM = (("usual", 14), ("wide", 18))
"""The longest amount, in characters, that fits each column width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """Who sends a statement, each part in one line. contact: whom to ask, in lines.

    has_logo: whether the template may request the logo.
    """

    organization: str
    unit: str
    address: tuple[str, ...]
    contact: tuple[str, ...]
    has_logo: bool

    @classmethod
    def of(cls, config: Config, *, has_logo: bool) -> Letterhead:
        """The letterhead of a ledger."""
        sender, contact = config.organization, config.organization.contact
        reached = ", ".join(filter(None, map(one_line, (contact.email, contact.phone))))
        return cls(
            organization=one_line(sender.name),
            unit=one_line(sender.unit),
            address=tuple(map(one_line, sender.address)),
            contact=tuple(filter(None, (one_line(contact.name), reached, one_line(contact.url)))),
            has_logo=has_logo,
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """What follows the name of the organization."""
        return tuple(filter(None, (self.unit, ", ".join(self.address))))


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """A step from list price to amount due. detail: what it consists of; may be empty."""

    label: str
    detail: str
    amount: Decimal


def discount_steps(sources: Mapping[str, Figures], config: Config) -> list[SummaryRow]:
    """Who grants which discount: the vendors in one row, the institution in one for each source."""
    rows = []
    vendors = {source: row for source, row in sources.items() if row.vendor < 0}
    above = {source: row for source, row in sources.items() if row.vendor > 0}
    for label, found in (("Vendor discount", vendors), ("Surcharge", above)):
        if found:
            shares = [_share_words(config, source, row.vendor, row.list) for source, row in found.items()]
            amount = sum((row.vendor for row in found.values()), money.ZERO)
            rows.append(SummaryRow(label=label, detail=", ".join(shares), amount=amount))
    who = one_line(config.organization.name) or "the institution"
    for source, row in sources.items():
        if row.covered:
            label = f"Covered by {who}" if row.covered < 0 else "Surcharge"
            detail = _share_words(config, source, row.covered, row.list)
            rows.append(SummaryRow(label=label, detail=detail, amount=row.covered))
    return rows


def _share_words(config: Config, source: str, amount: Decimal, list_price: Decimal) -> str:
    """A source, and its discount in percent of the list price, unless that is all or would mislead."""
    label = source_label(config, source)
    if amount >= 0 or list_price <= 0 or -amount >= list_price:
        return label
    return f"{label} {percent_filter(money.percent(-amount, list_price))}"


def room_of(amounts: Iterable[Decimal], currency: str) -> str:
    """The width that amounts need, as a class of the style sheet: `usual`, `wide` or `huge`."""
    longest = max((len(money.human(amount, currency)) for amount in amounts), default=0)
    return next((name for name, most in _ROOM if longest <= most), "huge")
