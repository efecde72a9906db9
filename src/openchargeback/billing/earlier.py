"""Earlier months, for comparison with a queue item."""

from __future__ import annotations

from collections.abc import Iterable

from openchargeback.model import Amounts, Entry, PeriodAmounts, QueueItem, SummedPeriod

MONTHS = 6
"""How many earlier months are shown next to an item."""


def months_before(periods: Iterable[SummedPeriod], item: QueueItem) -> tuple[PeriodAmounts, ...]:
    """What the item's project was billed for its service from its source in earlier months, in ascending order.

    Only the months' own charges count. Empty if the item has no project, since there is nothing to compare with.
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
