"""A closed month settled again: its charge files passed the checks when it was closed; one that changed is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from closed_ledger import HEAD, PERIOD, close, row

from openchargeback.billing.pipeline import settled_month
from openchargeback.focus import reading
from openchargeback.problems import LedgerFault, Severity
from openchargeback.publish.books import open_books
from openchargeback.record.recorded_ledger import RecordedLedger

TABLES = ("attributed", "payer", "flag", "disposition", "line", "charge_id")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / f"charges/{PERIOD}").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text("organization: X\nsources: {aws: {credit_fund: C-1}}\n", encoding="utf-8")
    # Blanks and a line break make DuckDB and Python read the file, each as a whole; two rows are equal.
    rows = row("1.005") + row("2", fund="") + row("2", fund="") + "\n" + row("3e-1", "b@x.edu", "q")
    (tmp_path / f"charges/{PERIOD}/aws.csv").write_text(HEAD + rows, encoding="utf-8")
    (tmp_path / f"charges/{PERIOD}/hpc.csv").write_text(HEAD + row("4", resource="r4"), encoding="utf-8")
    return tmp_path


def settled(ledger: RecordedLedger) -> dict[str, list[tuple[Any, ...]]]:
    with settled_month(ledger, PERIOD, ids_of_all=True) as charges:
        return {table: charges.con.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in TABLES}


def test_it_is_settled_as_when_it_was_checked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = settled(open_books(root).ledger)
    assert len(before["attributed"]) == len(before["charge_id"]) == 5
    assert before["flag"]
    close(root)
    ledger = open_books(root).ledger
    monkeypatch.setattr(reading, "check_files", None)
    assert settled(ledger) == before


def test_a_file_that_changed_since_is_checked(root: Path) -> None:
    close(root)
    ledger = open_books(root).ledger
    path = root / f"charges/{PERIOD}/hpc.csv"
    path.write_bytes(path.read_bytes().replace(b'"4"', b'"four"'))
    with pytest.raises(LedgerFault) as fault:
        settled(ledger)
    assert [each.code for each in fault.value.problems if each.severity is Severity.ERROR] == ["type-error"]
