"""A ledger with closed months, whose journals are posted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from journal_ledger import CONFIG, charges, close, put


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with January and February closed, and March open."""
    root = tmp_path_factory.mktemp("answers") / "ledger"
    put(root, "config.yaml", CONFIG)
    for month in ("2025-01", "2025-02", "2025-03"):
        put(root, f"charges/{month}/hpc.csv", charges(month))
    close(root, "2025-01")
    close(root, "2025-02")
    return root


@pytest.fixture
def ledger(closed: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    subprocess.run(["cp", "-r", closed, tmp_path / "ledger"], check=True)
    return tmp_path / "ledger"
