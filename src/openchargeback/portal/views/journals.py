"""The journal of a month: its lines as posted, totals, and the control total of each source."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.billing.journal import SourceControl, posts_nothing, source_controls
from openchargeback.model import JournalLine, Side, State
from openchargeback.money import ZERO
from openchargeback.portal import paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book, StateView, state_view


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A journal line with the page of its statement; `debit` or `credit` is None."""

    line: JournalLine
    statement: str
    debit: Decimal | None
    credit: Decimal | None


@dataclass(frozen=True, slots=True)
class Control:
    """One source in the journal: what its payers were charged, net, which is what its credit fund received."""

    source: str
    lines: int
    debits: Decimal
    credits: Decimal
    net: Decimal
    credited: Decimal
    balanced: bool


@dataclass(frozen=True, slots=True)
class JournalView:
    """The page of a journal. net: debits less credits of the payers, which the statements sum to (`due`)."""

    period: str
    period_link: str
    state: StateView
    final: bool
    posts_nothing: bool
    files: tuple[Link, ...]
    folder: str
    accounting_date: dt.date
    rows: tuple[JournalRow, ...]
    debits: Decimal
    credits: Decimal
    net: Decimal
    due: Decimal
    balanced: bool
    controls: tuple[Control, ...]
    credited: Decimal


def journal_view(book: Book, index: int, files: tuple[str, ...]) -> JournalView:
    """The journal page of the month at this place in the book."""
    period = book.periods[index]
    pages = {statement.number: paths.statement_page(statement) for statement in period.statements}
    journal = period.journal
    controls = tuple(_control(book.source_label(each.source, period.period), each) for each in source_controls(journal))
    due = sum((statement.amounts.billed for statement in period.statements), ZERO)
    return JournalView(
        period=period.period,
        period_link=paths.period_page(period.period),
        state=state_view(period),
        final=period.state is not State.OPEN,
        posts_nothing=posts_nothing(period, book.settings(period.period)),
        files=tuple(Link(path.rsplit("/", 1)[-1], path) for path in files),
        folder=paths.journal_folder(period.period),
        accounting_date=period.accounting_date,
        rows=tuple(_row(line, pages.get(line.statement, "")) for line in journal.lines),
        debits=journal.debits,
        credits=journal.credits,
        net=journal.net,
        due=due,
        balanced=journal.debits == journal.credits and journal.net == due,
        controls=controls,
        credited=sum((control.credited for control in controls), ZERO),
    )


def _row(line: JournalLine, page: str) -> JournalRow:
    debit = line.side is Side.DEBIT
    return JournalRow(line, page, line.amount if debit else None, None if debit else line.amount)


def _control(label: str, control: SourceControl) -> Control:
    credited = ZERO - control.credited
    return Control(
        source=label,
        lines=control.lines,
        debits=control.debits,
        credits=control.credits,
        net=control.payers,
        credited=credited,
        balanced=control.payers == credited,
    )
