"""Send the statements of a month, or a draft of them: from the books to the outcome."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from openchargeback.deliver.clock import REAL, Clock
from openchargeback.deliver.log import Log, sending_alone
from openchargeback.deliver.mime import address_fault, dated
from openchargeback.deliver.parcels import Message, Plan, Request, plan_messages
from openchargeback.deliver.preparing import desk_of, email_of, prepare, workbench
from openchargeback.deliver.reservation import Reservation, on_branch
from openchargeback.deliver.sending import PAUSES, Outcome, Prepared, Run
from openchargeback.deliver.transport import MailServer, Transport
from openchargeback.files.writing import outside, write_file
from openchargeback.ledger.deliveries import Delivery, DeliveryKind, DeliveryState
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import sender_fault
from openchargeback.ledger.uncommitted import uncommitted_record
from openchargeback.model import BilledPeriod, State
from openchargeback.problems import LedgerFault, Problem, UsageFault
from openchargeback.publish.books import AllBooks, Step, no_step

_NOON = dt.time(12, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What sending needs from outside the ledger. transport: instead of the mail server of the settings.

    reserve: the Git remote whose branch `deliveries/PERIOD` keeps other machines out; empty for none.
    """

    environment: Mapping[str, str]
    clock: Clock = REAL
    transport: Transport | None = None
    pauses: Sequence[float] = PAUSES
    reserve: str = ""
    step: Step = no_step


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did. messages: those that were to be sent. open: those that may have arrived before, left alone.

    asked: the questions that were to be sent. outbox: the folder with the messages in development mode; None if they
    were sent.
    """

    messages: tuple[Message, ...]
    open: tuple[Delivery, ...]
    outcome: Outcome = field(default_factory=Outcome)
    outbox: Path | None = None
    asked: tuple[Delivery, ...] = ()


def plan_statements(books: AllBooks, period: str, request: Request, *, reserve: str = "") -> Plan:
    """What would be sent; reserve: the Git remote whose branch of the month counts, too. Writes nothing.

    Raises UsageFault if the month is not in the right state, LedgerFault for a faulty log.
    """
    billed, root = sendable(books, period, request), books.ledger.root
    log = Log(root, period)
    _, found = on_branch(root, reserve, log) if reserve else ("", ())
    return _plan(books, billed, log, request, news=log.news(found))


def send_statements(books: AllBooks, period: str, request: Request, office: Office) -> Result:
    """Send what has not been sent. Raises as `plan_statements` and `Run.send` do."""
    billed, root = sendable(books, period, request), books.ledger.root
    with sending_alone(root), workbench(root) as folder:
        log = Log.to_write(root, period)
        reservation = Reservation.taken_up(root, office.reserve, log) if office.reserve else None
        plan = _plan(books, billed, log, request)
        prepared = prepare(books, desk_of(books, billed), plan.messages, folder, office.step)
        done = dispatch(books.ledger, log, prepared, office, reservation, dt.datetime.combine(_date(billed), _NOON))
        return replace(done, messages=plan.messages, open=plan.open)


def dispatch(
    ledger: Ledger,
    log: Log,
    prepared: Sequence[Prepared],
    office: Office,
    reservation: Reservation | None,
    fixed: dt.datetime,
) -> Result:
    """Send what was prepared; without a mail server, write it to the outbox with a fixed date."""
    email = email_of(ledger)
    if not email.host and office.transport is None:
        return _write_outbox(ledger, log.period, prepared, fixed)
    if fault := sender_fault(email):
        raise LedgerFault([Problem("config.yaml", *fault)])
    if not prepared:
        return Result((), ())
    if reservation:
        reservation.reserve([each.delivery for each in prepared], office.clock)
    transport = office.transport or MailServer(email, ledger.local.email, office.environment)
    run = Run(
        log,
        transport,
        throttle=email.throttle,
        clock=office.clock,
        pauses=office.pauses,
        step=office.step,
        **({"recorded": reservation.recorded} if reservation else {}),
    )
    try:
        outcome = run.send(prepared)
    finally:
        if reservation:
            reservation.finish()
    return Result((), (), outcome)


def sendable(books: AllBooks, period: str, request: Request) -> BilledPeriod:
    """The month, if messages of this kind may be sent of it. Raises UsageFault if not."""
    billed = books.period(period)
    if billed is None:
        raise UsageFault(f"the ledger has no period {period}")
    draft = request.kind is DeliveryKind.DRAFT
    if billed.state is State.OPEN and not draft:
        raise UsageFault(
            f"{period} is open, so its statements are not final; close it first (`focus-billing periods close "
            f"{period}`), or send a draft with --draft --object-by DATE"
        )
    if billed.state is not State.OPEN and draft:
        raise UsageFault(f"{period} is {billed.state}, so there is nothing to object to; send it without --draft")
    if not draft and (loose := uncommitted_record(books.ledger.root, period)):
        path = next(iter(loose))
        raise UsageFault(f"{path} is not committed; commit the closing of {period} before its statements leave")
    return billed


def _plan(books: AllBooks, billed: BilledPeriod, log: Log, request: Request, *, news: Sequence[Delivery] = ()) -> Plan:
    ledger = books.ledger.as_recorded(billed.period)
    known = {each.id: each for each in (*log.deliveries, *news)}
    return plan_messages(billed, ledger.directory, email_of(books.ledger), tuple(known.values()), request)


def _date(billed: BilledPeriod) -> dt.date:
    """The date of messages in development mode: that of the statements."""
    return billed.closed_on or billed.accounting_date


def _write_outbox(ledger: Ledger, period: str, prepared: Sequence[Prepared], fixed: dt.datetime) -> Result:
    """Write the messages as `.eml` files, which any mail program opens: the same bytes each time."""
    outcome = Outcome()
    folder = ledger.root / ledger.local.email.outbox / period
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise outside(folder, fault) from fault
    for each in prepared:
        if why := address_fault(each.delivery.to):
            failed = replace(each.delivery, state=DeliveryState.FAILED, reply=f"not written: {why}")
            outcome.failed.append(failed)
        else:
            name = f"{each.delivery.to.replace('/', '_')}_{each.delivery.id[:8]}.eml"
            write_file(folder / name, dated(each.file.read_bytes(), fixed))
    return Result((), (), outcome, outbox=folder)
