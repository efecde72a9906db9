"""Messages as bytes: the same for the same content, so that a message sent again is the same message.

A message is kept without its Date, which is put in front when it is sent (RFC 5322, 3.6.1).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from openchargeback.characters import MISLEADING
from openchargeback.deliver.parcels import ascii_domain
from openchargeback.ledger.settings import EMAIL_ADDRESS
from openchargeback.problems import UsageFault

LOGO_ID = "logo@openchargeback"
ENCODED = 1.37
"""By how much Base64 with its line ends lengthens an attachment."""
_LONGEST_ADDRESS = 254
_UNSAFE = re.compile(r"[\x00-\x20\x7f()<>\[\]:;\\,\"]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that comes with a message."""

    name: str
    content: bytes
    kind: str = "application/pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything of a message but its Date. id: without angle brackets. logo: a PNG, or None."""

    id: str
    sender: str
    sender_name: str
    to: str
    name: str
    reply_to: str
    subject: str
    text: str
    html: str
    logo: bytes | None = None
    attachments: Sequence[Attachment] = ()
    answers: bool = False


def address_fault(address: str) -> str:
    """Why no mail can go to an address, without a period; empty if it can."""
    if any(char in MISLEADING or not char.isprintable() for char in address):
        return "the address has a line break or another control character"
    local, _, domain = address.rpartition("@")
    if not re.fullmatch(EMAIL_ADDRESS, address) or _UNSAFE.search(address) or not local or local.count("@"):
        return "this is not an email address"
    if len(address) > _LONGEST_ADDRESS:
        return f"the address is longer than {_LONGEST_ADDRESS} characters"
    try:
        ascii_domain(domain)
    except UsageFault:
        return "the part after the @ is not the name of a mail domain"
    return ""


def envelope_address(address: str) -> str:
    """An address for the mail server: its domain in ASCII. The part before the @ may need SMTPUTF8 (RFC 6531)."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


def needs_utf8(address: str) -> bool:
    """Whether an address has letters before the @ that only servers with SMTPUTF8 accept."""
    return not address.rpartition("@")[0].isascii()


def message_bytes(content: Content) -> bytes:
    """The message without its Date, with CR LF at the end of each line."""
    policy = SMTPUTF8 if any(map(needs_utf8, (content.to, content.sender, content.reply_to))) else SMTP
    message = EmailMessage(policy)
    message["From"] = _address(content.sender, content.sender_name)
    message["To"] = _address(content.to, content.name)
    if content.reply_to:
        message["Reply-To"] = _address(content.reply_to, "")
    message["Subject"] = content.subject
    message["Message-ID"] = f"<{content.id}>"
    if not content.answers:
        # RFC 3834: vacation programs do not answer.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    message.set_content(content.text, cte="quoted-printable")
    message.add_alternative(content.html, subtype="html", cte="quoted-printable")
    if content.logo is not None:
        html = message.get_payload(1)
        assert isinstance(html, EmailMessage)  # noqa: S101 - it was added two lines above
        html.add_related(content.logo, "image", "png", cid=f"<{LOGO_ID}>", disposition="inline", filename="logo.png")
    for each in content.attachments:
        main, _, sub = each.kind.partition("/")
        message.add_attachment(each.content, main, sub, filename=each.name)
    _set_boundaries(message, content.id.partition("@")[0])
    return message.as_bytes()


def _set_boundaries(message: EmailMessage, id_: str) -> None:
    """Boundaries from the Message-ID: by default they are random. None of our encodings can contain them."""
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{id_}_{number}")


def _address(address: str, name: str) -> Address:
    local, _, domain = address.rpartition("@")
    # A quoted name may have any character, but no line break, which `shown` has removed.
    return Address(display_name="" if name == address else name, username=local, domain=ascii_domain(domain))


def dated(message: bytes, moment: dt.datetime) -> bytes:
    """The message with its Date in front."""
    return f"Date: {format_datetime(moment.astimezone(dt.UTC))}\r\n".encode() + message
