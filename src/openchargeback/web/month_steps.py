"""The steps in the life of a month as changes in the clone: what the commands do, for the person who is signed in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from openchargeback.billing.provider_invoices import invoice_problems
from openchargeback.evidence.gathering import gather_evidence
from openchargeback.export.journals.answers import Recording
from openchargeback.files.branches import Identity
from openchargeback.files.changes import change_files
from openchargeback.ledger.periods import Event
from openchargeback.ledger.uncommitted import uncommitted_record
from openchargeback.model import State, Without
from openchargeback.problems import UsageFault
from openchargeback.publish import closing
from openchargeback.publish.answers import record_answer
from openchargeback.publish.books import open_books
from openchargeback.publish.closing_obstacles import closing_obstacles, listed_by_kind
from openchargeback.web.month_view import advice, sentence
from openchargeback.web.workspace import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The form for closing a month. on: the closing date. dated: the accounting date; by default its last day."""

    period: str
    on: dt.date
    dated: dt.date | None = None
    leave_held: bool = False
    without: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """The form for finalizing or reopening a month, on a day."""

    period: str
    on: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of the accounting system. name: for problems only. on: the day of posting, if the file has none."""

    data: bytes
    name: str
    on: dt.date
    again: str = ""
    replacing: bool = False


def close(ledger: Path, form: Close, who: Identity) -> Change:
    """Close a month, as `periods close`."""
    period = form.period
    dated = closing.accounting_day(period, form.dated)
    if form.without and not form.reason:
        raise UsageFault(f"say why {period} is complete without {', '.join(form.without)}")
    books = open_books(ledger, wanted=period)
    state, billed = books.ledger.period_file(period).state, books.period(period)
    if state is not State.OPEN:
        raise UsageFault(f"{period} is already {state}")
    if billed is None:
        raise UsageFault(f"the ledger has no period {period}")
    evidence, missing = gather_evidence(books.ledger, periods=(period,))
    obstacles = closing_obstacles(books, billed, missing, leave_held=form.leave_held, without=form.without)
    if obstacles:
        lines = listed_by_kind(obstacles, lambda each: f"{sentence(each)} {advice(each)}")
        raise UsageFault("\n".join([f"{period} cannot be closed:", *lines]))
    closed = Event(form.on, who.email)
    without = [Without(source, form.reason, closed.by) for source in form.without]
    closing.close(books, period, closed, evidence, dated=dated, without=without)
    warnings = tuple(f"{each.message}; {each.fix}." for each in invoice_problems(books.ledger, [billed]))
    return _changed(ledger, "Close", period, warnings)


def finalize(ledger: Path, form: Step, who: Identity) -> Change:
    """Finalize a closed month, as `periods finalize`."""
    books = open_books(ledger, wanted=form.period)
    closing.refuse_unclosed(books.ledger, form.period)
    closing.finalize(books.ledger, form.period, Event(form.on, who.email))
    return _changed(ledger, "Finalize", form.period)


def reopen(ledger: Path, form: Step, _who: Identity) -> Change:
    """Reopen a closed month as its next revision, as `periods open`."""
    known = closing.ledger_to_reopen(ledger, form.period)
    if known.period_file(form.period).state is State.OPEN:
        raise UsageFault(f"{form.period} is already open")
    closing.reopen(known, form.period)
    return _changed(ledger, "Open", form.period)


def record(ledger: Path, form: Answer, who: Identity) -> Change:
    """Record what the accounting system did with a journal, as `journal posted`."""
    recording = Recording(by=who.email, on=form.on, again=form.again)
    made = record_answer(ledger, form.data, form.name, recording, replacing=form.replacing)
    change_files(ledger, {made.path: made.text.encode()})
    notes = tuple(f"{each[:1].upper()}{each[1:]}." for each in made.sentences)
    return Change(f"Record the posting of {made.period}", f"posting-{made.period}", (made.path,), notes=notes)


def _changed(ledger: Path, verb: str, period: str, notes: tuple[str, ...] = ()) -> Change:
    paths = tuple(uncommitted_record(ledger, period))
    return Change(f"{verb} {period}", f"{verb.lower()}-{period}", paths, notes=notes)
