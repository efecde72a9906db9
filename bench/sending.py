"""The cost of sending with a log, compared with smtplib alone for the same bytes."""

from __future__ import annotations

import json
import resource
import smtplib
import socket
import sys
import tempfile
import threading
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Self

from measuring import ROOT, alternately, process, report
from openchargeback.deliver.clock import Clock
from openchargeback.deliver.log import Log
from openchargeback.deliver.mime import Attachment, Content, message_bytes
from openchargeback.deliver.sending import Prepared, Run
from openchargeback.deliver.transport import MailServer
from openchargeback.ledger.deliveries import DeliveredStatement, Delivery, DeliveryKind, DeliveryState
from openchargeback.ledger.settings import EmailSettings, Mail

MESSAGES = 500
PDF = 60_000
"""About what a statement of one sheet has, with its fonts and data, in bytes."""


def measure() -> None:
    """Print the time to send 500 messages with PDFs relative to smtplib, and the memory for more of them."""
    with tempfile.TemporaryDirectory(dir=ROOT) as name, _Sink() as sink:
        folder = Path(name)
        messages = _messages(folder, MESSAGES)
        ours, alone = alternately(lambda: _send(folder, messages, sink.port), lambda: _smtplib(messages, sink.port))
        report("500 emails with PDFs / smtplib", ours / alone, 1.2, f"{ours:.2f} s / {alone:.2f} s")
        few, many = (_memory(folder, count, sink.port) for count in (100, MESSAGES))
        report("memory for 500 emails / for 100", many / few, 1.05, f"{many:.0f} MB / {few:.0f} MB")


def _messages(folder: Path, count: int) -> list[Prepared]:
    """Messages as `send` prepares them, with a PDF's worth of bytes that do not compress."""
    found = []
    for number in range(count):
        to = f"pi{number:04}@example.edu"
        statement = DeliveredStatement(f"2025-01-{number:010x}", f"project-{number}", f"{number:016x}")
        delivery = Delivery(
            id=f"{number:032x}@example.edu", kind=DeliveryKind.STATEMENTS, to=to, pi=to, state=DeliveryState.SENDING,
            at="", statements=(statement,),
        )  # fmt: skip
        pdf = Attachment(f"{statement.number}.pdf", Random(number).randbytes(PDF))  # noqa: S311 - no secret
        content = Content(
            id=delivery.id, sender="rc@example.edu", sender_name="RC", to=to, name="", reply_to="", subject="January",
            text="Amount due\n" * 40, html="<p>Amount due</p>\n" * 200, attachments=(pdf,),
        )  # fmt: skip
        file = folder / f"{number:06}.eml"
        file.write_bytes(message_bytes(content))
        found.append(Prepared(delivery, file))
    return found


def _send(folder: Path, messages: list[Prepared], port: int) -> None:
    (folder / "deliveries/2025-01.yaml").unlink(missing_ok=True)
    email = EmailSettings(host="127.0.0.1", port=port, security="none", sender="rc@example.edu", throttle=0)
    outcome = Run(Log(folder, "2025-01"), MailServer(email, Mail(), {}), throttle=0, clock=Clock()).send(messages)
    if len(outcome.sent) != len(messages):
        raise SystemExit("not every message was sent")


def _smtplib(messages: list[Prepared], port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for each in messages:
            smtp.sendmail("rc@example.edu", each.delivery.to, each.file.read_bytes())


def _memory(folder: Path, count: int, port: int) -> float:
    """Megabytes of a process that sends so many of the messages."""
    return process([sys.executable, __file__, str(folder), str(count), str(port)]).memory


class _Sink:
    """A server that answers every command at once and keeps nothing."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._process = get_context("fork").Process(target=_serve, args=(self._listener,), daemon=True)
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._process.terminate()


def _serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_talk, args=(connection,), daemon=True).start()


def _talk(connection: socket.socket) -> None:
    with connection, connection.makefile("rb", buffering=1 << 16) as lines:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"220 sink\r\n")
        for line in lines:
            word = line[:4].upper()
            if word == b"DATA":
                connection.sendall(b"354 go\r\n")
                for body in lines:
                    if body == b".\r\n":
                        break
            connection.sendall(b"221 bye\r\n" if word == b"QUIT" else b"250 OK\r\n")
            if word == b"QUIT":
                return


if __name__ == "__main__":
    place, wanted, at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    ready = [
        Prepared(
            Delivery(id=f"{n:032x}@example.edu", kind=DeliveryKind.STATEMENTS, to=f"pi{n:04}@example.edu",
                     state=DeliveryState.SENDING, at=""),
            place / f"{n:06}.eml",
        )
        for n in range(wanted)
    ]  # fmt: skip
    _send(place, ready, at)
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
