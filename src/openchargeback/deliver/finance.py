"""Hand a closed month's bundle to finance, once: by email, or by a copy in a folder that finance collects from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from openchargeback.characters import one_line
from openchargeback.deliver.letters import Sender, sender_of
from openchargeback.deliver.log import Log, sending_alone
from openchargeback.deliver.mime import ENCODED, Attachment
from openchargeback.deliver.parcels import Request, message_id, sender_domain
from openchargeback.deliver.preparing import MEGABYTE, Studio, email_of, logo_of, workbench
from openchargeback.deliver.sending import Outcome, Prepared
from openchargeback.deliver.statements import Office, Result, dispatch, sendable
from openchargeback.files.writing import write_file
from openchargeback.ledger.deliveries import Delivery, DeliveryKind, DeliveryState
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod
from openchargeback.problems import OpenChargebackError, UsageFault
from openchargeback.publish.books import AllBooks
from openchargeback.templating.filters import date_human, period_human

DROP = "drop-folder"
"""The recipient of a bundle that was copied to a folder; which one that is, only the machine knows."""

_LONGEST_REPLY = 500

Write = Callable[[Path], Path]
"""Writes the bundle of the month below a folder; the path of its zip archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinanceLetter:
    """The message with a bundle. Amounts are in cents; revision: from 2 on, the month was closed again."""

    subject: str
    preview: str
    sender: Sender
    period: str
    state: str
    closed_on: str
    accounting_date: str
    revision: int
    statements: int
    due: Decimal
    invoiced: Decimal
    debits: Decimal
    credits: Decimal
    lines: int
    held: int
    archive: str
    currency: str


def send_finance(
    books: AllBooks, period: str, write: Write, office: Office, *, drop: str = "", why: str = ""
) -> Result:
    """Send a month's bundle to `email.finance`, or copy it to a folder.

    drop: the folder; else `email.drop_folder` of this machine. why: the reason to do it again. Raises UsageFault if the
    month is open, if nobody is named, or if the bundle is too large for an email.
    """
    billed, root = sendable(books, period, Request()), books.ledger.root
    email, folder = email_of(books.ledger), drop or books.ledger.local.email.drop_folder
    to = DROP if folder else email.finance
    if not to:
        raise UsageFault("nobody gets the bundle: set `email.finance` in config.yaml, or use --drop FOLDER")
    with sending_alone(root), workbench(root) as bench:
        log = Log.to_write(root, period)
        delivery = _delivery(log, billed, to, why, sender_domain(email))
        if delivery is None:
            return Result((), tuple(each for each in _before(log, billed, to) if each.open))
        archive = write(bench)
        if folder:
            return _copied(log, delivery, archive, Path(folder), office)
        size = archive.stat().st_size * ENCODED
        if size > email.max_size * MEGABYTE:
            raise UsageFault(
                f"the bundle of {period} makes a message of {size / MEGABYTE:,.0f} MB, more than `email.max_size` "
                f"({email.max_size} MB); use --drop FOLDER"
            )
        letter = _letter(books, billed, archive.name)
        content = Studio.of(books.ledger, books.ledger.settings(period)).content(
            "finance",
            delivery,
            letter,
            letter.subject,
            attachments=[Attachment(archive.name, archive.read_bytes(), "application/zip")],
        )
        file = bench / "finance.eml"
        file.write_bytes(content)
        noon = dt.datetime.combine(billed.closed_on or billed.accounting_date, dt.time(12, tzinfo=dt.UTC))
        return replace(dispatch(books.ledger, log, [Prepared(delivery, file)], office, None, noon), asked=(delivery,))


def _before(log: Log, billed: BilledPeriod, to: str) -> list[Delivery]:
    return [
        each
        for each in log.deliveries
        if each.kind is DeliveryKind.FINANCE and each.revision == billed.revision and each.to == to
    ]


def _delivery(log: Log, billed: BilledPeriod, to: str, why: str, domain: str) -> Delivery | None:
    """The entry for a bundle; None if this revision of the month was handed over, or may have been."""
    before = _before(log, billed, to)
    last = before[-1] if before else None
    done = last is not None and last.state is not DeliveryState.FAILED
    if done and not why:
        return None
    attempt = 1 if last is None else last.attempt + (done and not last.open)
    words = (DeliveryKind.FINANCE, billed.period, str(billed.revision), to, str(attempt))
    return Delivery(
        id=message_id(words, domain),
        kind=DeliveryKind.FINANCE,
        to=to,
        state=DeliveryState.SENDING,
        at="",
        attempt=attempt,
        why=why if done else "",
        revision=billed.revision,
    )


def _copied(log: Log, delivery: Delivery, archive: Path, folder: Path, office: Office) -> Result:
    """Copy the bundle under a name of its own, so that nothing finance has is replaced by something else."""
    name = archive.name if delivery.revision == 1 else f"{archive.stem}-r{delivery.revision}{archive.suffix}"
    if not folder.is_dir():
        raise UsageFault(f"{folder} is not a folder; create it, or name another with --drop")
    log.record(replace(delivery, at=office.clock.moment))
    try:
        write_file(folder / name, archive.read_bytes())
    except OpenChargebackError as fault:
        # A copy is there as a whole or not at all.
        reply = f"not copied: {fault}".replace(str(folder), "the folder")[:_LONGEST_REPLY]
        log.record(replace(delivery, state=DeliveryState.FAILED, at=office.clock.moment, reply=reply))
        raise
    done = replace(delivery, state=DeliveryState.SENT, at=office.clock.moment, reply=f"copied as {name}")
    log.record(done)
    return Result((), (), Outcome(sent=[done]), asked=(done,))


def _letter(books: AllBooks, billed: BilledPeriod, archive: str) -> FinanceLetter:
    config: Config = books.ledger.settings(billed.period)
    month, revised = period_human(billed.period), " (revised)" if billed.revision > 1 else ""
    unit = one_line(config.organization.unit or config.organization.name)
    return FinanceLetter(
        subject=f"For finance: research computing, {month}{revised} ({unit})",
        preview=f"Journal, control totals and statements of {month}",
        sender=sender_of(config, has_logo=logo_of(books.ledger) is not None),
        period=month,
        state=str(billed.state),
        closed_on=date_human(billed.closed_on),
        accounting_date=date_human(billed.accounting_date),
        revision=billed.revision,
        statements=len(billed.statements),
        due=billed.amounts.billed,
        invoiced=billed.invoiced.billed,
        debits=billed.journal.debits,
        credits=billed.journal.credits,
        lines=len(billed.journal.lines),
        held=sum(item.charges for item in billed.undecided),
        archive=archive,
        currency=billed.currency,
    )
