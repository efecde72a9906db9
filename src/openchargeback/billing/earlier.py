"""What came before: the months that a reviewer compares a queue item with."""

from __future__ import annotations

from collections.abc import Iterable

from openchargeback.model import Amounts, BilledPeriod, Entry, PeriodAmounts, QueueItem

MONTHS = 6
"""How many months before are shown beside an item."""


def months_before(periods: Iterable[BilledPeriod], item: QueueItem) -> tuple[PeriodAmounts, ...]:
    """What the item's project was billed for its service from its source in the months before, the latest last.

    Only the months' own charges count; empty where the item has no project, since then nothing can be compared.
    """
    if not item.project:
        return ()
    key = (item.source, item.project, item.service)
    before = sorted((each for each in periods if each.period < item.period), key=lambda each: each.period)[-MONTHS:]
    return tuple(
        PeriodAmounts(
            period=period.period,
            amounts=Amounts.total(
                line.amounts
                for line in period.lines
                if line.entry is Entry.OWN and (line.source, line.project, line.service) == key
            ),
        )
        for period in before
    )
