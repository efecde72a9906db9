"""What a message says: values for the templates in `site_templates/email/`, which format and do not calculate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.addresses import safe_address
from openchargeback.characters import one_line
from openchargeback.deliver.parcels import Message, Part
from openchargeback.deliver.wording import amount_words, what_happens
from openchargeback.ledger.deliveries import DeliveryKind
from openchargeback.ledger.periods import months_until
from openchargeback.ledger.settings import Config, EmailSettings
from openchargeback.model import Amounts, BilledPeriod, PeriodAmounts
from openchargeback.portal.paths import pi_page, statement_pdf
from openchargeback.portal.shell import whom_to_ask
from openchargeback.templating.filters import date_human, period_human
from openchargeback.wording import counted, listed

_NAMED = 3

Histories = Mapping[tuple[str, str], Sequence[PeriodAmounts]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One project in a message: amounts in cents, the discount negative.

    change: against the month before; None without that month. value: what is only shown. held: in words,
    empty without held charges. link: to its PDF in the portal, or empty.
    """

    project: str
    project_id: str
    pi: str
    number: str
    list: Decimal
    discount: Decimal
    due: Decimal
    value: Decimal
    change: Decimal | None
    held: str
    link: str
    only_held: bool
    only_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends a message, as its text shows it. logo: whether it comes with one."""

    organization: str
    unit: str
    contact: str
    contact_mail: str
    contact_phone: str
    contact_url: str
    logo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message with statements, in reading order. Amounts are in cents.

    attached: how many PDFs come with it; linked: whether rows link to them instead. portal: the PI's page, or empty.
    value: the list price of what costs nothing, where all is covered; None otherwise. questions: until when, if it
    matters. copies: who else gets which statement, in words.
    """

    subject: str
    preview: str
    period: str
    name: str
    sender: Sender
    draft: bool
    object_by: str
    revised: bool
    again: bool
    copy: str
    rows: tuple[Row, ...]
    total: Row
    value: Decimal | None
    happens: tuple[str, ...]
    withdrawn: tuple[str, ...]
    others: int
    questions: str
    note: str
    portal: str
    attached: int
    linked: bool
    copies: tuple[str, ...]
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the messages of a month share. config: the settings that the month is shown with; email: today's."""

    period: BilledPeriod
    config: Config
    email: EmailSettings
    histories: Histories
    has_logo: bool


def sender_of(config: Config, *, has_logo: bool) -> Sender:
    """Who sends messages, by the settings."""
    contact, mail = whom_to_ask(config)
    return Sender(
        organization=one_line(config.organization.name),
        unit=one_line(config.organization.unit),
        contact=one_line(contact),
        contact_mail=mail,
        contact_phone=one_line(config.organization.contact.phone),
        contact_url=safe_address(config.organization.contact.url),
        logo=has_logo,
    )


def letter_of(message: Message, desk: Desk, *, attached: int, copies: Iterable[str] = ()) -> Letter:
    """What a message says. attached: how many PDFs come with it. copies: who else gets what, in words."""
    parcel, config, period = message.parcel, desk.config, desk.period
    url = safe_address(config.portal.url).rstrip("/")
    linked = bool(url) and not attached and desk.email.attach != "none"
    rows = tuple(_row(part, desk, url if linked else "") for part in parcel.parts)
    total = _total(rows, parcel.parts, desk)
    statements = [part.statement for part in parcel.parts if part.statement]
    draft = message.kind is DeliveryKind.DRAFT
    questions = max((each.issued for each in statements), default=None)
    days = dt.timedelta(config.statements.questions_until_days)
    return Letter(
        subject=_subject(message, desk),
        preview=_preview(total, rows, config.currency, draft=draft),
        period=period_human(period.period),
        name=one_line(parcel.name) or parcel.to,
        sender=sender_of(config, has_logo=desk.has_logo),
        draft=draft,
        object_by=date_human(message.object_by),
        revised=message.revised,
        again=message.attempt > 1,
        copy=one_line(parcel.copy),
        rows=rows,
        total=total,
        value=total.list if statements and not total.due and total.list > 0 else None,
        happens=what_happens(statements, config, period.accounting_date),
        withdrawn=tuple(f"{each.number} ({one_line(each.project)})" for each in message.withdrawn),
        others=message.others,
        questions=date_human(questions + days) if questions and not draft else "",
        note=desk.email.note.strip(),
        portal=f"{url}/{pi_page(parcel.pi)}" if url and parcel.pi and not parcel.copy else "",
        attached=attached,
        linked=linked,
        copies=tuple(copies),
        currency=config.currency,
    )


def _subject(message: Message, desk: Desk) -> str:
    month = period_human(desk.period.period)
    organization = one_line(desk.config.organization.unit or desk.config.organization.name)
    if message.kind is DeliveryKind.DRAFT:
        return f"DRAFT statements, {month}: object by {date_human(message.object_by)}"
    what = "Revised statements" if message.revised else "Research computing statements"
    if message.parcel.copy:
        what = f"Copy: {what[0].lower()}{what[1:]}"
    return f"{what}, {month} ({organization})"


def _preview(total: Row, rows: Sequence[Row], currency: str, *, draft: bool) -> str:
    """The line that mail programs show beside the subject."""
    due = f"{'Would be due' if draft else 'Amount due'}: {amount_words(total.due, currency)}"
    return f"{due}, {counted(len(rows), 'project')}" + (f"; {total.held} held" if total.held else "")


def _row(part: Part, desk: Desk, url: str) -> Row:
    statement, config = part.statement, desk.config
    before = months_until(desk.period.period, 2)[0]
    past = desk.histories.get((part.pi.email, part.project.id), ())
    if statement and statement.history is not None:
        past = statement.history
    last = next((each for each in past if each.period == before), None)
    amounts, value = (statement.amounts, statement.shown) if statement else (Amounts(), Amounts())
    own = value if statement and statement.only_shown else amounts
    return Row(
        project=one_line(part.project.title) or "Without a project",
        project_id=one_line(part.project.id),
        pi=one_line(part.pi.name),
        number=part.number,
        list=own.list,
        discount=-own.discount,
        due=amounts.billed,
        value=value.billed,
        change=amounts.billed - last.amounts.billed if last else None,
        held=held_words(part, config.currency),
        link=f"{url}/{statement_pdf(statement)}" if url and statement else "",
        only_held=statement is None,
        only_shown=bool(statement and statement.only_shown),
    )


def _total(rows: Sequence[Row], parts: Sequence[Part], desk: Desk) -> Row:
    changes = [row.change for row in rows]
    return Row(
        project="Total",
        project_id="",
        pi="",
        number="",
        list=sum((row.list for row in rows), money.ZERO),
        discount=sum((row.discount for row in rows), money.ZERO),
        due=sum((row.due for row in rows), money.ZERO),
        value=sum((row.value for row in rows), money.ZERO),
        change=sum((each for each in changes if each is not None), money.ZERO) if None not in changes else None,
        held=_held_sum(parts, desk.config.currency),
        link="",
        only_held=False,
        only_shown=bool(rows) and all(row.only_shown for row in rows),
    )


def held_words(part: Part, currency: str) -> str:
    """The held charges of a part: `3 charges, USD 363.73`; empty if there are none."""
    return _held_sum((part,), currency)


def _held_sum(parts: Iterable[Part], currency: str) -> str:
    found: dict[str, tuple[int, Decimal]] = {}
    for part in parts:
        for item in part.held:
            charges, exact = found.get(item.currency, (0, money.ZERO))
            found[item.currency] = charges + item.charges, exact + item.exact_billed
    own_first = sorted(found.items(), key=lambda each: (each[0] != currency, each[0]))
    return "; ".join(
        f"{counted(charges, 'charge')}, {amount_words(money.to_cents(exact, unit), unit)}"
        for unit, (charges, exact) in own_first
    )


def copies_of(messages: Iterable[Message]) -> dict[str, tuple[str, ...]]:
    """By number of the statement, who else gets a copy."""
    found: dict[str, list[str]] = {}
    for message in messages:
        if message.parcel.copy:
            for part in message.parcel.parts:
                found.setdefault(part.number, []).append(message.parcel.to)
    return {number: tuple(sorted(addresses)) for number, addresses in found.items()}


def copy_words(message: Message, copies: Mapping[str, Sequence[str]]) -> list[str]:
    """Who else gets the statements of a message, in a sentence for each address."""
    if message.parcel.copy:
        return []
    by_address: dict[str, list[str]] = {}
    for part in message.parcel.parts:
        for address in copies.get(part.number, ()):
            by_address.setdefault(address, []).append(one_line(part.project.title) or part.project.id)
    return [f"{address} gets a copy for {listed(titles, _NAMED)}." for address, titles in sorted(by_address.items())]
