"""The home page: what to do next, the months, what needs review, by source, and the largest changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from openchargeback.billing.postings import posted_month
from openchargeback.ledger.deliveries import Delivery
from openchargeback.ledger.periods import CHART_MONTHS, months_until
from openchargeback.ledger.postings import Posting
from openchargeback.model import Amounts, BilledPeriod, Provenance, State
from openchargeback.money import ZERO
from openchargeback.portal import charts, paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book, Change, Summary, change
from openchargeback.portal.views.ledger_steps import ledger_steps
from openchargeback.portal.views.next_steps import NextStep
from openchargeback.portal.views.review import HeldTable, held_table
from openchargeback.templating.filters import date_human, period_human
from openchargeback.wording import counted, listed

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
    """A PI whose amount due changed. mostly: the service whose amount due changed most, and by how much."""

    pi: Link
    now: Decimal
    before: Decimal
    change: Change
    mostly: tuple[str, Decimal]
    line: charts.Line | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """A month with its figures, its journal, and what became of that. posted: a kind for its mark, and words."""

    summary: Summary
    journal: Link
    lines: int
    posted: StateWord | None


@dataclass(frozen=True, slots=True)
class StateWord:
    """A state as a kind for its mark and a word."""

    kind: str
    word: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The whole home page. `now` is None in a ledger without charges.

    next: what to do. rows: the last twelve months, newest first. gaps: those without data, in words.
    waiting: what is held in all months, by reason.
    """

    now: Summary | None
    next: tuple[NextStep, ...]
    rows: tuple[MonthRow, ...]
    gaps: str
    waiting: HeldTable
    sources: charts.Chart | None
    series: tuple[str, ...]
    months: tuple[MonthBySource, ...]
    movers: tuple[Mover, ...]
    movers_left_out: int
    provenance: Provenance


def dashboard(
    book: Book,
    provenance: Provenance,
    postings: Mapping[str, Sequence[Posting]] = MappingProxyType({}),
    deliveries: Mapping[str, Sequence[Delivery]] = MappingProxyType({}),
) -> Dashboard:
    """The figures of the last month that was issued, and what is going on in all of them.

    postings: what the accounting system did with each month's journal. deliveries: what was emailed for each.
    """
    index = book.current
    now = book.periods[index] if book.periods else None
    previous = book.periods[index - 1] if index > 0 else None
    months = months_until(now.period, CHART_MONTHS) if now else []
    series = book.source_series(months)
    movers = _movers(book, now, previous) if now and previous else []
    held = [item for period in book.periods for item in period.undecided]
    return Dashboard(
        now=book.summary(index) if now else None,
        next=ledger_steps(book, postings, deliveries),
        rows=_rows(book, postings),
        gaps=_gaps(book),
        waiting=held_table(held, book.currency),
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


def _rows(book: Book, postings: Mapping[str, Sequence[Posting]]) -> tuple[MonthRow, ...]:
    first = len(book.periods) - CHART_MONTHS
    return tuple(
        MonthRow(
            summary=book.summary(index),
            journal=Link(counted(len(period.journal.lines), "line"), paths.journal_page(period.period)),
            lines=len(period.journal.lines),
            posted=posting_state(period, postings.get(period.period, ())),
        )
        for index, period in reversed(list(enumerate(book.periods)))
        if index >= first
    )


def _gaps(book: Book) -> str:
    """The months of the last year without data, in words."""
    last = months_until(book.months[-1], CHART_MONTHS) if book.months else []
    missing = [period_human(month) for month in charts.gaps_between(last, book.totals)]
    if not missing:
        return ""
    return f"{listed(missing, 3)} {'has' if len(missing) == 1 else 'have'} no data"


def posting_state(period: BilledPeriod, postings: Sequence[Posting]) -> StateWord | None:
    """What became of a month's journal, in a few words; None for an open month, or if there is nothing to post."""
    if period.state is State.OPEN or not period.journal.lines:
        return None
    posted = posted_month(period.journal, period.documents, postings)
    left = [
        f"{sums.lines:,} {words}"
        for sums, words in ((posted.rejected, "rejected"), (posted.suspense, "in suspense"))
        if sums.lines
    ]
    if not posted.postings:
        return StateWord("held", "Not posted")
    if posted.not_posted.lines:
        left.append(f"{posted.not_posted.lines:,} not posted")
    if left:
        return StateWord("held", ", ".join(left))
    return StateWord("fine", f"Accepted {date_human(max(each.on for each in posted.postings))}")


def _movers(book: Book, now: BilledPeriod, previous: BilledPeriod) -> list[Mover]:
    movers, mostly = [], _mostly(book, now, previous)
    for email, by_month in book.by_pi.items():
        latest = by_month.get(now.period, Amounts()).billed
        before = by_month.get(previous.period, Amounts()).billed
        if latest == before:
            continue
        history = book.history(by_month, now.period)
        mover = Mover(
            pi=book.pi_link(email),
            now=latest,
            before=before,
            change=change(latest, before),
            mostly=mostly[email],
            line=charts.small_line({month.period: month.amounts.billed for month in history}, book.currency),
        )
        movers.append((-abs(latest - before), email, mover))
    return [mover for _, _, mover in sorted(movers, key=lambda item: item[:2])]


def _mostly(book: Book, now: BilledPeriod, previous: BilledPeriod) -> dict[str, tuple[str, Decimal]]:
    """For each PI the service whose amount changed most, and by how much."""
    changes: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for period, sign in ((now, 1), (previous, -1)):
        for line in period.lines:
            if line.posted != book.showback:
                changes[line.pi][line.service or book.source_label(line.source)] += sign * line.amounts.billed
    return {pi: max(services.items(), key=lambda item: (abs(item[1]), item[0])) for pi, services in changes.items()}
