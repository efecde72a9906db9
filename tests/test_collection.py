"""Every collection finds the same tests in the same order, whatever the hour and the order of sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = """
import sys, time
hour = float(sys.argv.pop(1))
time.time = lambda: hour
import pytest
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests"]))
"""


@pytest.mark.slow
def test_two_collections_find_the_same_tests() -> None:
    """With another seed for the order of sets, and at another time."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, hour],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTEST_ADDOPTS": ""},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hour, seed in (("4e8", "1"), ("9e8", "2"))
    ]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said[0][-3_000:]
    first, second = ([line for line in text.splitlines() if "::" in line] for text in said)
    assert len(first) > 1_000
    assert first == second
