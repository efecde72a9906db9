"""The mail server: one connection for many messages, and what became of each.

A message is lost or not only at one point: after the dot that ends it and before the server's answer (RFC 5321, 6.1).
Before the dot, nothing was accepted; after the answer, everything is known.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from openchargeback.deliver.commands import password_of, token_of, uses_token
from openchargeback.deliver.mime import envelope_address, needs_utf8
from openchargeback.deliver.parcels import sender_domain
from openchargeback.ledger.settings import EmailSettings, Mail
from openchargeback.problems import OutsideFault

_LONGEST_REPLY = 500
_NO_ANSWER = -1
"""What smtplib returns as the code of a line that is no answer."""


class Refused(Exception):
    """The server did not accept a message. lasting: whether trying again is pointless."""

    def __init__(self, reply: str, *, lasting: bool) -> None:
        super().__init__(reply)
        self.reply, self.lasting = reply, lasting


class Unreachable(Refused):
    """There is no connection, so no other message would be accepted now either."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply, lasting=False)


class Unanswered(Exception):
    """The server has the whole message, and did not say whether it accepted it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transport(Protocol):
    """Where messages go."""

    def connect(self) -> None:
        """Be ready to send. Raises OutsideFault if that needs a person, Unreachable if it may work later."""

    def send(self, to: str, message: bytes, ready: Callable[[], None]) -> str:
        """Send one message; the server's answer. Raises Refused or Unanswered.

        ready: called before the end of the message leaves. If it raises, the message must not be sent.
        """

    def close(self) -> None:
        """End the connection."""


@dataclass(slots=True)
class MailServer:
    """A mail server. context: how certificates are verified; by default by the system's authorities."""

    email: EmailSettings
    mail: Mail
    environment: Mapping[str, str]
    context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    _smtp: smtplib.SMTP | None = field(default=None, init=False)

    def connect(self) -> None:
        """Connect, encrypt and log in."""
        if self._smtp is not None:
            return
        email = self.email
        place = f"{email.host}:{email.own_port}"
        try:
            smtp = self._open()
            try:
                self._log_in(smtp)
            except BaseException:
                smtp.close()
                raise
        except ssl.SSLCertVerificationError as error:
            raise OutsideFault(
                f"{place} presented a certificate that is not valid for {email.host}: "
                f"{error.verify_message.rstrip('.').lower()}; check `email.host`, or have the certificate renewed"
            ) from error
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise Unreachable(f"{place} ended the connection while it was being encrypted") from error
        except ssl.SSLError as error:
            other = "security: starttls" if email.security == "tls" else "security: tls"
            raise OutsideFault(f"{place} does not speak TLS as expected; write `{other}`, or another `port`") from error
        except smtplib.SMTPNotSupportedError as error:
            raise OutsideFault(_unsupported(place, error)) from error
        except smtplib.SMTPAuthenticationError as error:
            raise OutsideFault(auth_words(place, email.user, error.smtp_code, _text(error.smtp_error))) from error
        except smtplib.SMTPResponseException as error:
            reply = _reply(error.smtp_code, error.smtp_error)
            if error.smtp_code < 500 or error.smtp_code == _NO_ANSWER:
                raise Unreachable(f"{place} answered {reply}") from error
            reply = _with_hint(error.smtp_code, error.smtp_error)
            raise OutsideFault(f"{place} refused the connection: {reply}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise Unreachable(f"{place} cannot be reached: {_reason(error)}") from error
        self._smtp = smtp

    def _open(self) -> smtplib.SMTP:
        email, name = self.email, sender_domain(self.email)
        if email.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                email.host, email.own_port, name, timeout=email.timeout, context=self.context()
            )
        else:
            smtp = smtplib.SMTP(email.host, email.own_port, name, timeout=email.timeout)
        if smtp.sock is not None:
            # The end of a message is a packet of its own, which must not wait for an acknowledgment.
            with suppress(OSError):
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return smtp

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if self.email.security == "starttls":
            code, answer = smtp.starttls(context=self.context())
            if code != 220:
                raise smtplib.SMTPResponseException(code, answer)
            smtp.ehlo_or_helo_if_needed()
        if not self.email.user:
            return
        if uses_token(self.mail, self.environment):
            token = token_of(self.mail, self.environment)
            first = f"user={self.email.user}\1auth=Bearer {token}\1\1"
            # The server explains a refusal in a challenge, which is answered with nothing.
            smtp.auth("XOAUTH2", lambda challenge=None: "" if challenge else first, initial_response_ok=True)
        else:
            smtp.login(self.email.user, password_of(self.mail, self.environment))

    def send(self, to: str, message: bytes, ready: Callable[[], None]) -> str:
        """The dialogue for one message, once more on a new connection if the server had ended the old one."""
        for last in (False, True):
            fresh = self._smtp is None
            self.connect()
            smtp = self._smtp
            if smtp is None:
                raise Unreachable("there is no connection")
            try:
                return self._dialogue(smtp, to, message, ready)
            except _Gone as gone:
                self._drop()
                if fresh or last:
                    raise Unreachable(gone.reason) from gone
            except Unanswered:
                self._drop()
                raise
        raise Unreachable("there is no connection")

    def _dialogue(self, smtp: smtplib.SMTP, to: str, message: bytes, ready: Callable[[], None]) -> str:
        options = []
        if smtp.has_extn("size"):
            most = smtp.esmtp_features.get("size", "")
            if most.isdigit() and 0 < int(most) < len(message):
                raise Refused(
                    f"the message has {len(message):,} bytes, and the server takes {int(most):,}", lasting=True
                )
            options.append(f"size={len(message)}")
        # Only an address puts letters beyond ASCII into the head, such as the one for answers.
        head = message[: message.find(b"\r\n\r\n")]
        if needs_utf8(to) or needs_utf8(self.email.sender) or not head.isascii():
            if not smtp.has_extn("smtputf8"):
                raise Refused(
                    "the mail server cannot send to addresses with letters beyond ASCII before the @", lasting=True
                )
            options += ["SMTPUTF8", "BODY=8BITMIME"]
            smtp.command_encoding = "utf-8"
        try:
            try:
                self._expect(smtp, smtp.mail(envelope_address(self.email.sender), options))
                self._expect(smtp, smtp.rcpt(envelope_address(to)))
                smtp.putcmd("data")
                self._expect(smtp, smtp.getreply(), 354)
                _socket(smtp).sendall(_stuffed(message))
            finally:
                smtp.command_encoding = "ascii"
        except smtplib.SMTPServerDisconnected as error:
            raise _Gone("the server ended the connection before it had the message") from error
        except (OSError, smtplib.SMTPException) as error:
            raise _Gone(f"the connection failed before the server had the message: {_reason(error)}") from error
        try:
            ready()
        except BaseException:
            # Without its end, the server discards the message (RFC 5321, 4.1.1.4).
            self._drop()
            raise
        try:
            _socket(smtp).sendall(b".\r\n")
            code, answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Unanswered(f"the server had the whole message and did not answer: {_reason(error)}") from error
        if code == _NO_ANSWER:
            raise Unanswered("the server had the whole message and did not answer")
        if code != 250:
            if code == 421:
                self._drop()
            raise Refused(_with_hint(code, answer), lasting=code >= 500)
        return _reply(code, answer)

    def _expect(self, smtp: smtplib.SMTP, answered: tuple[int, bytes], wanted: int = 250) -> None:
        code, answer = answered
        if code == wanted or (wanted == 250 and code == 251):
            return
        if code in {421, _NO_ANSWER}:
            raise _Gone(f"the server closed the connection: {_reply(code, answer)}")
        with suppress(OSError, smtplib.SMTPException):
            smtp.rset()
        raise Refused(_with_hint(code, answer), lasting=code >= 500 or code < 400)

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def close(self) -> None:
        """Say goodbye."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
            self._drop()


class _Gone(Exception):
    """The connection ended before the server had the whole message."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _socket(smtp: smtplib.SMTP) -> socket.socket:
    if smtp.sock is None:
        raise smtplib.SMTPServerDisconnected("there is no connection")
    return smtp.sock


def _stuffed(message: bytes) -> bytes:
    """The message with a second dot before each line that starts with one (RFC 5321, 4.5.2)."""
    text = message.replace(b"\r\n.", b"\r\n..")
    return text if text.endswith(b"\r\n") else text + b"\r\n"


def _text(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_LONGEST_REPLY]


def _reply(code: int, answer: bytes | str) -> str:
    return f"{code} {_text(answer)}".strip()


def _with_hint(code: int, answer: bytes | str) -> str:
    """An answer, and the fix if its cause is known."""
    hint = hint_of(code, _text(answer))
    return _reply(code, answer) + (f"; {hint}" if hint else "")


def _reason(error: BaseException) -> str:
    # smtplib reports a timeout as a connection that the server closed.
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "it did not answer in time"
    if isinstance(error, socket.gaierror):
        return "there is no server of this name"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "it closed the connection"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".").lower()


def _unsupported(place: str, error: smtplib.SMTPNotSupportedError) -> str:
    if "STARTTLS" in str(error):
        return f"{place} does not offer encryption (STARTTLS); use another `port` or `security: tls`"
    return f"{place} offers no login; remove `email.user`, or use the port for submission (587 or 465)"


def auth_words(place: str, user: str, code: int, text: str) -> str:
    """Why a login failed, and the fix."""
    return f"{place} refused the login of {user}: {_reply(code, text)}; {hint_of(code, text) or _CHECK_LOGIN}"


_CHECK_LOGIN = "check `email.user` and its password or token (docs/EMAIL.md)"
_NO_PASSWORDS = "takes no passwords: set `email.token_command` (docs/EMAIL.md, “{}”), or use a relay"
_HINTS = (
    (
        r"5\.7\.30\b|basic authentication is (not supported|disabled)",
        f"Microsoft 365 {_NO_PASSWORDS.format('Microsoft 365')}",
    ),
    (
        r"5\.7\.139\b|SmtpClientAuthentication is disabled",
        "enable “Authenticated SMTP” for this mailbox (docs/EMAIL.md, “Microsoft 365”)",
    ),
    (
        r"5\.7\.(8|9|14)\b.*(google|gmail|gsmtp)|application-specific password",
        f"Google {_NO_PASSWORDS.format('Google')}",
    ),
    (
        r"5\.7\.60\b|SendAsDenied|not allowed to send as",
        "give the account the right to send as `email.from`, or set `email.from` to its address",
    ),
    (r"5\.7\.3\b|authentication unsuccessful", _CHECK_LOGIN),
    (r"5\.7\.0\b.*tls|must issue a starttls", "write `security: starttls`"),
    (
        r"\brelay(ing)? (access )?denied|5\.7\.1\b.*relay|5\.7\.64\b",
        "the relay must accept this machine and `email.from` (docs/EMAIL.md, “A relay”)",
    ),
)
"""What servers answer, and the fix. Codes: RFC 3463 and Microsoft's and Google's lists of SMTP errors."""


def hint_of(code: int, text: str) -> str:
    """The fix for an answer whose cause is known; empty for others."""
    found = next((hint for pattern, hint in _HINTS if re.search(pattern, text, re.IGNORECASE)), "")
    return found or (_CHECK_LOGIN if code in (530, 534, 535) else "")
