"""What the pages of months show: state, totals, what stands in the way of closing, journal, postings and deliveries.

Computed from a commit of `main` in the clone, in the process for changes, since it bills the open months.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

from openchargeback import money
from openchargeback.addresses import with_conditions
from openchargeback.billing import freezing
from openchargeback.billing.journal import journal_of_period
from openchargeback.billing.postings import POSTED_WORDS, PostedMonth, posted_month
from openchargeback.deliver.parcels import Request, plan_messages
from openchargeback.deliver.preparing import email_of
from openchargeback.evidence.gathering import gather_evidence
from openchargeback.export.journals.control_totals import name_of as control_totals_name
from openchargeback.export.journals.control_totals import period_files
from openchargeback.ledger.deliveries import DeliveryKind, latest
from openchargeback.ledger.periods import last_day
from openchargeback.model import BilledPeriod, QueueItem, State, field_values
from openchargeback.portal import paths
from openchargeback.portal.views.common import StateView, state_view
from openchargeback.portal.views.journals import posted_sentence
from openchargeback.problems import LedgerFault, has_errors
from openchargeback.publish.bill_ledger import correct_ledger
from openchargeback.publish.books import AllBooks, Books, examine, open_cache
from openchargeback.publish.closing_obstacles import Obstacle, ObstacleKind, closing_obstacles
from openchargeback.publish.journals import journal_month
from openchargeback.publish.validating import validate
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.held_sums import HeldSum, in_total
from openchargeback.templating.filters import date_human
from openchargeback.web.access import Action
from openchargeback.web.plan_view import Table, make_table
from openchargeback.web.wording import Way
from openchargeback.web.workspace import Place, opened_main
from openchargeback.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthPage:
    """A month. billed: in cents, in the ledger's currency. held: what is held today, the ledger's currency first.

    waits: what it waits for, a few words each. obstacles: to closing it, if it is open. absent: the sources without
    which it may be closed with a reason. undecided: how many charges would stay held.
    accounting_date: of its journal; for an open month, the proposed one. journal_files: their names, the control totals
    last; journal_fault: why there are none. sources, posted, not_accepted, sent: tables; None if they would be empty.
    """

    period: str
    state: State
    shown: StateView
    billed: Decimal
    currency: str
    statements: int
    held: tuple[HeldSum, ...]
    waits: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]
    absent: tuple[str, ...]
    undecided: int
    accounting_date: dt.date
    journal_files: tuple[str, ...]
    journal_fault: str
    posting: str
    sources: Table | None
    posted: Table | None
    not_accepted: Table | None
    sent: Table | None
    can_reopen: bool

    @property
    def is_open(self) -> bool:
        """Whether it can be closed."""
        return self.state is State.OPEN

    @property
    def is_stuck(self) -> bool:
        """Whether an obstacle is in the way that nobody may waive."""
        return any(not each.can_be_waived for each in self.obstacles)


_ADVICE = {
    ObstacleKind.UNDECIDED: "Decide them, or close the month and leave them held.",
    ObstacleKind.VOID: "Make a new decision: the charges have changed since.",
    ObstacleKind.MISSING_SOURCE: "Import its file, or close the month without it and say why.",
    ObstacleKind.ESTIMATE: "Import the final export in its place.",
    ObstacleKind.EMPTY: "Import its files.",
}
"""What to do about obstacles whose fix is a command of the terminal; the others say so themselves."""


def sentence(obstacle: Obstacle) -> str:
    """An obstacle in a sentence; what begins with a path or an address stays as it is."""
    what = obstacle.what
    own = obstacle.target and what.startswith(obstacle.target)
    return f"{what if own else what[:1].upper() + what[1:]}."


def advice(obstacle: Obstacle) -> str:
    """What to do about an obstacle, in a sentence, for someone with a browser."""
    fix = obstacle.fix
    return _ADVICE.get(obstacle.kind) or (f"{fix[:1].upper()}{fix[1:]}." if fix else "")


def way(obstacle: Obstacle, period: str) -> Way | None:
    """The page on which an obstacle is dealt with; None if it is in the settings."""
    match obstacle.kind:
        case ObstacleKind.UNDECIDED:
            return Way("Review", with_conditions(paths.REVIEW, period=period), Action.READ)
        case ObstacleKind.VOID:
            return Way("Void decisions", f"{paths.REVIEW}#void", Action.READ)
        case ObstacleKind.MISSING_SOURCE:
            query = urlencode({"period": period, "source": obstacle.target})
            return Way("Import", f"web/import?{query}", Action.IMPORT)
        case ObstacleKind.ESTIMATE | ObstacleKind.EMPTY:
            return Way("Import", f"web/import?period={period}", Action.IMPORT)
        case ObstacleKind.BILL_TO:
            return Way("Directory", "web/directory", Action.DIRECTORY)
        case ObstacleKind.INVOICE:
            return Way("Invoices of the month", paths.period_page(period), Action.READ)
        case ObstacleKind.EVIDENCE:
            return Way("Approvals", paths.APPROVALS, Action.READ)
    return None


def months(place: Place, base: str) -> tuple[MonthPage, ...]:
    """All months of the ledger at a commit of `main`, the latest first. Raises LedgerFault if it has errors."""
    books = _books(opened_main(place, base))
    return tuple(_month(books, billed) for billed in reversed(books.periods))


def _books(root: Path) -> AllBooks:
    """A ledger with its open months billed and its closed ones as recorded, all checked as `validate` does."""
    ledger, problems = validate(root)
    if ledger is None or has_errors(problems):
        raise LedgerFault(problems, root)
    store = open_cache(root)
    is_open = {period: ledger.period_file(period).state is State.OPEN for period in ledger.periods}
    only = [period for period in is_open if is_open[period]]
    _, billed, problems = examine(root, only=only, store=store, gathered=(ledger, []))
    if has_errors(problems):
        raise LedgerFault(problems, root)
    held = correct_ledger(ledger, store).queue
    closed = [_closed(ledger, period, held.get(period, ())) for period in ledger.periods if not is_open[period]]
    return Books(ledger, tuple(sorted((*closed, *billed), key=lambda each: each.period)), ())


def _closed(ledger: RecordedLedger, period: str, still_queued: tuple[QueueItem, ...]) -> BilledPeriod:
    """A closed month as recorded, without its statements: reading those of all months takes long."""
    lines, _ = freezing.thaw_lines(ledger, period, still_queued)
    journal = journal_of_period(lines, ledger.settings)
    return BilledPeriod(**field_values(lines), statements=(), journal=journal)


def _month(books: AllBooks, billed: BilledPeriod) -> MonthPage:
    ledger, period, currency = books.ledger, billed.period, billed.currency
    missing = gather_evidence(ledger, periods=(period,))[1] if billed.state is State.OPEN else []
    obstacles = tuple(closing_obstacles(books, billed, missing)) if billed.state is State.OPEN else ()
    postings = ledger.postings.get(period, ())
    posted = PostedMonth() if billed.state is State.OPEN else posted_month(billed.journal, billed.documents, postings)
    names, fault = _journal_files(books, billed)
    return MonthPage(
        period=period,
        state=billed.state,
        shown=state_view(billed),
        billed=billed.amounts.billed,
        currency=currency,
        statements=len({(line.pi, line.project) for line in billed.lines}),
        held=in_total(billed.undecided, currency),
        waits=tuple(_waits(books, billed, obstacles, posted)),
        obstacles=obstacles,
        absent=tuple(each.target for each in obstacles if each.kind is ObstacleKind.MISSING_SOURCE),
        undecided=sum(item.charges for item in billed.queue) if billed.state is State.OPEN else 0,
        accounting_date=last_day(period) if billed.state is State.OPEN else billed.accounting_date,
        journal_files=names,
        journal_fault=fault,
        posting=posted_sentence(billed, postings),
        sources=_sources(billed),
        posted=_posted(billed, posted),
        not_accepted=_not_accepted(billed, posted),
        sent=_sent(books, billed),
        can_reopen=billed.state is State.CLOSED and not postings,
    )


def _waits(books: AllBooks, billed: BilledPeriod, obstacles: Sequence[Obstacle], posted: PostedMonth) -> Iterator[str]:
    """What a month waits for."""
    if billed.state is State.OPEN:
        yield from (each.what for each in obstacles)
        if not obstacles:
            yield "ready to close"
        return
    if posted.not_posted.lines:
        yield f"{counted(posted.not_posted.lines, 'journal line')} not posted"
    if posted.suspense.lines:
        yield f"{counted(posted.suspense.lines, 'journal line')} in suspense"
    lost = sum(
        each.undelivered or each.open
        for each in latest(books.ledger.deliveries.get(billed.period, ()))
        if each.kind is DeliveryKind.STATEMENTS
    )
    if lost:
        yield f"{counted(lost, 'email')} did not arrive"
    if billed.state is State.CLOSED and not (posted.not_posted.lines or posted.suspense.lines):
        yield "ready to finalize"


def _journal_files(books: AllBooks, billed: BilledPeriod) -> tuple[tuple[str, ...], str]:
    """The names of a month's journal files, or why they cannot be written."""
    if billed.state is not State.OPEN:
        named = dict.fromkeys(name for document in billed.documents for name in document.files)
        return (*named, control_totals_name(billed)), ""
    try:
        return tuple(period_files(journal_month(books, billed.period))[0]), ""
    except LedgerFault as fault:
        return (), "; ".join(dict.fromkeys(each.message for each in fault.problems))


def _sources(billed: BilledPeriod) -> Table | None:
    rows = [
        (
            each.source if each.currency == billed.currency else f"{each.source}, {each.currency}",
            f"{each.charges:,}",
            *(money.human(amount, each.currency) for amount in (each.imported, each.billed, each.held, each.rejected)),
        )
        for each in billed.sources
    ]
    head = ("Source", "Charges", "Imported", "Billed", "Held", "Rejected")
    return make_table(f"By source, in {billed.currency}", head, {1, 2, 3, 4, 5}, rows)


def _posted(billed: BilledPeriod, posted: PostedMonth) -> Table | None:
    if billed.state is State.OPEN or not billed.journal.lines:
        return None
    currency = billed.currency
    rows = [
        (
            POSTED_WORDS[what],
            f"{sums.lines:,}",
            *(money.human(each, currency) for each in (sums.debits, sums.credits, sums.net)),
        )
        for what, sums in posted.sums.items()
        if sums.lines
    ]
    notes = [
        f"{each.document}, posted on {date_human(each.on)}" + (f" as {each.reference}" if each.reference else "")
        for each in posted.postings
    ]
    head = ("Journal lines", "Lines", "Debits", "Credits", "Net")
    return make_table("What the accounting system did", head, {1, 2, 3, 4}, rows, "; ".join(notes))


def _not_accepted(billed: BilledPeriod, posted: PostedMonth) -> Table | None:
    if billed.state is State.OPEN:
        return None
    rows = [
        (
            f"{each.document}, line {each.line}",
            "In suspense" if each.status == "suspense" else "Rejected",
            each.fund,
            money.human(each.amount, billed.currency),
            each.reason + (f"; journaled again in {each.again}" if each.again else ""),
        )
        for each in posted.exceptions
    ]
    head = ("Line", "State", "Fund", "Amount", "Reason")
    return make_table("Lines that were not accepted", head, {3}, rows, short={1, 2})


def _sent(books: AllBooks, billed: BilledPeriod) -> Table | None:
    """Who got which statements, and who has not got them yet, what needs a person first."""
    ledger = books.ledger
    log = [each for each in ledger.deliveries.get(billed.period, ()) if each.kind is DeliveryKind.STATEMENTS]
    rows = [
        (
            each.to + (f" (copy: {each.copy})" if each.copy else ""),
            ", ".join(said.number for said in each.statements),
            each.outcome,
            each.at[:16].replace("T", " "),
            each.answer if each.undelivered or each.open else "",
        )
        for each in sorted(latest(log), key=lambda each: (not (each.undelivered or each.open), each.to))
    ]
    email = email_of(ledger)
    if billed.state is not State.OPEN and (email.host or log):
        whole, _ = freezing.thaw(ledger, billed.period, billed.still_queued or (), checked=True)
        lost = {each.to for each in latest(log) if each.undelivered or each.open}
        rows[:0] = [
            (
                each.parcel.to + (f" (copy: {each.parcel.copy})" if each.parcel.copy else ""),
                ", ".join(part.number for part in each.parcel.parts),
                "changed since" if each.revised else "not sent",
                "",
                "",
            )
            for each in plan_messages(whole, ledger.directory, email, log, Request()).messages
            if each.parcel.to not in lost
        ]
    return make_table(
        "Statements by email", ("To", "Statements", "State", "At (UTC)", "Answer"), set(), rows, short={2, 3}
    )
