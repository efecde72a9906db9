"""The program as a person runs it: in a process of its own, with its own streams, folder and environment.

Python and the libraries need longer to start than the program needs for a small ledger. So processes are forked from a
server that has imported them (program_server.py). What must begin with a fresh interpreter uses COMMAND.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

COMMAND = (sys.executable, "-c", "from openchargeback.cli.main import main; main()")
SECONDS = 300
"""The longest that a command may take."""


def run(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, code: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program; it never ends with a traceback, and with this exit code if one is given.

    cwd: the folder it is run in, else where we are. env: its whole environment, else ours.
    """
    words = [str(each) for each in arguments]
    environment = dict(os.environ if env is None else env)
    server = _server()
    if server.serves(environment):
        done = server.run(words, cwd or Path.cwd(), environment)
    else:
        command = [*COMMAND, *words]
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    assert "Traceback" not in done.stderr, done.stderr
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done


def put_on_path(folder: Path) -> str:
    """A PATH that begins with this folder, in which `focus-billing` now starts the program that is tested."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "focus-billing"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


class _Server:
    """Forks a process for each command."""

    def __init__(self) -> None:
        self._start = _read_at_start(os.environ)
        script = Path(__file__).with_name("program_server.py")
        self._process = subprocess.Popen(
            [sys.executable, "-P", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def serves(self, env: Mapping[str, str]) -> bool:
        """Whether an interpreter would start in the same way in this environment."""
        return _read_at_start(env) == self._start

    def run(self, words: list[str], cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """What the program says and how it ends."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = (Path(folder, name) for name in ("out", "err"))
            request = {"arguments": words, "cwd": str(cwd), "env": env, "out": str(out), "err": str(err)}
            for path in (out, err):
                path.touch()
            answer = self._ask(json.dumps(request))
            return subprocess.CompletedProcess(words, answer, out.read_text(), err.read_text())

    def _ask(self, request: str) -> int:
        print(request, file=self._process.stdin, flush=True)
        ready, _, _ = select.select([self._process.stdout], [], [], SECONDS)
        if not ready:
            os.killpg(self._process.pid, signal.SIGKILL)
            _server.cache_clear()
            raise subprocess.TimeoutExpired(request, SECONDS)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the server."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@functools.cache
def _server() -> _Server:
    """The server of this process; starts when it is first asked for."""
    server = _Server()
    atexit.register(server.close)
    return server


def _read_at_start(env: Mapping[str, str]) -> dict[str, str]:
    """What interpreters read when they start."""
    return {name: value for name, value in env.items() if name.startswith(("PYTHON", "LC_", "LANG", "LD_"))}
