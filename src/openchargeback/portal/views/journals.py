"""The journal of a month: its lines as posted, totals, the control total of each source, and invoices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.billing.invoices import Invoice, invoices_of
from openchargeback.billing.journal import SourceControl, posts_nothing, source_controls
from openchargeback.billing.postings import POSTED_WORDS, LineSums, NotAccepted, posted_month
from openchargeback.ledger.postings import Posting
from openchargeback.model import BilledPeriod, JournalLine, State
from openchargeback.money import ZERO
from openchargeback.portal import paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book, StateView, state_view
from openchargeback.portal.views.tables import MOST_ROWS

LINES_SHOWN = 100
"""How many lines of a journal its page lists; the files have all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundSums:
    """What a fund is charged and credited in a journal."""

    fund: str
    lines: int
    debits: Decimal
    credits: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalView:
    """The page of a journal. net: debits minus credits of the payers, which is what the statements sum to (`due`), less
    what is invoiced to external payers, and what is journaled again (`again`).

    lines: the first ones, of `count`. by_fund: what each fund is charged or credited, largest charge first.
    pages: those of the statements of these lines and of the invoices, by number.
    controls: display name and totals of each source.
    received: what the credit funds receive. documents: by format, their numbers. posted: what became of the lines.
    words: for what happened to a line.
    invoices: those to external payers; receivables: their file, if any.
    """

    period: str
    period_link: str
    state: StateView
    final: bool
    posts_nothing: bool
    files: tuple[Link, ...]
    accounting_date: dt.date
    lines: tuple[JournalLine, ...]
    count: int
    by_fund: tuple[FundSums, ...]
    funds_count: int
    pages: dict[str, str]
    debits: Decimal
    credits: Decimal
    net: Decimal
    due: Decimal
    again: Decimal
    balanced: bool
    controls: tuple[tuple[str, SourceControl], ...]
    received: Decimal
    documents: tuple[tuple[str, tuple[str, ...]], ...]
    posted: tuple[tuple[str, LineSums], ...]
    postings: tuple[Posting, ...]
    exceptions: tuple[NotAccepted, ...]
    words: Mapping[str, str]
    invoices: tuple[Invoice, ...]
    invoiced: Decimal
    receivables: Link | None


def receivables_link(period: BilledPeriod) -> Link | None:
    """The file of what external payers owe for a month; None if nothing is invoiced."""
    owed = any(line.invoiced and line.amounts.billed for line in period.lines)
    return Link(paths.receivables_file(period).rsplit("/", 1)[-1], paths.receivables_file(period)) if owed else None


def journal_view(book: Book, index: int, files: tuple[str, ...], postings: Sequence[Posting]) -> JournalView:
    """The journal page of the month at this index of the book. postings: what the accounting system did with it."""
    period = book.periods[index]
    journal = period.journal.whole
    controls = source_controls(journal)
    settings = book.settings(period.period)
    due = sum((statement.amounts.billed for statement in period.statements), ZERO)
    posted = posted_month(journal, period.documents, postings)
    formats = dict.fromkeys(each.format for each in period.documents)
    lines, by_fund, invoices = (
        tuple(journal.lines[:LINES_SHOWN]),
        _by_fund(journal.lines),
        invoices_of(period, settings),
    )
    named = {line.statement for line in lines} | {invoice.statement for invoice in invoices}
    return JournalView(
        period=period.period,
        period_link=paths.period_page(period.period),
        state=state_view(period),
        final=period.state is not State.OPEN,
        posts_nothing=posts_nothing(period, settings),
        files=tuple(Link(path.rsplit("/", 1)[-1], path) for path in files),
        accounting_date=period.accounting_date,
        lines=lines,
        count=len(journal.lines),
        by_fund=by_fund[:MOST_ROWS],
        funds_count=len(by_fund),
        pages={
            statement.number: paths.statement_page(statement)
            for each in (book.periods[: index + 1] if period.again else (period,))
            for statement in each.statements
            if statement.number in named
        },
        debits=journal.debits,
        credits=journal.credits,
        net=journal.net,
        due=due,
        again=journal.again,
        balanced=journal.debits == journal.credits and journal.net + period.invoiced.billed == due + journal.again,
        controls=tuple((book.source_label(each.source, period.period), each) for each in controls),
        received=sum((each.received for each in controls), ZERO),
        documents=tuple(
            (name, tuple(each.number for each in period.documents if each.format == name)) for name in formats
        ),
        posted=tuple((POSTED_WORDS[what], sums) for what, sums in posted.sums.items() if sums.lines),
        postings=posted.postings,
        exceptions=posted.exceptions,
        words=POSTED_WORDS,
        invoices=invoices,
        invoiced=period.invoiced.billed,
        receivables=receivables_link(period),
    )


def _by_fund(lines: Iterable[JournalLine]) -> tuple[FundSums, ...]:
    found: dict[str, list[JournalLine]] = {}
    for line in lines:
        found.setdefault(line.fund, []).append(line)
    sums = [
        FundSums(
            fund=fund,
            lines=len(own),
            debits=sum((line.signed for line in own if line.signed > 0), ZERO),
            credits=sum((-line.signed for line in own if line.signed < 0), ZERO),
        )
        for fund, own in found.items()
    ]
    return tuple(sorted(sums, key=lambda each: (-each.debits, -each.credits, each.fund)))


def posted_sentence(period: BilledPeriod, postings: Sequence[Posting]) -> str:
    """What became of a month's journal, in one sentence; empty if there is nothing to post."""
    if not period.journal.lines:
        return ""
    if period.state is State.OPEN:
        return "The month is open, so its journal is a draft."
    posted = posted_month(period.journal, period.documents, postings)
    parts = [f"{sums.lines:,} {POSTED_WORDS[what].lower()}" for what, sums in posted.sums.items() if sums.lines]
    if not posted.postings:
        return "Nothing is recorded of its posting yet."
    return f"Of its lines, {', '.join(parts)}."
