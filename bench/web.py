"""The cost of serving pages behind a login, compared with Starlette serving the same files to anyone."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from measuring import ROOT, report
from openchargeback.ledger.settings import Role, WebUser
from openchargeback.ledger.web_users import with_user
from openchargeback.web.people import hash_of

PASSWORD = "only for measuring"  # noqa: S105 - of a ledger that is removed afterwards
PAGES, PEOPLE, CLICKS, ROUNDS = 1000, 50, 20, 5
_HEAD = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def measure() -> None:
    """Print the time of a page, the latency under load, and how soon pages show a change."""
    with tempfile.TemporaryDirectory(dir=ROOT) as name:
        ledger = Path(name) / "ledger"
        shutil.copytree(ROOT / "ledger", ledger, ignore=shutil.ignore_patterns(".openchargeback", "config.local.yaml"))
        people = {f"person{number}": f"person{number}@example.edu" for number in range(PEOPLE)}
        hash_, data = hash_of(PASSWORD), None
        for user, email in people.items():
            data = with_user(data, user, WebUser(role=Role.VIEWER, email=email, hash=hash_))
        (ledger / "config.local.yaml").write_bytes(data or b"")
        with _ours(ledger) as port:
            cookies = [_login(port, user) for user in people]
            _wait_for_build(port, cookies[0])
            with _starlette(ledger / ".openchargeback/web/portals/internal") as other:
                asyncio.run(_compare(port, other, cookies))
            print(f"{'a changed name is on the pages after':<60} {_until_shown(ledger, port, cookies[0]):.2f} s")


async def _compare(port: int, other: int, cookies: list[str]) -> None:
    ours, alone = [], []
    for _ in range(ROUNDS):
        ours.append(await _pages(port, cookies[0]))
        alone.append(await _pages(other, ""))
    one, two = statistics.median(ours), statistics.median(alone)
    report("a page / Starlette alone", one / two, 1.2, f"{one * 1e6:.0f} µs / {two * 1e6:.0f} µs")
    late, late_alone = [], []
    for _ in range(ROUNDS):
        late.append(await _crowd(port, cookies))
        late_alone.append(await _crowd(other, [""] * PEOPLE))
    one, two = statistics.median(late), statistics.median(late_alone)
    report(f"p99 with {PEOPLE} people / Starlette alone", one / two, 3, f"{one * 1e3:.0f} ms / {two * 1e3:.0f} ms")


async def _pages(port: int, cookie: str) -> float:
    """Seconds for a page, on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    for _ in range(PAGES):
        await _get(reader, writer, port, cookie)
    took = time.perf_counter() - began
    writer.close()
    return took / PAGES


async def _crowd(port: int, cookies: list[str]) -> float:
    """The 99th percentile of the seconds for a page, when everyone clicks at the same time; none may be lost."""
    waits: list[float] = []

    async def person(cookie: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(CLICKS):
            began = time.perf_counter()
            await _get(reader, writer, port, cookie)
            waits.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*map(person, cookies))
    if len(waits) != len(cookies) * CLICKS:
        raise SystemExit("a request was lost")
    return statistics.quantiles(waits, n=100)[98]


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, cookie: str) -> bytes:
    sent = f"Cookie: openchargeback={cookie}\r\n" if cookie else ""
    writer.write(f"GET /index.html HTTP/1.1\r\nHost: localhost:{port}\r\n{sent}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    found = _HEAD.search(head)
    if not head.startswith(b"HTTP/1.1 200") or found is None:
        raise SystemExit(f"not answered: {head[:100]!r}")
    return await reader.readexactly(int(found[1]))


@contextmanager
def _ours(ledger: Path) -> Iterator[int]:
    port = _free_port()
    program = str(Path(sys.executable).with_name("focus-billing"))
    command = [program, "web", "--ledger", str(ledger), "--port", str(port)]
    with _running(command, port):
        yield port


@contextmanager
def _starlette(folder: Path) -> Iterator[int]:
    port = _free_port()
    code = (
        "import uvicorn; from starlette.applications import Starlette; from starlette.routing import Mount; "
        "from starlette.staticfiles import StaticFiles; "
        f"uvicorn.run(Starlette(routes=[Mount('/', StaticFiles(directory={str(folder)!r}))]), port={port}, "
        "log_level='warning', access_log=False)"
    )
    with _running([sys.executable, "-c", code], port):
        yield port


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ}) as process:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    if process.poll() is not None:
                        raise SystemExit("the server did not start") from None
                    time.sleep(0.05)
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _request(port: int, text: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(text.encode())
        got = b""
        while block := connection.recv(1 << 16):
            got += block
        return got.decode("utf-8", "replace")


def _login(port: int, user: str) -> str:
    form = urlencode({"user": user, "password": PASSWORD})
    kind = "application/x-www-form-urlencoded"
    head = f"POST /web/login HTTP/1.1\r\nHost: localhost:{port}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n"
    got = _request(port, f"{head}Content-Type: {kind}\r\nContent-Length: {len(form)}\r\n\r\n{form}")
    found = re.search(r"openchargeback=([^;]+);", got)
    if found is None:
        raise SystemExit("the login failed")
    return found[1]


def _state(port: int, cookie: str) -> dict[str, object]:
    head = (
        f"GET /web/state.js HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\nCookie: openchargeback={cookie}"
    )
    text = _request(port, f"{head}\r\n\r\n")
    return dict(json.loads(text[text.index("({") + 1 : text.rindex(")")]))


def _wait_for_build(port: int, cookie: str) -> None:
    while not (state := _state(port, cookie))["build"] or state["building"]:
        time.sleep(0.1)


def _until_shown(ledger: Path, port: int, cookie: str) -> float:
    """Seconds from a change of one small file until the pages show it; the median of several."""
    path = ledger / "directory/people.yaml"
    text = path.read_text("utf-8")
    took = []
    for number in range(ROUNDS):
        before = _state(port, cookie)["build"]
        began = time.perf_counter()
        path.write_text(text.replace("Ada Okafor", f"Ada {'ABCDEFGH'[number]}. Okafor"), "utf-8")
        while _state(port, cookie)["build"] == before:
            time.sleep(0.02)
        took.append(time.perf_counter() - began)
        _wait_for_build(port, cookie)
    return statistics.median(took)
