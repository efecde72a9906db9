"""The ledgers of tests/ledgers: small ones, each about one thing. What must come out of them lies in tests/golden."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

PLACE = Path(__file__).parent / "ledgers"
NAMES = sorted(path.name for path in PLACE.iterdir())
FAULTY = "void-decision"
"""The only one with an error."""

_VARIED = {"attribution", "credits", "external-payers", "yen"}


def each_ledger(*left_out: str) -> list[object]:
    """Their names, as parameters of a test that needs only a few of them where the slow tests are left out."""
    return [
        pytest.param(name, marks=[] if name in _VARIED else pytest.mark.slow) for name in NAMES if name not in left_out
    ]


def copied(name: str, folder: Path) -> Path:
    """A copy in this folder, since billing keeps its cache in the ledger."""
    return Path(shutil.copytree(PLACE / name, folder / name))
