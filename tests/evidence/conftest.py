"""What the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from repository import Repository, january


@pytest.fixture
def ledger(tmp_path: Path) -> Repository:
    """January with two PIs, committed."""
    return january(tmp_path / "ledger")
