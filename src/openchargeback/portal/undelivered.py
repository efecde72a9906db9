"""The emails of a month that did not arrive, in words: for its page, and for finance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from openchargeback.characters import one_line
from openchargeback.ledger.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that did not arrive: to whom, what it was, when, and why."""

    to: str
    kind: str
    on: dt.date
    reason: str


def undelivered(deliveries: Iterable[Delivery]) -> tuple[Undelivered, ...]:
    """Those of the latest attempts that did not arrive, or of which nobody knows."""
    return tuple(_words(each) for each in deliveries if each.undelivered or each.open)


def _words(delivery: Delivery) -> Undelivered:
    """A message that did not arrive, in words."""
    if delivery.bounce:
        reason = f"came back: {delivery.bounce.status} {delivery.bounce.reason}"
        return Undelivered(delivery.to, str(delivery.kind), delivery.bounce.on, one_line(reason))
    state = "not known whether it arrived" if delivery.open else "not sent"
    reason = f"{state}: {delivery.reply}" if delivery.reply else state
    return Undelivered(delivery.to, str(delivery.kind), delivery.day, one_line(reason))
