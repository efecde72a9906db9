"""Check whether a month is complete: what each source delivered, for which days, compared with earlier months.

`periods show`, `periods close`, the plan and the portal share this rule.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from openchargeback import money
from openchargeback.ledger.periods import first_day
from openchargeback.ledger.settings import IRREGULAR, MONTHLY, Config
from openchargeback.model import BillingLine, Entry, SourceTotals, SummedPeriod

MONTHS_BACK = 3
"""The number of earlier months to compare with: the last ones in which the ledger has charges."""

GONE_SHOWN = 10
"""How many PIs without charges from a source anymore are listed."""

_UNUSUAL = Decimal(50)
"""The percentage by which a total may differ from the median before the plan reports it."""


class File(Protocol):
    """A charge file: its path in the ledger and its source."""

    @property
    def path(self) -> str: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Month:
    """What a period, billed or recorded, has from its sources."""

    period: str
    sources: Sequence[SourceTotals] = ()
    lines: Sequence[BillingLine] = ()
    files: Sequence[File] = ()

    def charges(self, source: str) -> int:
        """The number of the source's charges."""
        return sum(each.charges for each in self.sources if each.source == source)

    def total(self, source: str, currency: str) -> Decimal:
        """The exact imported total of the source in a currency."""
        return money.total(
            *(each.imported for each in self.sources if (each.source, each.currency) == (source, currency))
        )

    def billed(self, source: str) -> Mapping[str, Decimal]:
        """The exact amount that the period's own charges of the source bill to each PI."""
        result: dict[str, Decimal] = {}
        for line in self.lines:
            if line.source == source and line.entry is Entry.OWN:
                result[line.pi] = money.total(result.get(line.pi, money.ZERO), line.exact_billed)
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """One source of a period compared with earlier months.

    expected: whether it is expected monthly. files: paths of its charge files. charges: their number.
    days: how many of the `days_in_month` its charges cover, first_day to last_day; None if its files lack dates.
    total: imported, exact, in the ledger's currency. median: of earlier months; None if there are none.
    percent: the total relative to the median; None if the median is None or 0.
    gone: PIs billed for this source in the previous calendar month but not in this one, largest amount first.
    """

    source: str
    expected: bool
    files: tuple[str, ...]
    charges: int
    days_in_month: int
    days: int | None
    first_day: dt.date | None
    last_day: dt.date | None
    total: Decimal
    median: Decimal | None
    percent: Decimal | None
    gone: tuple[str, ...] = field(default=())

    @property
    def missing(self) -> bool:
        """Whether the source is expected and has no charges."""
        return self.expected and not self.charges

    @property
    def lacks_days(self) -> bool:
        """Whether some days of the month are known to have no charges."""
        return self.days is not None and self.days < self.days_in_month

    @property
    def unusual(self) -> bool:
        """Whether the total differs from the median by more than half of it."""
        return self.percent is not None and abs(self.percent) > _UNUSUAL

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look at anything."""
        return self.missing or self.lacks_days or self.unusual or bool(self.gone)

    def as_json(self) -> dict[str, object]:
        """The public JSON form: amounts and percentages as text, only the first of `gone`."""
        first, last = (day.isoformat() if day else None for day in (self.first_day, self.last_day))
        covered = {"covered": self.days, "of": self.days_in_month, "first": first, "last": last}
        return {
            "source": self.source,
            "expected": MONTHLY if self.expected else IRREGULAR,
            "missing": self.missing,
            "files": list(self.files),
            "charges": self.charges,
            "days": None if self.days is None else covered,
            "total": money.exact(self.total),
            "median": None if self.median is None else money.exact(self.median),
            "percent": None if self.percent is None else money.exact(self.percent),
            "pis_gone": {"count": len(self.gone), "pis": list(self.gone[:GONE_SHOWN])},
        }


def month_of(period: SummedPeriod) -> Month:
    """The Month of a billed period."""
    return Month(period.period, period.sources, period.lines, period.files)


def completeness(month: Month, others: Sequence[Month], config: Config) -> tuple[Completeness, ...]:
    """One row per source of a month: those with files, those expected monthly, those of earlier months.

    others: the known months, in any order; only earlier ones count. config: the settings of the month.
    """
    earlier = sorted((each for each in others if each.period < month.period and each.sources), key=lambda m: m.period)
    before = earlier[-MONTHS_BACK:]
    names = {file.source for file in month.files} | {each.source for each in month.sources}
    names |= {name for name, source in config.sources.items() if source.expected == MONTHLY}
    names |= {each.source for past in before for each in past.sources}
    previous = next((each for each in before if each.period == _before(month.period)), Month(""))
    return tuple(_row(name, month, before, previous, config) for name in sorted(names))


def missing_sources(month: Month, config: Config) -> tuple[str, ...]:
    """The sources that are expected monthly and have no charges."""
    return tuple(
        name for name, source in sorted(config.sources.items()) if source.expected == MONTHLY if not month.charges(name)
    )


def _row(name: str, month: Month, before: Sequence[Month], previous: Month, config: Config) -> Completeness:
    covered = next((each for each in month.sources if each.source == name), None)
    total = month.total(name, config.currency)
    median = money.median([each.total(name, config.currency) for each in before])
    day = first_day(month.period)
    now, then = month.billed(name), previous.billed(name)
    return Completeness(
        source=name,
        expected=config.source(name).expected == MONTHLY,
        files=tuple(sorted(file.path for file in month.files if file.source == name)),
        charges=month.charges(name),
        days_in_month=calendar.monthrange(day.year, day.month)[1],
        days=covered.days if covered else None,
        first_day=covered.first_day if covered else None,
        last_day=covered.last_day if covered else None,
        total=total,
        median=median,
        percent=money.percent(money.total(total, money.negative(median)), abs(median)) if median else None,
        gone=tuple(sorted((pi for pi in then if pi not in now), key=lambda pi: (-then[pi], pi))),
    )


def _before(period: str) -> str:
    """The previous calendar month."""
    return f"{first_day(period) - dt.timedelta(days=1):%Y-%m}"
