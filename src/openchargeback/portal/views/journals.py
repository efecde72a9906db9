"""The journal of a month: its lines as posted, totals, and the control total of each source."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

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
    """One source in the journal: what its payers were charged, which is what its credit fund received."""

    source: str
    lines: int
    payers: Decimal
    credited: Decimal
    balanced: bool


@dataclass(frozen=True, slots=True)
class JournalView:
    """The page of a journal."""

    period: str
    period_link: str
    state: StateView
    final: bool
    files: tuple[Link, ...]
    folder: str
    accounting_date: dt.date
    rows: tuple[JournalRow, ...]
    debits: Decimal
    credits: Decimal
    balanced: bool
    controls: tuple[Control, ...]
    payers: Decimal
    credited: Decimal


def journal_view(book: Book, index: int, files: tuple[str, ...]) -> JournalView:
    """The journal page of the month at this place in the book."""
    period = book.periods[index]
    pages = {statement.number: paths.statement_page(statement) for statement in period.statements}
    journal = period.journal
    sources: dict[str, list[JournalLine]] = {}
    for line in journal.lines:
        sources.setdefault(line.source, []).append(line)
    controls = tuple(_control(book.source_label(source, period.period), sources[source]) for source in sorted(sources))
    return JournalView(
        period=period.period,
        period_link=paths.period_page(period.period),
        state=state_view(period),
        final=period.state is not State.OPEN,
        files=tuple(Link(path.rsplit("/", 1)[-1], path) for path in files),
        folder=paths.journal_folder(period.period),
        accounting_date=period.accounting_date,
        rows=tuple(_row(line, pages.get(line.statement, "")) for line in journal.lines),
        debits=journal.debits,
        credits=journal.credits,
        balanced=journal.debits == journal.credits,
        controls=controls,
        payers=sum((control.payers for control in controls), ZERO),
        credited=sum((control.credited for control in controls), ZERO),
    )


def _row(line: JournalLine, page: str) -> JournalRow:
    debit = line.side is Side.DEBIT
    return JournalRow(line, page, line.amount if debit else None, None if debit else line.amount)


def _control(label: str, lines: list[JournalLine]) -> Control:
    payers = sum((line.signed for line in lines if line.payer), ZERO)
    credited = -sum((line.signed for line in lines if not line.payer), ZERO)
    return Control(label, len(lines), payers, credited, payers == credited)
