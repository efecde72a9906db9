"""The fiscal years of a ledger: what their months billed, late charges and credits included."""

from __future__ import annotations

from dataclasses import dataclass

from openchargeback.ledger.periods import first_day, fiscal, fiscal_year_days, months_until
from openchargeback.model import BilledPeriod, BillingLine, State
from openchargeback.portal.views.common import Book


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """A fiscal year of the ledger. periods: its months, ascending; before: the same months of the year before, as far
    as the ledger has them.
    """

    year: int
    periods: tuple[BilledPeriod, ...]
    before: tuple[BilledPeriod, ...]
    months: tuple[str, ...]

    @property
    def name(self) -> str:
        """How it is called."""
        return f"FY{self.year}"

    @property
    def complete(self) -> bool:
        """Whether the ledger has its last month."""
        return bool(self.periods) and self.periods[-1].period == self.months[-1]

    @property
    def final(self) -> bool:
        """Whether nothing of it can change anymore."""
        return self.complete and all(period.state is not State.OPEN for period in self.periods)

    @property
    def lines(self) -> list[BillingLine]:
        """All of its billing lines."""
        return [line for period in self.periods for line in period.lines]


def fiscal_years(book: Book) -> tuple[Year, ...]:
    """The fiscal years in which the ledger has months, ascending."""
    starts, known = book.config.fiscal_year_starts, dict(zip(book.months, book.periods, strict=True))
    years = sorted({fiscal(first_day(month), starts)[0] for month in book.months})
    found = []
    for year in years:
        _, last = fiscal_year_days(year, starts)
        months = tuple(months_until(f"{last:%Y-%m}", 12))
        own = tuple(known[month] for month in months if month in known)
        earlier = (f"{int(period.period[:4]) - 1:04}{period.period[4:]}" for period in own)
        before = tuple(known[month] for month in earlier if month in known)
        found.append(Year(year=year, periods=own, before=before, months=months))
    return tuple(found)
