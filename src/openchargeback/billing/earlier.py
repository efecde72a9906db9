"""Earlier months, for comparison with a queue item."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from openchargeback.model import Amounts, Entry, PeriodAmounts, QueueItem, SummedPeriod

MONTHS = 6
"""How many earlier months are shown next to an item."""


class EarlierMonths:
    """What each project was billed for each service from each source in the months of a ledger.

    Only the months' own charges count.
    """

    def __init__(self, periods: Sequence[SummedPeriod]) -> None:
        self._periods = sorted(periods, key=lambda each: each.period)

    @cached_property
    def _months(self) -> dict[str, dict[tuple[str, str, str], Amounts]]:
        """Month → source, project, service → amounts. The lines of closed months are read only if asked for."""
        months: dict[str, dict[tuple[str, str, str], Amounts]] = {}
        for period in self._periods:
            found = months[period.period] = {}
            for line in period.lines:
                if line.entry is Entry.OWN:
                    key = (line.source, line.project, line.service)
                    found[key] = found.get(key, Amounts()) + line.amounts
        return months

    def before(self, item: QueueItem) -> tuple[PeriodAmounts, ...]:
        """The months before an item's, in ascending order, for its project, service and source.

        Empty if the item has no project, since there is nothing to compare with.
        """
        if not item.project:
            return ()
        key = (item.source, item.project, item.service)
        months = [month for month in self._months if month < item.period][-MONTHS:]
        return tuple(PeriodAmounts(period=each, amounts=self._months[each].get(key, Amounts())) for each in months)
