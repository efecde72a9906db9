"""What documents say and what the program does: they must not drift apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def check(tools: Path) -> subprocess.CompletedProcess[str]:
    """Run the check of generated documents that lies in a folder of tools."""
    command = [sys.executable, str(tools / "docs.py"), "--check"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_list_of_codes_is_up_to_date() -> None:
    """Run `make docs` where it is not."""
    done = check(ROOT / "tools")
    assert done.returncode == 0, done.stderr


def test_the_check_sees_a_change(tmp_path: Path) -> None:
    """A title that was changed by hand is out of date."""
    for name in ("tools/docs.py", "docs/VALIDATION.md"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    assert check(tmp_path / "tools").returncode == 0
    document = tmp_path / "docs/VALIDATION.md"
    document.write_text(document.read_text("utf-8").replace("A line is blank", "A row is blank"), encoding="utf-8")
    assert check(tmp_path / "tools").returncode == 1
