"""What the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest
from repository import HEAD, Repository, row


@pytest.fixture
def ledger(tmp_path: Path) -> Repository:
    """January with two PIs, committed."""
    made = Repository(tmp_path / "ledger")
    made.write("config.yaml", "organization: Test University\nsources: {aws: {credit_fund: C-1}}\n")
    rows = row("12.345") + row("1.005", "r2") + row("3.004", "r2") + row("7", "r3", pi="ben@example.edu")
    made.write("charges/2025-01/aws.csv", HEAD + rows)
    made.write(".gitignore", ".openchargeback/\nout*\npublic/\n")
    made.commit()
    return made
