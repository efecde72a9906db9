"""Runs the program in this process, as `main` does: exit code and what it prints, with its messages for people."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from openchargeback.cli.main import main


@dataclass(frozen=True)
class Done:
    """What a command printed."""

    stdout: str
    stderr: str


def run(root: Path, *arguments: object, code: int = 0) -> Done:
    """Run a command on a ledger; it must end with this exit code."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    found: object = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(["--ledger", str(root), *map(str, arguments)])
        except SystemExit as ended:
            found = ended.code
    done = Done(*(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]
    assert found == code, done
    return done
