"""The months: a list, and one month with its totals, sources, statements, flags, decisions and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.completeness import GONE_SHOWN, Completeness
from openchargeback.billing.invoices import is_invoice
from openchargeback.billing.journal import posts_nothing
from openchargeback.billing.span_statements import SpanStatement
from openchargeback.ledger.deliveries import Delivery, DeliveryKind, latest
from openchargeback.ledger.postings import Posting
from openchargeback.model import (
    LEVELS,
    BilledPeriod,
    DecisionRecord,
    Evidence,
    FileRecord,
    FlagTotal,
    SourceTotals,
    Without,
)
from openchargeback.plan import words
from openchargeback.portal import charts, paths
from openchargeback.portal.shell import Link
from openchargeback.portal.undelivered import Undelivered, undelivered
from openchargeback.portal.views.common import Book, SpanRow, StatementRow, Summary
from openchargeback.portal.views.journals import posted_sentence, receivables_link
from openchargeback.portal.views.review import HeldTable, held_table
from openchargeback.portal.views.statement_lists import largest_first
from openchargeback.review.held_sums import HeldSum, in_total
from openchargeback.templating.filters import period_human

STATEMENTS_SHOWN = 25
"""How many statements are listed on the page of a month; all of them are on a page of their own."""


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """A month in the list."""

    summary: Summary
    statements: int


@dataclass(frozen=True, slots=True)
class PeriodList:
    """All months, newest first. shows: whether anything is only shown beside what is due. spans: other statements.

    decided_since: whether charges held when their month closed have been decided since.
    held, still_held: the totals of these columns, one per currency.
    """

    rows: tuple[PeriodRow, ...]
    chart: charts.Chart | None
    shows: bool
    decided_since: bool
    held: tuple[HeldSum, ...]
    still_held: tuple[HeldSum, ...]
    spans: tuple[SpanRow, ...]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source's control total (exact), whose parts add up to the imported amount. posts: whether it is charged."""

    label: str
    color: str
    totals: SourceTotals
    credited: str
    posts: bool


@dataclass(frozen=True, slots=True)
class CompletenessRow:
    """A source compared with earlier months. days, percent: in words. gone: the PIs of `row.gone` that are named."""

    label: str
    color: str
    row: Completeness
    days: str
    percent: str
    gone: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalTotals:
    """The totals of a month's journal; net is the amount due according to its statements, without what is invoiced."""

    debits: Decimal
    credits: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodView:
    """The whole page of a month. `totals` sums the sources, one row per currency, the ledger's own first.

    statements: the largest ones, of statements_count.

    held: the held charges; for a closed month as of its closing. still_held: those still held today, if fewer.

    evidence: who approved the decisions, as recorded by closing; levels: what its levels mean.
    completeness: each source compared with earlier months. without: the sources that it was closed without.
    posted: what became of the journal, in one sentence. emailed: how many messages with statements were sent.
    undelivered: the messages that did not arrive, or of which nobody knows.
    """

    summary: Summary
    chart: charts.Chart
    sources: tuple[SourceRow, ...]
    totals: tuple[SourceTotals, ...]
    held: HeldTable
    still_held: HeldTable | None
    completeness: tuple[CompletenessRow, ...]
    without: tuple[Without, ...]
    statements: tuple[StatementRow, ...]
    statements_count: int
    statements_page: str
    flags: tuple[FlagTotal, ...]
    decisions: tuple[DecisionRecord, ...]
    evidence: tuple[Evidence, ...]
    files: tuple[FileRecord, ...]
    journal: Link
    journal_lines: int
    journal_totals: JournalTotals
    posted: str
    posts_nothing: bool
    journal_files: tuple[Link, ...]
    invoiced: Decimal
    invoices: int
    receivables: Link | None
    data_files: tuple[Link, ...]
    digest: str
    emailed: int
    undelivered: tuple[Undelivered, ...]
    levels: str = LEVELS


def period_list(book: Book, over_days: Sequence[SpanStatement] = ()) -> PeriodList:
    """The list of months. over_days: the statements over other spans."""
    rows = [PeriodRow(book.summary(i), len(period.statements)) for i, period in enumerate(book.periods)]
    newest = book.months[-1] if book.months else ""
    history = book.history(book.totals)
    chart = (
        charts.twelve_months(history, newest, book.currency, "All sources", only_shown=book.showback)
        if newest
        else None
    )
    return PeriodList(
        rows=tuple(reversed(rows)),
        chart=chart,
        shows=any(row.summary.shown for row in rows),
        decided_since=any(_decided_since(period) for period in book.periods),
        held=in_total((item for period in book.periods for item in period.queue), book.currency),
        still_held=in_total((item for period in book.periods for item in period.undecided), book.currency),
        spans=tuple(map(book.span_row, over_days)),
    )


def period_view(
    book: Book,
    index: int,
    journal_files: tuple[str, ...],
    postings: Sequence[Posting] = (),
    *,
    deliveries: Sequence[Delivery] = (),
) -> PeriodView:
    """The page of the month at this index of the book.

    postings: what the accounting system did with its journal. deliveries: what was emailed.
    """
    period, sent = book.periods[index], latest(deliveries)
    sources = tuple(_source_row(book, total, period.period) for total in period.sources)
    return PeriodView(
        summary=book.summary(index),
        chart=charts.twelve_months(
            book.history(book.totals, period.period),
            period.period,
            book.currency,
            period_human(period.period),
            only_shown=book.showback,
        ),
        sources=sources,
        totals=tuple(_sum(period, each) for each in _currencies(period)),
        held=held_table(period.queue, period.currency),
        still_held=held_table(period.undecided, period.currency) if _decided_since(period) else None,
        completeness=_completeness(book, index),
        without=period.without,
        statements=tuple(map(book.statement_row, largest_first(book, period)[:STATEMENTS_SHOWN])),
        statements_count=len(period.statements),
        statements_page=paths.statements_page(period.period),
        flags=period.flags,
        decisions=period.decisions,
        evidence=period.evidence,
        files=period.files,
        journal=Link(f"Journal {period.period}", paths.journal_page(period.period)),
        journal_lines=len(period.journal.lines),
        journal_totals=JournalTotals(
            debits=period.journal.debits, credits=period.journal.credits, net=period.journal.net
        ),
        posted=posted_sentence(period, postings),
        posts_nothing=posts_nothing(period, book.settings(period.period)),
        journal_files=tuple(Link(path.rsplit("/", 1)[-1], path) for path in journal_files),
        invoiced=period.invoiced.billed,
        invoices=sum(map(is_invoice, period.statements)),
        receivables=receivables_link(period),
        data_files=tuple(
            Link(path.rsplit("/", 1)[-1], path)
            for path in (paths.charges_file(period), paths.lines_file(period.period))
        ),
        digest=period.digest,
        emailed=sum(each.kind is DeliveryKind.STATEMENTS and not each.undelivered and not each.open for each in sent),
        undelivered=undelivered(sent),
    )


def _source_row(book: Book, total: SourceTotals, period: str) -> SourceRow:
    settings = book.settings(period)
    fund = settings.credit_fund(total.source)
    label = book.source_label(total.source, period)
    return SourceRow(label, book.colors[total.source], total, fund, settings.posts(total.source))


def _completeness(book: Book, index: int) -> tuple[CompletenessRow, ...]:
    name = book.months[index]
    return tuple(
        CompletenessRow(
            label=book.source_label(row.source, name),
            color=book.colors.get(row.source, ""),
            row=row,
            days=words.days(row),
            percent=words.against_median(row),
            gone=tuple(book.pi_link(pi) for pi in row.gone[:GONE_SHOWN]),
        )
        for row in book.completeness(index)
    )


def _currencies(period: BilledPeriod) -> tuple[str, ...]:
    return period.currency, *sorted({total.currency for total in period.sources} - {period.currency})


def _decided_since(period: BilledPeriod) -> bool:
    """Whether charges that were held when the month closed have been decided since."""
    return sum(item.charges for item in period.undecided) != sum(item.charges for item in period.queue)


def _sum(period: BilledPeriod, currency: str) -> SourceTotals:
    own = [total for total in period.sources if total.currency == currency]

    def exact(pick: str) -> Decimal:
        return money.total(*(getattr(total, pick) for total in own))

    return SourceTotals(
        source="",
        currency=currency,
        files=sum(total.files for total in own),
        charges=sum(total.charges for total in own),
        imported=exact("imported"),
        billed=exact("billed"),
        held=exact("held"),
        rejected=exact("rejected"),
        imported_list=exact("imported_list"),
        charges_billed=sum(total.charges_billed for total in own),
        charges_held=sum(total.charges_held for total in own),
        charges_rejected=sum(total.charges_rejected for total in own),
    )
