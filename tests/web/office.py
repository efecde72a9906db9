"""A ledger in Git, served by the web program on a port of its own, and people with browsers of their own."""

from __future__ import annotations

import asyncio
import html
import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

import uvicorn
from argon2 import PasswordHasher

from openchargeback.files.branches import Identity
from openchargeback.ledger.settings import Role, WebUser
from openchargeback.ledger.web_users import with_user
from openchargeback.web.app import make_app
from openchargeback.web.guard import Limits
from openchargeback.web.program import Options, Program, Proxy
from repository import Repository, january

_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"
_HASH = _CHEAP.hash(PASSWORD)
PEOPLE = {
    "admin": WebUser(role=Role.ADMIN, email="admin@example.edu", hash=_HASH, name="Ada Admin"),
    "rita": WebUser(role=Role.REVIEWER, email="rita@example.edu", hash=_HASH, name="Rita Reviewer"),
    "rob": WebUser(role=Role.REVIEWER, email="rob@example.edu", hash=_HASH, name="Rob Reviewer"),
    "finn": WebUser(role=Role.FINANCE, email="finn@example.edu", hash=_HASH, name="Finn Finance"),
    "vera": WebUser(role=Role.VIEWER, email="vera@example.edu", hash=_HASH, name="Vera Viewer"),
    "pia": WebUser(role=Role.PI, email="ada@example.edu", hash=_HASH, name="Pia PI"),
}
"""One person for each role, and a second reviewer. The PI is one of `january`'s."""


CROOKED = """() => [...document.querySelectorAll("table")].filter(table => {
  const [heads, cells] = ["thead tr", "tbody tr"].map(row => [...(table.querySelector(row)?.children ?? [])]);
  const shown = table.checkVisibility() && heads.some(head => head.clientWidth > 1);
  const place = cell => cell.getBoundingClientRect();
  return shown && cells.length === heads.length && getComputedStyle(cells[0]).display === "table-cell"
    && cells.some((cell, at) => Math.abs(place(cell).right - place(heads[at]).right) > 1);
}).map(table => table.innerText.slice(0, 80))"""
"""Finds the tables of a page whose cells are not below their headings."""


RITA = Identity("Rita Reviewer", "rita@example.edu")
"""As whom Rita commits."""


def add_people(root: Path, people: Mapping[str, WebUser] = PEOPLE) -> None:
    """Let these people log in on this machine."""
    path = root / "config.local.yaml"
    data = path.read_bytes() if path.exists() else None
    for name, user in people.items():
        data = with_user(data, name, user)
    path.write_bytes(data or b"")


def ledger(root: Path) -> Repository:
    """`january` with people who may log in; committed on `main`."""
    made = january(root)
    made.write(".gitignore", "config.local.yaml\n.openchargeback/\npublic/\nstatements/\n")
    made.commit(message="Ignore what is this machine's")
    add_people(root)
    return made


@dataclass(frozen=True)
class Answer:
    """What a browser got from a path."""

    status: int
    headers: dict[str, str]
    data: bytes
    path: str = ""

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    @property
    def words(self) -> str:
        """The text that a page shows, without its tags."""
        shown = re.sub(r"<(script|style)\b.*?</\1>", "", self.text, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", shown)).split())

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


@dataclass
class Browser:
    """A browser without scripts: keeps cookies, sends what browsers send with their own forms and links."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    host: str = ""

    def send(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str | None] = {}) -> Answer:
        """One request, exactly; a header of None is left out."""
        whole: dict[str, str | None] = {
            "Host": self.host or f"localhost:{self.port}",
            "Sec-Fetch-Site": "same-origin",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()) or None,
            **headers,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            if body is not None and "Content-Length" not in whole:
                whole["Content-Length"] = str(len(body))
            for name, value in whole.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            got = connection.getresponse()
            data = got.read()
        finally:
            connection.close()
        for line in got.headers.get_all("set-cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
            if not value or "max-age=0" in line.lower():
                del self.cookies[name]
        return Answer(got.status, {name.lower(): value for name, value in got.headers.items()}, data, path)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, /, **fields: str) -> Answer:
        """Send a form without files."""
        return self.send(
            "POST", path, urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        )

    def upload(self, path: str, /, files: Mapping[str, bytes], field_name: str = "files", **fields: str) -> Answer:
        """Send a form with files, by the names that the browser gives them."""
        edge = "----edge"
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        for name, data in files.items():
            head = f'--{edge}\r\nContent-Disposition: form-data; name="{field_name}"; filename="{name}"\r\n'
            parts.append(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + data + b"\r\n")
        body = b"".join(parts) + f"--{edge}--\r\n".encode()
        return self.send("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={edge}"})

    def follow(self, path: str, *, seconds: float = 200, until: str = "") -> Answer:
        """A page once nothing runs any more that it waits for, or once it shows a text."""
        end = time.monotonic() + seconds
        while True:
            got = self.get(path)
            if got.status in (301, 302, 303, 307):
                path = re.sub(r"^https?://[^/]+", "", got.location)
            elif 'data-wait="' not in got.text or (until and until in got.words):
                return got
            elif time.monotonic() > end:
                raise AssertionError(f"{path} still waits: {got.words}")
            else:
                time.sleep(0.2)


@dataclass
class Office:
    """A served ledger."""

    root: Path
    port: int
    program: Program

    def browser(self, user: str = "") -> Browser:
        """A browser, in which this person is logged in."""
        made = Browser(self.port)
        if user:
            got = made.post("/web/login", user=user, password=PASSWORD)
            assert got.status == 303, got.words
        return made

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"


@contextmanager
def served(
    root: Path, *, proxy: Proxy | None = None, limits: Limits | None = None, secure: bool = False
) -> Iterator[Office]:
    """The web program of a ledger, in a thread of this process; its work runs in processes of its own.

    secure: as if a proxy in front of it spoke TLS.
    """
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    hosts = tuple(f"{name}:{port}" for name in ("localhost", "127.0.0.1"))
    app, program = make_app(root, Options(hosts=hosts, proxy=proxy, limits=limits or Limits(), secure=secure))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", server_header=False, access_log=False, proxy_headers=False)
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    try:
        # Few tests look at the portal that is built ahead; it is built when one asks for a page of it.
        with mock.patch.object(program.portals, "of"):
            thread.start()
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.01)
        yield Office(root, port, program)
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        program.stop()
