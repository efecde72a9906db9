"""A server that is killed while it commits an import: the repository stays whole, and the next server goes on."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import office
import pytest
from office import Browser

from repository import HEAD, row

pytestmark = pytest.mark.slow

FEBRUARY = (HEAD + row("10", month="2025-02")).encode()

# Stands in for Git, and at the wanted call kills the server's whole process group: before Git runs, while, or after.
GIT = """#!/bin/sh
if [ -e "$KILL_ARMED" ]; then
  case " $* " in
    *" $KILL_AT "*)
      [ "$KILL_WHEN" = after ] && "$KILL_GIT" "$@" >/dev/null 2>&1
      [ "$KILL_WHEN" = during ] && { "$KILL_GIT" "$@" >/dev/null 2>&1 & }
      kill -9 0 ;;
  esac
fi
exec "$KILL_GIT" "$@"
"""


@contextmanager
def running(root: Path, environment: dict[str, str]) -> Iterator[tuple[Browser, subprocess.Popen[bytes]]]:
    """`focus-billing web` as people start it, in a process group of its own; a reviewer is logged in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "-c",
        "from openchargeback.cli.main import main; main()",
        "web",
        "--ledger",
        str(root),
        "--port",
        str(port),
    ]
    process = subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, **environment},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        browser = Browser(port)
        until = time.monotonic() + 120
        while True:
            with suppress(OSError):
                if browser.get("/web/health").status == 200:
                    break
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        assert browser.post("/web/login", user="rita", password=office.PASSWORD).status == 303
        yield browser, process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def drafted(browser: Browser) -> str:
    """Upload a file; gives the address of its draft."""
    got = browser.upload("/web/import", {"aws.csv": FEBRUARY})
    assert got.status == 303, got.words
    page = browser.follow(got.location, until="Working out")
    assert page.path.startswith("/web/drafts/"), page.words
    return page.path


@pytest.mark.parametrize(
    ("at", "when", "there"),
    [
        ("fetch", "before", False),
        ("fetch", "during", False),
        ("fetch", "after", False),
        ("refs/heads/import/aws-2025-02", "before", False),
        ("refs/heads/import/aws-2025-02", "during", None),
        ("refs/heads/import/aws-2025-02", "after", True),
        ("update-ref -d", "before", True),
        ("update-ref -d", "after", True),
    ],
)
def test_the_branch_is_there_as_a_whole_or_not_at_all(tmp_path: Path, at: str, when: str, there: bool | None) -> None:
    made = office.ledger(tmp_path / "ledger")
    head, index = made.git("rev-parse", "HEAD"), (made.root / ".git/index").read_bytes()
    programs, armed = tmp_path / "bin", tmp_path / "armed"
    programs.mkdir()
    git = shutil.which("git")
    assert git
    (programs / "git").write_text(GIT, encoding="utf-8")
    (programs / "git").chmod(0o755)
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "KILL_AT": at,
        "KILL_WHEN": when,
        "KILL_ARMED": str(armed),
        "KILL_GIT": git,
    }
    with running(made.root, environment) as (browser, process):
        place = drafted(browser)
        armed.touch()
        with pytest.raises((OSError, EOFError)):
            browser.post(f"{place}/commit")
        assert process.wait(60) == -signal.SIGKILL

    made.git("fsck", "--strict")
    branches = made.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    assert "main" in branches
    if there is not None:
        assert branches == (["import/aws-2025-02", "main"] if there else ["main"])
    if len(branches) > 1:
        assert made.git("show", "import/aws-2025-02:charges/2025-02/aws.csv").encode() == FEBRUARY.rstrip()
    assert made.git("rev-parse", "HEAD") == head
    assert made.git("status", "--porcelain") == ""
    assert (made.root / ".git/index").read_bytes() == index
    assert list((made.root / ".git").rglob("*.lock")) == []

    with office.served(made.root) as served:
        assert list(served.program.uploads.iterdir()) == []
        rita = served.browser("rita")
        got = rita.post(f"{drafted(rita)}/commit")
        assert got.location == f"/web/proposals/import/aws-2025-02{'-2' * (len(branches) - 1)}"
    made.git("fsck", "--strict")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux which processes there are")
def test_its_processes_end_with_it(tmp_path: Path) -> None:
    made = office.ledger(tmp_path / "ledger")
    with running(made.root, {}) as (browser, process):
        drafted(browser)
        process.kill()
        process.wait(60)
        until = time.monotonic() + 60
        while left := members(process.pid):
            assert time.monotonic() < until, left
            time.sleep(0.05)


def members(group: int) -> list[int]:
    """The processes of a group that have not ended; one that nobody has waited for has (proc(5))."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, own = place.read_text().rpartition(")")[2].split()[:3]
            found += [int(place.parent.name)] * (int(own) == group and state != "Z")
    return found
