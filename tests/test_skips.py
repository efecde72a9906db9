"""CI fails when a test is skipped for a reason that conftest.py does not accept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
TESTS = """
import pytest

@pytest.mark.skipif(True, reason="root writes everywhere")
def test_accepted(): pass

@pytest.mark.parametrize("name", ["a"])
def test_other(name):
    {}

def test_that_passes(): pass
"""


@pytest.mark.parametrize(
    ("body", "ci", "workers", "code"),
    [
        ('pytest.skip("not installed: qpdf")', "true", "0", 1),
        ('pytest.importorskip("no_such_module")', "true", "1", 1),
        ('pytest.skip("not installed: qpdf")', "", "0", 0),
        ("pass", "true", "0", 0),
    ],
    ids=["skipped", "not imported, in a worker", "not in CI", "none"],
)
def test_ci_fails_on_a_skip_that_is_not_accepted(tmp_path: Path, body: str, ci: str, workers: str, code: int) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_some.py").write_text(TESTS.format(body), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "-p", "no:cacheprovider", str(tmp_path)]
    ran = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert ("test_some.py::test_other[a]: " in ran.stdout) == bool(code)
