"""The journal of a month: its lines as posted, totals, the control total of each source, and invoices."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.billing.invoices import Invoice, invoices_of
from openchargeback.billing.journal import SourceControl, posts_nothing, source_controls
from openchargeback.model import BilledPeriod, JournalLine, State
from openchargeback.money import ZERO
from openchargeback.portal import paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book, StateView, state_view


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalView:
    """The page of a journal. net: debits minus credits of the payers; due: what the statements sum to, which is the net
    and what is invoiced to external payers.

    pages: those of statements, by number. controls: display name and totals of each source.
    received: what the credit funds receive. invoices: those to external payers; receivables: their file, if any.
    """

    period: str
    period_link: str
    state: StateView
    final: bool
    posts_nothing: bool
    files: tuple[Link, ...]
    folder: str
    accounting_date: dt.date
    lines: tuple[JournalLine, ...]
    pages: dict[str, str]
    debits: Decimal
    credits: Decimal
    net: Decimal
    due: Decimal
    balanced: bool
    controls: tuple[tuple[str, SourceControl], ...]
    received: Decimal
    invoices: tuple[Invoice, ...]
    invoiced: Decimal
    receivables: Link | None


def receivables_link(period: BilledPeriod) -> Link | None:
    """The file of what external payers owe for a month; None if nothing is invoiced."""
    owed = any(line.invoiced and line.amounts.billed for line in period.lines)
    return Link(paths.receivables_file(period).rsplit("/", 1)[-1], paths.receivables_file(period)) if owed else None


def journal_view(book: Book, index: int, files: tuple[str, ...]) -> JournalView:
    """The journal page of the month at this index of the book."""
    period = book.periods[index]
    journal = period.journal
    controls = source_controls(journal)
    settings = book.settings(period.period)
    due = sum((statement.amounts.billed for statement in period.statements), ZERO)
    return JournalView(
        period=period.period,
        period_link=paths.period_page(period.period),
        state=state_view(period),
        final=period.state is not State.OPEN,
        posts_nothing=posts_nothing(period, settings),
        files=tuple(Link(path.rsplit("/", 1)[-1], path) for path in files),
        folder=paths.journal_folder(period.period),
        accounting_date=period.accounting_date,
        lines=journal.lines,
        pages={statement.number: paths.statement_page(statement) for statement in period.statements},
        debits=journal.debits,
        credits=journal.credits,
        net=journal.net,
        due=due,
        balanced=journal.debits == journal.credits and journal.net + period.invoiced.billed == due,
        controls=tuple((book.source_label(each.source, period.period), each) for each in controls),
        received=sum((each.received for each in controls), ZERO),
        invoices=invoices_of(period, settings),
        invoiced=period.invoiced.billed,
        receivables=receivables_link(period),
    )
