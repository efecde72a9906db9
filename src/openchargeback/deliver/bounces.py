"""Reports that a message could not be delivered (RFC 3464), matched with what was sent by its Message-ID.

Only a report counts: a message of the type `multipart/report; report-type=delivery-status` with `Action: failed`. An
answer of a vacation program, a delay, a read receipt or a message that merely quotes one of ours is no bounce.
"""

from __future__ import annotations

import datetime as dt
import mailbox
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import parsedate_to_datetime
from pathlib import Path

from openchargeback.ledger.deliveries import Bounce, Delivery, DeliveryState
from openchargeback.problems import OutsideFault, UsageFault

_LONGEST = 500
_LARGEST = 25_000_000
_ID = re.compile(r"<?([A-Za-z0-9._-]+@[A-Za-z0-9.-]+)>?")


@dataclass(frozen=True, slots=True)
class Report:
    """A report that a message of ours could not be delivered to an address."""

    id: str
    address: str
    bounce: Bounce


def read_reports(place: Path) -> tuple[list[Report], int]:
    """The reports of failed deliveries in an mbox file, an .eml file or a folder of messages; and how many others.

    Raises UsageFault if there is nothing to read, OutsideFault if it cannot be read.
    """
    found: list[Report] = []
    other = 0
    for message in _messages(place):
        reports = list(_reports(message))
        found += reports
        other += not reports
    return found, other


def _messages(place: Path) -> Iterator[Message]:
    if not place.exists():
        raise UsageFault(f"{place} does not exist; name an mbox file, an .eml file or a folder with messages")
    try:
        if place.is_file() and place.read_bytes()[:5] == b"From ":
            box = mailbox.mbox(place, create=False)
            try:
                for key in box.keys():  # noqa: SIM118 - iterating a mailbox gives its messages, parsed its own way
                    yield message_from_bytes(box.get_bytes(key), policy=compat32)
            finally:
                box.close()
            return
        files = [place] if place.is_file() else sorted(each for each in place.rglob("*") if each.is_file())
        for file in files:
            if file.stat().st_size <= _LARGEST and not file.name.startswith("."):
                yield message_from_bytes(file.read_bytes(), policy=compat32)
    except OSError as error:
        raise OutsideFault(
            f"{error.filename or place} cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error


def _reports(message: Message) -> Iterator[Report]:
    """The failed recipients that a message reports, if it is a report on a message with an id."""
    kind = str(message.get_param("report-type", "")).lower()
    if message.get_content_type() != "multipart/report" or kind != "delivery-status":
        return
    status = next((part for part in message.walk() if part.get_content_type() == "message/delivery-status"), None)
    id_ = _original_id(message)
    if status is None or not id_:
        return
    on = _day(message)
    for fields in _groups(status):
        if str(fields.get("Action", "")).strip().lower().split(" ")[0] != "failed":
            continue
        address = _typed(fields.get("Final-Recipient") or fields.get("Original-Recipient"))
        reason = _typed(fields.get("Diagnostic-Code"))
        code = str(fields.get("Status", "")).split("(")[0].strip()
        yield Report(id_, address, Bounce(on, code[:20], reason[:_LONGEST]))


def _groups(status: Message) -> Iterator[Message]:
    """The groups of fields of a report: the first is about the message, each other one about a recipient."""
    parts = status.get_payload()
    if isinstance(parts, list):
        yield from (part for part in parts if isinstance(part, Message) and part.get("Action"))
        return
    text = status.get_payload(decode=True)
    for block in re.split(rb"\r?\n[ \t]*\r?\n", text if isinstance(text, bytes) else b""):
        fields = message_from_bytes(block.strip() + b"\r\n\r\n", policy=compat32)
        if fields.get("Action"):
            yield fields


def _original_id(message: Message) -> str:
    """The Message-ID of the message that a report returns, whole or only its headers (RFC 3462)."""
    for part in message.walk():
        if part.get_content_type() == "text/rfc822-headers":
            data = part.get_payload(decode=True)
            headers: Message = BytesHeaderParser(policy=compat32).parsebytes(data if isinstance(data, bytes) else b"")
        elif part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            headers = inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], Message) else Message()
        else:
            continue
        if found := _ID.search(str(headers.get("Message-ID", ""))):
            return found[1]
    return ""


def _typed(field: object) -> str:
    """The value of a field such as `rfc822; ada@example.edu`, on one line."""
    text = " ".join(str(field or "").split())
    return text.partition(";")[2].strip() or text


def _day(message: Message) -> dt.date:
    """The day of a report: of its Date, in UTC."""
    try:
        moment = parsedate_to_datetime(str(message.get("Date", "")))
    except (ValueError, TypeError):
        return dt.datetime.now(dt.UTC).date()
    return (moment.astimezone(dt.UTC) if moment.tzinfo else moment).date()


def bounced(logs: Mapping[str, Iterable[Delivery]], reports: Iterable[Report]) -> dict[str, list[Delivery]]:
    """What reports say about messages of ours: by period, the entries that change.

    A message that was of unknown fate and came back has been sent. A report on one that is noted already changes
    nothing.
    """
    known = {each.id: (period, each) for period, deliveries in logs.items() for each in deliveries}
    changed: dict[str, dict[str, Delivery]] = {}
    for report in reports:
        period, delivery = known.get(report.id, ("", None))
        if delivery is None or delivery.bounce is not None or delivery.state is DeliveryState.FAILED:
            continue
        reply = delivery.reply if delivery.state is DeliveryState.SENT else "the report that it came back"
        entry = replace(delivery, state=DeliveryState.SENT, reply=reply, bounce=report.bounce)
        changed.setdefault(period, {}).setdefault(report.id, entry)
    return {period: [*entries.values()] for period, entries in changed.items()}
