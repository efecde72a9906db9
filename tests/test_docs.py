"""What documents say and what the program does: they must not drift apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import docs
from openchargeback.ledger.shape import Record
from openchargeback.ledger.yaml_tree import parse
from yaml_schemas import FILES

ROOT = Path(__file__).parents[1]


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the check of generated documents."""
    command = [sys.executable, str(ROOT / "tools/docs.py"), "--check"]
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_the_codes_the_commands_and_the_keys_are_up_to_date() -> None:
    """Run `make docs` where they are not."""
    done = check()
    assert done.returncode == 0, done.stderr


def test_no_terminal_changes_what_is_written() -> None:
    done = check(COLUMNS="40", TERM="xterm-256color", LANG="de_DE.UTF-8", OPENCHARGEBACK_LEDGER="books")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("document", "was", "now"),
    [
        ("VALIDATION.md", "Line is blank", "Row is blank"),
        ("CLI.md", "Close a period", "Shut a period"),
        ("CLI.md", "## focus-billing verify", "## focus-billing check"),
        ("CONVERT.md", "| `dates` | `iso` |", "| `dates` | `us` |"),
        ("IMPLEMENTATION-GUIDE-TEMPLATE.md", "class Options:", "class Choices:"),
        ("SETTINGS.md", "| `currency` | `USD` |", "| `currency` | `EUR` |"),
    ],
)
def test_the_check_sees_a_change(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    document: str,
    was: str,
    now: str,
) -> None:
    """A title or a help that was changed by hand is out of date."""
    monkeypatch.setattr(docs, "FOLDER", shutil.copytree(ROOT / "docs", tmp_path / "docs"))
    monkeypatch.setattr(sys, "argv", ["docs.py", "--check"])
    assert docs.main() == 0
    path = tmp_path / "docs" / document
    text = path.read_text("utf-8")
    assert was in text
    path.write_text(text.replace(was, now), encoding="utf-8")
    assert docs.main() == 1
    assert capsys.readouterr().err == f"{document} is out of date: run `make docs`\n"


@pytest.mark.parametrize("path", sorted((ROOT / "docs/examples").iterdir()), ids=lambda path: path.stem)
def test_an_example_is_without_fault_and_has_every_key(path: Path) -> None:
    """Keys for which the example says nothing on purpose: of later versions, refused ones, and texts that are empty."""
    shape = FILES[path.stem][1]
    assert isinstance(shape, Record)
    node, reader = parse(path.read_bytes(), path.name)
    assert node is not None
    shape.read(node, reader)
    assert reader.problems == []
    rows = [line.split(" | ") for line in (ROOT / "docs/SETTINGS.md").read_text("utf-8").splitlines() if "| `" in line]
    assert rows
    empty = {row[0].strip("| `") for row in rows if row[-1].strip(" |") == ""}
    leaves = {key for key in empty if not any(row[0].startswith((f"| `{key}.", f"| `{key}[")) for row in rows)}
    refused = {f"email.{key}" for key in ("password", "password_env", "password_command", "token_command")}
    assert leaves <= {*refused, *(f"decisions[].where.{key}" for key in ("project", "pi", "resource"))}
