# ruff: noqa: ARG002, N802 - aiosmtpd names the methods and their arguments
"""A real mail server (aiosmtpd) that can misbehave at every step, and a ledger whose month can be sent."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from openchargeback.deliver.clock import Clock
from openchargeback.deliver.statements import Office
from openchargeback.ledger.settings import EmailSettings, Mail
from repository import Repository, january

BY = ("--on", "2025-02-05", "--by", "admin@example.edu")
START = dt.datetime(2025, 2, 6, 9, 0, tzinfo=dt.UTC)

Answer = Callable[[str, str], str | None]
"""Called with a step (`MAIL`, `RCPT`, `DATA`) and the address: an answer, `drop`, or None for the usual one."""


@dataclass
class Host:
    """The server's memory. answer: what it says. delay: seconds before the answer `keep and wait`."""

    answer: Answer = lambda _step, _address: None
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    on_data: Callable[[], None] | None = None
    delay: float = 0

    def _say(self, server: Any, step: str, address: str) -> str | None:
        self.commands.append(f"{step} {address}")
        said = self.answer(step, address)
        if said == "drop":
            server.transport.abort()
            return "421 gone"
        return said

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if said := self._say(server, "MAIL", address):
            return said
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if said := self._say(server, "RCPT", address):
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        address = envelope.rcpt_tos[0]
        said = self._say(server, "DATA", address)
        if said is None or said.startswith("keep"):
            self.messages.append((address, envelope.original_content))
            if self.on_data:
                self.on_data()
        if said == "keep and drop":
            server.transport.abort()
        if said == "keep and wait":
            await asyncio.sleep(self.delay)
            said = None
        return said or f"250 2.0.0 Ok: queued as {len(self.messages):05X}"


class _OnFreePort(Controller):
    """aiosmtpd 1.4.6 tests a new server by connecting to the port it was given, which is 0 here."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr, attr-defined]
        super()._trigger_server()


@contextmanager
def mail_host(host: Host | None = None, *, tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[Host]:
    """A server on a free port. tls: encrypted from the start; options: as aiosmtpd's."""
    host = host or Host()
    controller = _OnFreePort(host, hostname="127.0.0.1", port=0, ssl_context=tls, **options)
    controller.start()
    try:
        host.port = controller.port
        yield host
    finally:
        controller.stop()


@dataclass
class Hands:
    """A clock that moves only when someone waits, and remembers it."""

    now: dt.datetime = START
    waited: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += dt.timedelta(seconds=seconds)

    def elapsed(self) -> float:
        return (self.now - START).total_seconds()

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, elapsed=self.elapsed, sleep=self.sleep)


def office(hands: Hands | None = None, **more: Any) -> Office:
    """Sending without waiting."""
    return Office(environment={}, clock=(hands or Hands()).clock, **more)


def settings(port: int, **more: Any) -> EmailSettings:
    """The settings for a server without encryption on this machine."""
    known = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "billing@example.edu", "throttle": 0}
    return EmailSettings(**{**known, "timeout": 5, **more})


def email_text(port: int, **more: str) -> str:
    """The same as `config.yaml` has it, on one line."""
    known = {"host": "127.0.0.1", "port": str(port), "security": "none", "from": "billing@example.edu", "throttle": "0"}
    return f"email: {{{', '.join(f'{key}: {value}' for key, value in {**known, **more}.items())}}}\n"


NO_MAIL = Mail()


def closed(root: Path, more: str = "") -> Repository:
    """January, closed and committed. more: of its settings."""
    made = january(root)
    made.write("config.yaml", (root / "config.yaml").read_text() + more)
    made.commit()
    made.run("periods", "close", "2025-01", *BY)
    made.commit()
    return made


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate of its own authority for this name, and its key."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [*("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
         *("-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}"),
         *("-addext", f"subjectAltName=DNS:{name}")],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key
