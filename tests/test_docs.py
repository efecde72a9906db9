"""What documents say and what the program does: they must not drift apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from openchargeback.ledger.shape import Record
from openchargeback.ledger.yaml_tree import parse
from yaml_schemas import FILES

ROOT = Path(__file__).parents[1]


def check(tools: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the check of generated documents that lies in a folder of tools."""
    command = [sys.executable, str(tools / "docs.py"), "--check"]
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_the_codes_the_commands_and_the_keys_are_up_to_date() -> None:
    """Run `make docs` where they are not."""
    done = check(ROOT / "tools")
    assert done.returncode == 0, done.stderr


def test_no_terminal_changes_what_is_written() -> None:
    done = check(ROOT / "tools", COLUMNS="40", TERM="xterm-256color", LANG="de_DE.UTF-8", OPENCHARGEBACK_LEDGER="books")
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
def test_the_check_sees_a_change(tmp_path: Path, document: str, was: str, now: str) -> None:
    """A title or a help that was changed by hand is out of date."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "tools").mkdir()
    for name in ("docs.py", "yaml_schemas.py"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    assert check(tmp_path / "tools").returncode == 0
    path = tmp_path / "docs" / document
    text = path.read_text("utf-8")
    assert was in text
    path.write_text(text.replace(was, now), encoding="utf-8")
    done = check(tmp_path / "tools")
    assert done.returncode == 1
    assert done.stderr == f"{document} is out of date: run `make docs`\n"


@pytest.mark.parametrize("path", sorted((ROOT / "docs/examples").iterdir()), ids=lambda path: path.stem)
def test_an_example_is_without_fault_and_has_every_key(path: Path) -> None:
    """Keys for which the example says nothing on purpose are those of later versions, and texts that are empty."""
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
    assert leaves <= {"email", "web", *(f"decisions[].where.{key}" for key in ("project", "pi", "resource"))}
