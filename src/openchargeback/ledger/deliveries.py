"""What was emailed for a month, to whom, and what became of it (`deliveries/2025-01.yaml`).

`focus-billing send` writes an entry before it hands a message to the mail server, and again afterward. An entry that
still says `sending` when no `send` is running is one whose program was killed: whether the message arrived is unknown.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from openchargeback.ledger.declared import Key, shape_of, values_of
from openchargeback.ledger.files import DELIVERIES as FOLDER
from openchargeback.ledger.periods import MONTHS, is_period
from openchargeback.ledger.shape import Text
from openchargeback.ledger.yaml_text import flow
from openchargeback.ledger.yaml_tree import Node, Reader, parse
from openchargeback.problems import Problem

HEAD = "# What was emailed for this month, to whom, and what became of it; written by `focus-billing send`.\n"
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_DIGEST = Text(r"[0-9a-f]{16}", "16 hexadecimal digits", "Digest of the content of the statement, in quotes.")


class DeliveryKind(enum.StrEnum):
    """What a message is: the statements of a month, a draft of them, a question on held charges, or the month's bundle
    for finance.
    """

    STATEMENTS = "statements"
    DRAFT = "draft"
    QUESTION = "question"
    FINANCE = "finance"


class DeliveryState(enum.StrEnum):
    """How far a message got.

    sending: about to be handed to the server. sent: the server accepted it. failed: the server refused it, so it did
    not arrive. unknown: the connection ended before the server's answer, so it may have arrived.
    """

    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DeliveredStatement:
    """A statement in a message. withdrawn: the message says that the statement no longer holds."""

    number: Annotated[str, Text(filled=True, help="The number of the statement.")]
    project: Annotated[str, "The project of the statement."] = ""
    content: Annotated[str, _DIGEST] = ""
    withdrawn: Annotated[bool, "Whether the message withdrew this statement."] = False


LONGEST_REASON = 2000
"""The most characters of a reason to send something again."""


@dataclass(frozen=True, slots=True)
class FundChoice:
    """A fund that a question offers, with its project."""

    project: Annotated[str, "The id of the project."]
    fund: Annotated[str, "The fund that would pay."]


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report that a message could not be delivered (RFC 3464)."""

    on: Annotated[dt.date, Key("The day of the report.", write=lambda day: day)]
    status: Annotated[str, "The status code of the report, such as 5.1.1."] = ""
    reason: Annotated[str, Text(max_length=2000, help="What the receiving server said.")] = ""


def _needs(states: Sequence[DeliveryState], keys: Sequence[str]) -> dict[str, Any]:
    """A JSON Schema rule: entries in one of these states have these keys."""
    return {"if": {"properties": {"state": {"enum": [*map(str, states)]}}}, "then": {"required": [*keys]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one recipient.

    copy: why someone besides the PI gets it; empty for the PI. path, line: its place in the file.
    """

    id: Annotated[str, Text(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+", "a Message-ID", "Message-ID, without angle brackets.")]
    kind: Annotated[DeliveryKind, "What the message is."]
    to: Annotated[str, Text(filled=True, help="The recipient's address.")]
    pi: Annotated[str, "The PI whose statements or charges it is about, if there is only one."] = ""
    copy: Annotated[str, "Why someone besides the PI gets it, such as `project genomics`."] = ""
    state: Annotated[DeliveryState, "How far the message got."]
    at: Annotated[str, Text(_MOMENT, "a moment such as 2025-02-03T09:30:00Z", "When, in UTC, in quotes.")]
    attempt: Annotated[int, "1, and one more each time that a person has it sent again."] = 1
    why: Annotated[str, Text(max_length=LONGEST_REASON, help="Why a person had it sent again.")] = ""
    reply: Annotated[str, Text(max_length=2000, help="What the mail server answered, or why it did not.")] = ""
    statements: Annotated[tuple[DeliveredStatement, ...], "The statements in it."] = ()
    item: Annotated[str, "The queue item that a question is about."] = ""
    choices: Annotated[tuple[FundChoice, ...], "The funds that a question offers."] = ()
    object_by: Annotated[dt.date | None, Key("The last day to object to a draft.", write=lambda day: day)] = None
    revision: Annotated[int, "The revision of the month whose bundle was sent to finance."] = 1
    bounce: Annotated[Bounce | None, "The report that it could not be delivered."] = None
    path: str = ""
    line: int = 0

    RULES: ClassVar[dict[str, Any]] = {
        "allOf": [_needs((DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.SENT), ("reply",))]
    }

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Delivery:
        """The delivery with its place; a contradiction is recorded as a problem."""
        found = cls(**values, path=reader.path, line=node.line)
        if found.state is not DeliveryState.SENDING and not found.reply:
            message = f"`reply` is missing from a message that is {found.state}"
            reader.fault(node, "missing-key", message, "add `reply:` with what the mail server answered")
        if found.bounce and found.state is not DeliveryState.SENT:
            message = f"a message that is {found.state} cannot have bounced"
            reader.fault(node, "delivery-state", message, "remove `bounce`, or write `state: sent`")
        return found

    @property
    def open(self) -> bool:
        """Whether it may or may not have arrived, so that only a person can say what to do."""
        return self.state in (DeliveryState.SENDING, DeliveryState.UNKNOWN)

    @property
    def undelivered(self) -> bool:
        """Whether it is known not to have arrived."""
        return self.state is DeliveryState.FAILED or self.bounce is not None

    @property
    def outcome(self) -> str:
        """How far it got, in a word: `bounced` if it was sent and came back, `unknown` if only a person can tell."""
        return "bounced" if self.bounce else "unknown" if self.open else str(self.state)

    @property
    def answer(self) -> str:
        """What the server said, or the report that it came back."""
        return f"{self.bounce.status} {self.bounce.reason}".strip() if self.bounce else self.reply

    @property
    def day(self) -> dt.date:
        """The day of its last change (UTC)."""
        return dt.date.fromisoformat(self.at[:10])


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The messages of a month."""

    deliveries: Annotated[tuple[Delivery, ...], "The messages of the month, in the order in which they were sent."]

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Deliveries:
        """The messages; two of the same id are a problem."""
        seen: dict[str, Delivery] = {}
        for each in values["deliveries"]:
            if before := seen.get(each.id):
                message = f"the message {each.id} is listed twice; it is also on line {before.line}"
                fix = "keep the entry that says what became of the message"
                reader.problems.append(Problem(reader.path, "delivery-twice", message, fix, each.line))
            seen.setdefault(each.id, each)
        del node
        return cls(**values)


DELIVERIES = shape_of(Deliveries)


def deliveries_path(period: str) -> str:
    """The path in the ledger of a month's deliveries."""
    return f"{FOLDER}/{period}.yaml"


def logged_periods(root: Path) -> list[str]:
    """The months that have a log, ascending."""
    return sorted(path.stem for path in (root / FOLDER).glob("*.yaml") if is_period(path.stem))


def read_deliveries(data: bytes, path: str) -> tuple[tuple[Delivery, ...], list[Problem]]:
    """The messages in a file, and its faults."""
    root, reader = parse(data, path)
    if root is None and not reader.problems:
        fix = "restore it with Git; without it, messages would be sent twice"
        reader.problems.append(Problem(path, "empty-file", "this file is empty", fix, 1))
    found: Deliveries | None = DELIVERIES.read(root, reader) if root is not None else None
    return found.deliveries if found else (), reader.problems


def delivery_text(delivery: Delivery) -> str:
    """The lines of one message in the file."""
    values = values_of(delivery)
    statements = values.pop("statements", ())
    text = [f"{'  - ' if key == 'id' else '    '}{key}: {flow(value)}" for key, value in values.items()]
    if statements:
        text += ["    statements:", *(f"      - {flow(each)}" for each in statements)]
    return "".join(f"{line}\n" for line in text)


def deliveries_text(deliveries: Iterable[Delivery]) -> str:
    """The text of a month's file."""
    entries = [delivery_text(each) for each in deliveries]
    return HEAD + "deliveries:" + ("\n" + "".join(entries) if entries else " []\n")


def latest(deliveries: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """The last attempt at each message, for lists of what has not arrived."""
    found: dict[tuple[object, ...], Delivery] = {}
    for each in deliveries:
        numbers = tuple(statement.number for statement in each.statements)
        found[each.kind, each.to, each.item, each.object_by, each.revision, numbers] = each
    return tuple(found.values())


def last_asked(deliveries: Iterable[Delivery], item: str) -> Delivery | None:
    """The last question on an item that left."""
    found = [
        each
        for each in deliveries
        if each.kind is DeliveryKind.QUESTION and each.item == item and each.state is not DeliveryState.FAILED
    ]
    return found[-1] if found else None


def asked_words(deliveries: Iterable[Delivery], item: str) -> str:
    """Since when a question on a queue item has no answer: `asked 3 Feb, no answer`; empty if nobody was asked."""
    found = last_asked(deliveries, item)
    if found is None:
        return ""
    return f"asked {found.day.day} {MONTHS[found.day.month - 1][:3]}, no answer"


def without_place(delivery: Delivery) -> Delivery:
    """The same message, wherever it is listed."""
    return replace(delivery, path="", line=0)
