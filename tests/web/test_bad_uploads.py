"""Uploads that are too large, cut off, far too many, or meet a full disk: a reason, and nothing of them stays."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import shutil
import socket
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import office
import pytest
from office import Browser, Office

from openchargeback.web.guard import Limits
from repository import HEAD, row

FEBRUARY = (HEAD + row("10", month="2025-02")).encode()
LARGEST = 1_500_000
PART = b'--e\r\nContent-Disposition: form-data; name="files"; filename="aws.csv"\r\n\r\n'
END = b"\r\n--e--\r\n"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=e"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A served ledger with low limits, whose `main` no test changes."""
    made = office.ledger(tmp_path_factory.mktemp("narrow") / "ledger")
    made.write("config.yaml", (made.root / "config.yaml").read_text() + "limits: {charge_file_gb: 1}\n")
    made.commit(message="Limit files")
    with office.served(made.root, limits=Limits(upload=LARGEST, pause=2)) as served:
        yield served


@pytest.fixture
def rita(desk: Office) -> Iterator[Browser]:
    """A reviewer; whatever she tries, nothing of it stays."""
    browser = desk.browser("rita")
    yield browser
    for each in desk.program.imports.all():
        place = f"drafts/{each.pending.id}" if each.drafted and each.pending else f"import/{each.id}"
        browser.post(f"/web/{place}/discard")
    assert left(desk) == []


def left(desk: Office) -> list[Path]:
    """What is kept of uploads, once what was cut off has been noticed."""
    until = time.monotonic() + 20
    while (found := list(desk.program.uploads.iterdir())) and time.monotonic() < until:
        time.sleep(0.02)
    return found


@contextmanager
def connected(desk: Office, browser: Browser, *lines: str) -> Iterator[socket.socket]:
    """A connection on which an upload has begun."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    head = (
        f"POST /web/import HTTP/1.1\r\nHost: localhost:{desk.port}\r\nSec-Fetch-Site: same-origin\r\n"
        f"Cookie: {cookie}\r\nContent-Type: multipart/form-data; boundary=e\r\n"
        + "".join(f"{line}\r\n" for line in lines)
        + "\r\n"
    )
    with socket.create_connection(("127.0.0.1", desk.port), timeout=60) as connection:
        connection.sendall(head.encode())
        yield connection


def test_an_upload_that_says_it_is_too_large_is_not_read(rita: Browser) -> None:
    got = rita.send("POST", "/web/import", None, {**MULTIPART, "Content-Length": str(LARGEST + 1)})
    assert (got.status, got.text) == (413, "The request is larger than 1 MB.\n")


def test_an_upload_that_does_not_say_how_large_it_is_is_counted(desk: Office, rita: Browser) -> None:
    with connected(desk, rita, "Transfer-Encoding: chunked") as connection:
        connection.sendall(f"{len(PART):x}\r\n".encode() + PART + b"\r\n")
        with pytest.raises(ConnectionError):  # the server answers long before, and reads no more
            connection.sendall((b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 5000)
    assert desk.browser("rita").get("/web/import").status == 200


@pytest.mark.parametrize("sent", [0, 10, 100_000, 1_200_000])
def test_an_upload_that_is_cut_off_leaves_nothing(desk: Office, rita: Browser, sent: int) -> None:
    with connected(desk, rita, f"Content-Length: {LARGEST - 1}") as connection:
        connection.sendall(PART + b"x" * sent)
        time.sleep(0.1)
    assert left(desk) == []
    assert rita.get("/web/import").status == 200
    assert desk.program.imports.all() == []


def test_an_upload_that_stops_is_refused(desk: Office, rita: Browser) -> None:
    with connected(desk, rita, f"Content-Length: {LARGEST - 1}") as connection:
        connection.sendall(PART + b"x" * 1000)
        assert b" 408 " in connection.recv(100)


# Starlette does not close the file of a part without an end; Python does, since nothing refers to it.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <function SpooledTemporaryFile", "ignore::ResourceWarning")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing of a form",
        PART + FEBRUARY,
        b"--e\r\nContent-Disposition: form-data\r\n\r\nx" + END,
        b"--e\r\n" * 50,
    ],
)
def test_a_body_that_is_no_form_is_refused(rita: Browser, body: bytes) -> None:
    got = rita.send("POST", "/web/import", body, MULTIPART)
    assert got.status in (400, 422)
    assert "Send it again" in got.words or "Choose at least one file" in got.words


def test_a_form_with_too_many_files_or_fields_is_refused(rita: Browser) -> None:
    got = rita.upload("/web/import", {f"aws-{number}.csv": b"x" for number in range(101)})
    assert (got.status, "too many files" in got.words) == (400, True)
    got = rita.upload("/web/import", {"aws.csv": FEBRUARY}, **{f"f{number}": "x" for number in range(301)})
    assert (got.status, "too many fields" in got.words) == (400, True)
    got = rita.upload("/web/import", {"aws.csv": FEBRUARY}, source="x" * 10_001)
    assert got.status == 400


def bomb(ending: str) -> bytes:
    """2 GB of zeros in a megabyte or so."""
    packed = io.BytesIO()
    zeros = b"\0" * (1 << 20)
    if ending == ".csv.gz":
        # Members follow each other, so one is repeated.
        return gzip.compress(zeros * 64, 9) * 20
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(20):
            with archive.open(f"part-{number}.csv", "w") as part:
                for _ in range(64):
                    part.write(zeros)
    return packed.getvalue()


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize("ending", [".zip", ".csv.gz"])
def test_a_bomb_is_not_unpacked(desk: Office, rita: Browser, ending: str) -> None:
    got = rita.upload("/web/import", {f"aws{ending}": bomb(ending)})
    assert got.status == 303
    got = rita.follow(got.location)
    assert "1 GB (limits.charge_file_gb)" in got.words
    folder = next(desk.program.uploads.iterdir())
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < LARGEST


def test_a_thousand_uploads_at_once_are_answered_and_few_are_kept(desk: Office, rita: Browser) -> None:
    """Those that must wait are told so; the server answers other requests meanwhile."""
    cookie = "; ".join(f"{name}={value}" for name, value in rita.cookies.items())
    body = PART + FEBRUARY + END
    request = (
        f"POST /web/import HTTP/1.1\r\nHost: localhost:{desk.port}\r\nSec-Fetch-Site: same-origin\r\n"
        f"Cookie: {cookie}\r\nContent-Type: multipart/form-data; boundary=e\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode()

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
        writer.write(request)
        await asyncio.sleep(0.05)
        writer.write(body)
        answer = await reader.readline()
        writer.close()
        return int(answer.split()[1])

    async def small() -> list[int]:
        got = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
            writer.write(
                f"GET /web/health HTTP/1.1\r\nHost: localhost:{desk.port}\r\nConnection: close\r\n\r\n".encode()
            )
            got.append(int((await reader.readline()).split()[1]))
            writer.close()
        return got

    async def all_() -> tuple[list[int], list[int]]:
        *answers, healthy = await asyncio.gather(*(one() for _ in range(1000)), small())  # type: ignore[arg-type]
        return answers, healthy  # type: ignore[return-value]

    answers, healthy = asyncio.run(all_())
    counts = Counter(answers)
    assert set(counts) <= {303, 503}
    assert 1 <= counts[303] <= 10
    assert counts[503] == 1000 - counts[303]
    assert healthy == [200] * 20
    assert len(list(desk.program.uploads.iterdir())) == counts[303]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or not mount or not umount:
        pytest.skip("mounting a small disk needs root on Linux")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run([umount, "-l", str(disk)], check=True)


def lines(size: int) -> bytes:
    """Charges that do not compress well."""
    rows = [row(str(number % 97), os.urandom(40).hex(), month="2025-02") for number in range(size // 150)]
    return (HEAD + "".join(rows)).encode()


@pytest.mark.parametrize("megabytes", [6, 2])
def test_a_full_disk_is_a_reason_on_the_page(small_disk: Path, megabytes: int) -> None:
    """Full while the upload arrives, or while the change is made in the clone."""
    made = office.ledger(small_disk / "ledger")
    with office.served(made.root) as served:
        rita = served.browser("rita")
        got = rita.upload("/web/import", {"aws.csv": lines(megabytes << 20)})
        if got.status == 303:
            got = rita.follow(got.location, until="Working out")
            assert "disk" in got.words or "space" in got.words, got.words
            assert "Traceback" not in got.words
        else:
            assert (got.status, "disk refused this: no space left on device" in got.words) == (507, True)
            assert list(served.program.uploads.iterdir()) == []
        made.git("fsck", "--strict")
        assert made.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"
        # There is room again.
        for each in served.program.imports.all():
            rita.post(f"/web/import/{each.id}/discard")
        got = rita.upload("/web/import", {"aws.csv": FEBRUARY})
        assert got.status == 303, got.words
        assert "10.00 USD (1 charge)" in rita.follow(got.location, until="Working out").words
