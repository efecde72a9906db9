"""Who gets which statements: from a billed month, the settings and what was sent before. Nothing here sends or writes.

A parcel is everything for one recipient. From what the log says was delivered, `messages_of` makes the messages that
are still to be sent: nothing is sent twice, and after a revision only what changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from openchargeback.billing.statements import statement_number
from openchargeback.ledger.deliveries import DeliveredStatement, Delivery, DeliveryKind, DeliveryState
from openchargeback.ledger.directory import Directory, canonical_email
from openchargeback.ledger.settings import EmailSettings
from openchargeback.model import BilledPeriod, Person, Project, QueueItem, Statement
from openchargeback.problems import UsageFault

_DIGITS = 16
_NOT_OURS = frozenset({"missing-pi", "unknown-pi", "malformed-tags"})
"""Flags of charges whose PI's address nobody has confirmed, so no message goes there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a message says about one PI and project. statement: None if all of their charges are held.

    content: digest of what the statement says, without its number, its date and whether it is a draft; so a revision
    that changes nothing else has the same.
    """

    number: str
    pi: Person
    project: Project
    statement: Statement | None
    held: tuple[QueueItem, ...]
    content: str

    @property
    def base(self) -> str:
        """The number without the revision: the same for every revision of a statement."""
        return base_of(self.number)

    @property
    def nothing(self) -> bool:
        """Whether nothing was used, billed or held."""
        lines = self.statement.lines if self.statement else ()
        return not self.held and not any(line.amounts.list or line.amounts.billed for line in lines)

    @property
    def delivered(self) -> DeliveredStatement:
        """The part as the log has it."""
        return DeliveredStatement(self.number, self.project.id, self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Everything of a month for one recipient. copy: why someone besides the PI gets it; empty for the PI."""

    to: str
    name: str
    copy: str
    parts: tuple[Part, ...]

    @property
    def pi(self) -> str:
        """The PI whose parts these are; empty if there are several."""
        found = {part.pi.email for part in self.parts}
        return found.pop() if len(found) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to send. revised: parts that replace ones sent before. withdrawn: statements that no longer hold.

    others: how many statements of the recipient have not changed and are not in it.
    """

    id: str
    kind: DeliveryKind
    parcel: Parcel
    revised: bool = False
    withdrawn: tuple[DeliveredStatement, ...] = ()
    others: int = 0
    attempt: int = 1
    why: str = ""
    object_by: dt.date | None = None

    @property
    def delivery(self) -> Delivery:
        """The message as the log has it before it is sent; `at` is set then."""
        gone = (replace(each, withdrawn=True) for each in self.withdrawn)
        return Delivery(
            id=self.id,
            kind=self.kind,
            to=self.parcel.to,
            pi=self.parcel.pi,
            copy=self.parcel.copy,
            state=DeliveryState.SENDING,
            at="",
            attempt=self.attempt,
            why=self.why,
            statements=(*(part.delivered for part in self.parcel.parts), *gone),
            object_by=self.object_by,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send. only: addresses and projects; empty for all. why: the reason to send again what was sent.

    unknown: only messages of which nobody knows whether they arrived, which need a reason.
    """

    kind: DeliveryKind = DeliveryKind.STATEMENTS
    only: tuple[str, ...] = ()
    why: str = ""
    unknown: bool = False
    object_by: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The messages to send, and the ones that are not sent since nobody knows whether they arrived before."""

    messages: tuple[Message, ...]
    open: tuple[Delivery, ...] = ()


def base_of(number: str) -> str:
    """A statement's number without its revision."""
    return "-".join(number.split("-")[:3])


def parts_of(period: BilledPeriod, directory: Directory) -> tuple[Part, ...]:
    """What can be sent of a month, ordered by PI and project. directory: the one that the month is shown with."""
    held: dict[tuple[str, str], list[QueueItem]] = {}
    for item in period.queue:
        if item.pi and not _NOT_OURS & {*item.flags}:
            held.setdefault((item.pi, item.project), []).append(item)
    found = {(each.pi.email, each.project.id): each for each in period.statements}
    parts = []
    for pi, project in sorted({*found, *held}):
        statement, own = found.get((pi, project)), tuple(held.get((pi, project), ()))
        parts.append(
            Part(
                number=statement.number if statement else statement_number(period.period, pi, project, period.revision),
                pi=statement.pi if statement else directory.person(pi),
                project=statement.project if statement else directory.project(project),
                statement=statement,
                held=own,
                content=_content(statement, own),
            )
        )
    return tuple(parts)


def _content(statement: Statement | None, held: tuple[QueueItem, ...]) -> str:
    figures = (statement.lines, statement.resources, statement.references) if statement else ()
    text = repr((figures, [(item.key, item.charges, item.exact_billed, item.uncleared) for item in held]))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def parcels_of(parts: Iterable[Part], email: EmailSettings) -> tuple[Parcel, ...]:
    """One parcel for each PI, then one for each address that gets copies. Nobody gets a copy of their own statement."""
    own: dict[str, list[Part]] = {}
    copies: dict[str, list[Part]] = {}
    reasons: dict[str, dict[str, None]] = {}
    for part in parts:
        own.setdefault(part.pi.email, []).append(part)
        for rule in email.copy_to:
            to = canonical_email(rule.to)
            by_project = bool(rule.project) and rule.project == part.project.id
            department = rule.department.strip().casefold()
            by_department = bool(department) and department == part.pi.department.strip().casefold()
            if to == canonical_email(part.pi.email) or not (by_project or by_department):
                continue
            if part not in copies.setdefault(to, []):
                copies[to].append(part)
            reason = f"project {rule.project}" if by_project else f"department {rule.department.strip()}"
            reasons.setdefault(to, {})[reason] = None
    people = [Parcel(to=pi, name=found[0].pi.name, copy="", parts=tuple(found)) for pi, found in own.items()]
    others = [
        Parcel(to=to, name="", copy=", ".join(reasons[to]), parts=tuple(found)) for to, found in sorted(copies.items())
    ]
    return (*people, *others)


def plan_messages(
    period: BilledPeriod, directory: Directory, email: EmailSettings, log: Sequence[Delivery], request: Request
) -> Plan:
    """The messages of a month that are still to be sent, one for each recipient.

    Raises UsageFault if `request.only` names nobody and nothing of the month.
    """
    parts = parts_of(period, directory)
    there = {part.base for part in parts}
    parcels = {(parcel.to, bool(parcel.copy)): parcel for parcel in parcels_of(parts, email)}
    before: dict[tuple[str, bool], list[Delivery]] = {}
    for each in log:
        if each.kind is request.kind and (request.object_by is None or each.object_by == request.object_by):
            before.setdefault((each.to, bool(each.copy)), []).append(each)
    for (to, copied), sent in before.items():
        # Everything that someone was sent may be gone from the month.
        parcels.setdefault((to, copied), Parcel(to=to, name="", copy=sent[-1].copy, parts=()))
    messages: list[Message] = []
    left: list[Delivery] = []
    seen: set[str] = set()
    for key, whole in parcels.items():
        parcel = _selected(whole, request.only)
        seen |= {word for word in request.only if _names(word, whole)}
        if parcel is None:
            continue
        found = _messages(parcel, _History.of(before.get(key, ())), there, email, request)
        messages += found.messages
        left += found.open
    if missing := [word for word in request.only if word not in seen]:
        raise UsageFault(f"nothing in {period.period} is for {', '.join(missing)}; name an email address or a project")
    return Plan(tuple(messages), tuple(left))


def _names(word: str, parcel: Parcel) -> bool:
    address = canonical_email(word)
    return address in (canonical_email(parcel.to), *(part.pi.email for part in parcel.parts)) or any(
        part.project.id == word for part in parcel.parts
    )


def _selected(parcel: Parcel, only: Sequence[str]) -> Parcel | None:
    """The part of a parcel that was asked for."""
    addresses = {canonical_email(word) for word in only}
    if not only or canonical_email(parcel.to) in addresses:
        return parcel
    parts = tuple(
        part for part in parcel.parts if part.project.id in only or canonical_email(part.pi.email) in addresses
    )
    return replace(parcel, parts=parts) if parts else None


@dataclass(frozen=True, slots=True)
class _History:
    """What one recipient was sent: the last message about each statement, and the last one that certainly left."""

    last: dict[str, tuple[Delivery, DeliveredStatement]]
    sent: dict[str, DeliveredStatement]
    log: tuple[Delivery, ...]

    @classmethod
    def of(cls, log: Sequence[Delivery]) -> _History:
        last: dict[str, tuple[Delivery, DeliveredStatement]] = {}
        sent: dict[str, DeliveredStatement] = {}
        for delivery in log:
            for each in delivery.statements:
                last[base_of(each.number)] = delivery, each
                if delivery.state is not DeliveryState.FAILED:
                    sent[base_of(each.number)] = each
        return cls(last, sent, tuple(log))

    def open(self, part: Part) -> Delivery | None:
        """The message with exactly this content of which nobody knows whether it arrived."""
        delivery, said = self.last.get(part.base, (None, None))
        return delivery if delivery and said and delivery.open and said.content == part.content else None

    def said(self, part: Part) -> bool:
        """Whether this content is the one that was sent last."""
        said = self.sent.get(part.base)
        return said is not None and said.content == part.content and not said.withdrawn

    def has(self, part: Part) -> bool:
        """The same, and no later message about it failed."""
        delivery = self.last.get(part.base, (None, None))[0]
        failed = delivery is not None and delivery.state is DeliveryState.FAILED
        return self.said(part) and not failed


def _messages(parcel: Parcel, history: _History, there: set[str], email: EmailSettings, request: Request) -> Plan:
    """What is still to be sent to one recipient."""
    again = bool(request.why)
    fresh, open_ = [], {}
    for part in parcel.parts:
        if (left := history.open(part)) is not None:
            open_[left.id] = left
        elif request.unknown:
            continue
        elif again or not history.has(part):
            known = part.base in history.sent
            if known or email.nothing_due or not part.nothing:
                fresh.append(part)
    messages = [
        message
        for left in (open_.values() if again else ())
        if (message := _repeated(left, parcel, request)) is not None
    ]
    gone = () if request.unknown or request.only else _withdrawn(history, there)
    if fresh or gone:
        chosen = replace(parcel, parts=tuple(fresh))
        made = _message(chosen, gone, history, request, sender_domain(email))
        messages.append(replace(made, others=len(parcel.parts) - len(fresh)))
    return Plan(tuple(messages), () if again else tuple(open_.values()))


def _withdrawn(history: _History, there: set[str]) -> tuple[DeliveredStatement, ...]:
    """The statements that the recipient has and that the month no longer has."""
    return tuple(said for base, said in sorted(history.sent.items()) if base not in there and not said.withdrawn)


def _message(
    parcel: Parcel, gone: tuple[DeliveredStatement, ...], history: _History, request: Request, domain: str
) -> Message:
    numbers = {*(part.number for part in parcel.parts), *(each.number for each in gone)}
    changed = any(part.base in history.sent and not history.said(part) for part in parcel.parts)
    again = bool(request.why) and any(history.has(part) for part in parcel.parts)
    before = [each.attempt for each in history.log if {said.number for said in each.statements} & numbers]
    attempt = max(before, default=0) + 1 if again else max(before, default=1)
    version = ""
    if request.kind is DeliveryKind.DRAFT:
        # The numbers of a draft do not change with its content.
        version = "".join(part.content for part in parcel.parts) + str(request.object_by)
    words = (request.kind, *sorted(numbers), parcel.to, "copy" if parcel.copy else "", str(attempt), version)
    return Message(
        id=message_id(words, domain),
        kind=request.kind,
        parcel=parcel,
        revised=changed or bool(gone),
        withdrawn=gone,
        attempt=attempt,
        why=request.why if again else "",
        object_by=request.object_by,
    )


def _repeated(left: Delivery, parcel: Parcel, request: Request) -> Message | None:
    """The same message again, with the same id: a mail program that has got it shows it once."""
    numbers = {each.number for each in left.statements if not each.withdrawn}
    parts = tuple(part for part in parcel.parts if part.number in numbers)
    if {part.number for part in parts} != numbers:
        return None
    return Message(
        id=left.id,
        kind=left.kind,
        parcel=replace(parcel, parts=parts),
        withdrawn=tuple(each for each in left.statements if each.withdrawn),
        attempt=left.attempt,
        why=request.why,
        object_by=left.object_by,
    )


def message_id(words: Iterable[str], domain: str) -> str:
    """A Message-ID, without angle brackets: equal for equal words."""
    digest = hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:32]}@{domain}"


def sender_domain(email: EmailSettings) -> str:
    """The domain of Message-IDs: the sender's, in ASCII."""
    domain = email.sender.rpartition("@")[2] or "openchargeback.invalid"
    return ascii_domain(domain)


def ascii_domain(domain: str) -> str:
    """A domain in ASCII (RFC 5891). Raises UsageFault if it is none."""
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise UsageFault(f"{domain!r} is not the name of a mail domain; correct the address") from None
