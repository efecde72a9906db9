"""The home page: how much, whether it is final, what needs review, by source, and the largest changes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from openchargeback.ledger.periods import CHART_MONTHS, months_until
from openchargeback.model import Amounts, BilledPeriod, Provenance
from openchargeback.money import ZERO
from openchargeback.portal import charts, paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book, Change, Summary, change
from openchargeback.portal.views.review import HeldTable, held_table

MOVERS = 10
"""The number of rows in the table of largest changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthBySource:
    """A row of the table beside the chart: amounts in the order of the chart's series."""

    period: str
    link: str
    amounts: tuple[Decimal, ...]
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A PI whose amount due changed."""

    pi: Link
    now: Decimal
    before: Decimal
    change: Change
    line: charts.Line | None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The whole home page. `latest` is None in a ledger without charges."""

    latest: Summary | None
    history: charts.Chart | None
    waiting: HeldTable
    void_decisions: int
    sources: charts.Chart | None
    series: tuple[str, ...]
    months: tuple[MonthBySource, ...]
    movers: tuple[Mover, ...]
    movers_left_out: int
    provenance: Provenance


def dashboard(book: Book, provenance: Provenance) -> Dashboard:
    """The dashboard: figures of the latest month; held charges of all months."""
    latest = book.periods[-1] if book.periods else None
    previous = book.periods[-2] if len(book.periods) > 1 else None
    months = months_until(book.months[-1], CHART_MONTHS) if book.months else []
    series = book.source_series(months)
    movers = _movers(book, latest, previous) if latest and previous else []
    held = [item for period in book.periods for item in period.undecided]
    return Dashboard(
        latest=book.summary(len(book.periods) - 1) if latest else None,
        history=charts.twelve_months(
            book.history(book.totals), latest.period, book.currency, "All sources", only_shown=book.showback
        )
        if latest
        else None,
        waiting=held_table(held, book.currency),
        void_decisions=sum(bool(decision.void) for period in book.periods for decision in period.decisions),
        sources=book.by_source_chart(months),
        series=tuple(one.label for one in series),
        months=tuple(
            MonthBySource(
                period=month,
                link=paths.period_page(month),
                amounts=tuple(one.amounts[i] for one in series),
                total=sum((one.amounts[i] for one in series), ZERO),
            )
            for i, month in reversed(list(enumerate(months)))
            if month in book.totals
        ),
        movers=tuple(movers[:MOVERS]),
        movers_left_out=max(0, len(movers) - MOVERS),
        provenance=provenance,
    )


def _movers(book: Book, latest: BilledPeriod, previous: BilledPeriod) -> list[Mover]:
    movers = []
    for email, by_month in book.by_pi.items():
        now = by_month.get(latest.period, Amounts()).billed
        before = by_month.get(previous.period, Amounts()).billed
        if now == before:
            continue
        history = book.history(by_month)
        line = charts.small_line({month.period: month.amounts.billed for month in history}, book.currency)
        movers.append(
            (
                -abs(now - before),
                email,
                Mover(pi=book.pi_link(email), now=now, before=before, change=change(now, before), line=line),
            )
        )
    return [mover for _, _, mover in sorted(movers, key=lambda item: item[:2])]
