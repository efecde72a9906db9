"""Ask a PI which fund pays for held charges, and read the answer."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as policy
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path

from openchargeback import money
from openchargeback.characters import one_line
from openchargeback.deliver.letters import Sender, sender_of
from openchargeback.deliver.log import Log, sending_alone
from openchargeback.deliver.parcels import message_id, sender_domain
from openchargeback.deliver.preparing import Studio, email_of, logo_of, workbench
from openchargeback.deliver.sending import Prepared
from openchargeback.deliver.statements import Office, Result, dispatch
from openchargeback.ledger.approvals import Answer
from openchargeback.ledger.deliveries import Delivery, DeliveryKind, DeliveryState, FundChoice, last_asked
from openchargeback.ledger.directory import Directory, canonical_email
from openchargeback.ledger.periods import last_day, months_until
from openchargeback.ledger.settings import Config, EmailSettings, Payer
from openchargeback.model import QueueItem, SummedPeriod
from openchargeback.portal.statement_parts import source_label
from openchargeback.portal.statement_words import flag_words
from openchargeback.problems import UsageFault
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.filters import date_human, days_human, period_human

_LONGEST = 1000
_YEAR = 12
_QUOTED = re.compile(
    r"^\s*>|^(On|Am|Le|El) .{0,200}(wrote|schrieb|écrit|escribió).*:\s*$|^-{2,}\s*(Original|Forwarded)|^_{8,}$"
)
_SIGNATURE = "-- "


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRow:
    """A fund to choose from, with its number in the list."""

    number: int
    project: str
    project_id: str
    fund: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question on a queue item, in reading order. amount: in cents of its currency."""

    subject: str
    preview: str
    name: str
    sender: Sender
    period: str
    item: str
    project: str
    service: str
    source: str
    charges: int
    amount: Decimal
    unit: str
    days: str
    resources: tuple[str, ...]
    reasons: tuple[str, ...]
    choices: tuple[ChoiceRow, ...]
    also: tuple[str, ...]
    pi: str
    currency: str


def ask(
    ledger: RecordedLedger, periods: Iterable[SummedPeriod], item: QueueItem, *, to: str, why: str, office: Office
) -> Result:
    """Mail a question on a queue item to its PI and to the grants administrator.

    periods: every month; their lines say which funds paid. to: asked instead of the item's PI. why: the reason to ask
    again. Raises UsageFault if nobody is known whom to ask, if there is nothing to choose, or if everyone was asked
    already.
    """
    root, email = ledger.root, email_of(ledger)
    pi = _whom(ledger.directory, item, to)
    choices = choices_of(ledger.directory, periods, item, pi)
    if not choices:
        raise UsageFault(f"the ledger has no fund of {pi}, so there is nothing to choose from; add one to a project")
    people = list(dict.fromkeys(filter(None, (pi, canonical_email(email.grants)))))
    with sending_alone(root), workbench(root) as folder:
        log = Log.to_write(root, item.period)
        deliveries = [each for to in people if (each := _delivery(log, item, pi, to, choices, why, email)) is not None]
        if not deliveries:
            asked = last_asked(log.deliveries, item.id)
            on = f" on {date_human(asked.day)}" if asked else ""
            were = "was" if len(people) == 1 else "were"
            raise UsageFault(f"{' and '.join(people)} {were} asked about {item.id}{on}; to ask again, add --again WHY")
        studio = Studio.of(ledger, ledger.config)
        prepared = []
        for number, each in enumerate(deliveries):
            others = tuple(address for address in people if address != each.to)
            question = _question(ledger, item, each, others)
            name = ledger.directory.person(each.to).name
            file = folder / f"{number:06}.eml"
            file.write_bytes(studio.content("question", each, question, question.subject, name=name))
            prepared.append(Prepared(each, file))
        fixed = dt.datetime.combine(last_day(item.period), dt.time(12, tzinfo=dt.UTC))
        return replace(dispatch(ledger, log, prepared, office, None, fixed), asked=tuple(deliveries))


def _whom(directory: Directory, item: QueueItem, to: str) -> str:
    """Whom to ask: as given, else the item's PI, else the PI of its project."""
    entry = directory.projects.get(item.project)
    owner = entry.entries[-1].pi if entry and entry.entries else ""
    known = item.pi if item.pi and (not directory.people or item.pi in directory.people) else ""
    found = directory.email(to) if to else known or owner
    if not found:
        raise UsageFault(f"nobody is known whom to ask about {item.id}; name a PI with --to EMAIL")
    return found


def choices_of(
    directory: Directory, periods: Iterable[SummedPeriod], item: QueueItem, pi: str
) -> tuple[FundChoice, ...]:
    """The funds of a PI that may be charged in the item's month: of the item's project first, then by project.

    They are those of the PI's projects in the directory, and those that paid for the PI in the year until then: where
    a tag names the fund, no project does.
    """
    found: dict[FundChoice, None] = {}
    for id_, project in sorted(directory.projects.items()):
        for entry in project.entries:
            if pi in {entry.pi, *entry.pis}:
                found |= {FundChoice(id_, fund): None for fund in (entry.fund, *entry.funds) if fund}
    year = months_until(item.period, _YEAR)
    paid = {
        (line.project, line.fund) for each in periods if each.period in year for line in each.lines if line.pi == pi
    }
    found |= {FundChoice(project, fund): None for project, fund in sorted(paid) if fund}
    open_ = [each for each in found if _may_pay(directory, each.fund, last_day(item.period))]
    return tuple(sorted(open_, key=lambda each: (each.project != item.project, each.project)))


def _may_pay(directory: Directory, fund: str, day: dt.date) -> bool:
    """Whether a fund may be charged on a day; one that the directory does not know may."""
    known = directory.funds.get(fund)
    return known is None or known.holds_on(day)


def _delivery(
    log: Log, item: QueueItem, pi: str, to: str, choices: tuple[FundChoice, ...], why: str, email: EmailSettings
) -> Delivery | None:
    """The message that asks someone; None if they were asked and nobody wants to ask again."""
    before = [
        each for each in log.deliveries if each.kind is DeliveryKind.QUESTION and (each.item, each.to) == (item.id, to)
    ]
    last = before[-1] if before else None
    again = last is not None and last.state is not DeliveryState.FAILED
    if again and not why:
        return None
    attempt = (last.attempt + again) if last else 1
    if last and last.open:
        attempt = last.attempt
    words = (DeliveryKind.QUESTION, item.id, item.digest, to, str(attempt))
    return Delivery(
        id=last.id if last and last.open else message_id(words, sender_domain(email)),
        kind=DeliveryKind.QUESTION,
        to=to,
        pi=pi,
        copy="" if to == pi else "grants administrator",
        state=DeliveryState.SENDING,
        at="",
        attempt=attempt,
        why=why if again else "",
        item=item.id,
        choices=choices,
    )


def _question(ledger: RecordedLedger, item: QueueItem, delivery: Delivery, also: tuple[str, ...]) -> Question:
    config, directory, details = ledger.config, ledger.directory, item.details
    amount = money.to_cents(item.exact_billed, item.currency)
    what = one_line(item.service) or source_label(config, item.source)
    rows = tuple(
        ChoiceRow(
            number=number,
            project=one_line(directory.project(each.project).title),
            project_id=each.project,
            fund=each.fund,
            title=one_line(directory.funds[each.fund].title) if each.fund in directory.funds else "",
        )
        for number, each in enumerate(delivery.choices, start=1)
    )
    return Question(
        subject=f"Which fund pays? {what}, {period_human(item.period)} [{item.id}]",
        preview=f"{item.currency} {money.human(amount, item.currency)} waits for your answer",
        name=one_line(directory.person(delivery.to).name),
        sender=sender_of(config, has_logo=logo_of(ledger) is not None),
        period=period_human(item.period),
        item=item.id,
        project=one_line(directory.project(item.project).title) if item.project else "",
        service=one_line(item.service),
        source=source_label(config, item.source),
        charges=item.charges,
        amount=amount,
        unit=item.currency,
        days=days_human(details.first_day, details.last_day),
        resources=tuple(one_line(each) for each in details.resources),
        reasons=tuple(_reason(flag, config) for flag in item.uncleared),
        choices=rows,
        also=also,
        pi=one_line(directory.person(delivery.pi).name),
        currency=config.currency,
    )


def _reason(flag: str, config: Config) -> str:
    """Why charges are held: the flag in words, with the institution's own reason for a pattern."""
    own = next((one_line(each.reason) for each in config.review.patterns if flag == f"pattern:{each.name}"), "")
    return f"{flag_words(flag)} ({own})" if own else flag_words(flag)


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """An answer to a question: what it decides, and what stands in the decision. payer: None if it names no choice."""

    question: Delivery
    period: str
    payer: Payer | None
    reason: str
    evidence: Answer


def read_answer(file: Path, logs: Mapping[str, Sequence[Delivery]]) -> ReadAnswer:
    """The answer in an `.eml` file to a question in a log (by period).

    Raises UsageFault if it answers none of our questions, comes from someone who was not asked, was written by a
    program, or names several choices.
    """
    data = file.read_bytes()
    message = message_from_bytes(data, policy=policy)
    if not message.keys():
        raise UsageFault(f"{file} is not an email; save the answer as an .eml file")
    sender = canonical_email(parseaddr(str(message.get("From", "")))[1])
    period, question = _asked_by(message, logs, sender, file)
    if sender != canonical_email(question.to):
        raise UsageFault(
            f"{file} is from {sender or 'nobody'}, and {question.to} was asked; decide with --set-fund instead"
        )
    if str(message.get("Auto-Submitted", "no")).lower() != "no" or message.get_content_type() == "multipart/report":
        raise UsageFault(f"{file} was written by a program, such as a vacation notice; it is no answer")
    text = _own_words(message)
    choice = _choice(text, question.choices, file)
    on = _day_of(message)
    excerpt = " ".join(text.split())[:_LONGEST]
    digest = hashlib.sha256(data).hexdigest()
    evidence = Answer(sender=sender, on=on, id=str(message.get("Message-ID", "")).strip("<> \r\n")[:200], sha256=digest)
    return ReadAnswer(
        question,
        period,
        Payer(question.pi, choice.project, choice.fund) if choice else None,
        f"{sender} answered on {date_human(on)}: {excerpt}",
        evidence,
    )


def _asked_by(
    message: EmailMessage, logs: Mapping[str, Sequence[Delivery]], sender: str, file: Path
) -> tuple[str, Delivery]:
    """The question that a message answers, with its period: by the ids it names, else by the item in its subject, which
    mail programs keep that drop the ids. The one that was sent to the sender, if several match.
    """
    named = set(re.findall(r"<([^<>\s]+)>", f"{message.get('In-Reply-To', '')} {message.get('References', '')}"))
    subject = str(message.get("Subject", ""))
    asked = [
        (period, each)
        for period, deliveries in logs.items()
        for each in deliveries
        if each.kind is DeliveryKind.QUESTION
    ]
    found = [pair for pair in asked if pair[1].id in named] or [
        pair for pair in asked if f"[{pair[1].item}]" in subject
    ]
    if not found:
        raise UsageFault(f"{file} answers no question of this ledger; see `focus-billing review list`")
    return max(found, key=lambda pair: (canonical_email(pair[1].to) == sender, pair[1].at))


def _own_words(message: EmailMessage) -> str:
    """What the person wrote, without quoted text and signature."""
    part = message.get_body(("plain", "html"))
    try:
        text = str(part.get_content()) if part else ""
    except (LookupError, ValueError):
        text = ""
    if part is not None and part.get_content_type() == "text/html":
        text = re.sub(r"(?is)<(style|script|blockquote)\b.*?</\1>", " ", text)
        text = re.sub(r"<br[^>]*>|</p>|</div>", "\n", text)
        text = re.sub(r"<[^>]*>", " ", text).replace("&nbsp;", " ").replace("&amp;", "&")
    lines = []
    for line in text.splitlines():
        if line == _SIGNATURE or (_QUOTED.match(line) and not line.lstrip().startswith(">")):
            break
        if not line.lstrip().startswith(">"):
            lines.append(one_line(line))
    return "\n".join(lines).strip()


def _choice(text: str, choices: Sequence[FundChoice], file: Path) -> FundChoice | None:
    """The choice that an answer names: by its number alone on the first line, or by its fund anywhere."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if number := re.fullmatch(r"(?:no\.?|#|option)?\s*(\d{1,3})[.):]?", first, re.IGNORECASE):
        at = int(number[1])
        if 1 <= at <= len(choices):
            return choices[at - 1]
    named = [each for each in choices if re.search(rf"(?<![\w-]){re.escape(each.fund)}(?![\w-])", text)]
    if len({each.fund for each in named}) > 1:
        raise UsageFault(
            f"{file} names several funds: {', '.join(each.fund for each in named)}; decide with --set-fund"
        )
    return named[0] if named else None


def _day_of(message: EmailMessage) -> dt.date:
    try:
        moment = parsedate_to_datetime(str(message.get("Date", "")))
    except (ValueError, TypeError):
        return dt.datetime.now(dt.UTC).date()
    return (moment.astimezone(dt.UTC) if moment.tzinfo else moment).date()
