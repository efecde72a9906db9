"""What documents say and what the program does: they must not drift apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def check(tools: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the check of generated documents that lies in a folder of tools."""
    command = [sys.executable, str(tools / "docs.py"), "--check"]
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_the_codes_and_the_commands_are_up_to_date() -> None:
    """Run `make docs` where they are not."""
    done = check(ROOT / "tools")
    assert done.returncode == 0, done.stderr


def test_no_terminal_changes_what_is_written() -> None:
    done = check(ROOT / "tools", COLUMNS="40", TERM="xterm-256color", LANG="de_DE.UTF-8", OPENCHARGEBACK_LEDGER="books")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("document", "was", "now"),
    [
        ("VALIDATION.md", "A line is blank", "A row is blank"),
        ("CLI.md", "Close a period", "Shut a period"),
        ("CLI.md", "## focus-billing verify", "## focus-billing check"),
    ],
)
def test_the_check_sees_a_change(tmp_path: Path, document: str, was: str, now: str) -> None:
    """A title or a help that was changed by hand is out of date."""
    for name in ("tools/docs.py", "docs/VALIDATION.md", "docs/CLI.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    assert check(tmp_path / "tools").returncode == 0
    path = tmp_path / "docs" / document
    text = path.read_text("utf-8")
    assert was in text
    path.write_text(text.replace(was, now), encoding="utf-8")
    done = check(tmp_path / "tools")
    assert done.returncode == 1
    assert done.stderr == f"{document} is out of date: run `make docs`\n"
