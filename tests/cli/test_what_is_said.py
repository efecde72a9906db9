"""What the program says to someone who does not know it yet: at the first wrong file, folder, flag or pipe."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import program

CHARGES = "BillingPeriodStart,BilledCost,ServiceName\n2025-01-01,3,Compute\n"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """January with one charge that lacks everything."""
    folder = tmp_path / "ledger"
    (folder / "charges" / "2025-01").mkdir(parents=True)
    (folder / "config.yaml").write_text("organization: Test University\n", encoding="utf-8")
    (folder / "charges" / "2025-01" / "aws.csv").write_text(CHARGES, encoding="utf-8")
    return folder


def list_into(ledger: Path, stdout: int) -> subprocess.CompletedProcess[str]:
    """Run `review list` with this descriptor as its standard output."""
    command = [*program.COMMAND, "review", "list"]
    done = subprocess.run(
        command, cwd=ledger, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=300
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_named(ledger: Path, mark: str, name: str) -> None:
    """A spreadsheet in half of Europe writes semicolons."""
    export = ledger.parent / "export.csv"
    export.write_text(CHARGES.replace(",", mark), encoding="utf-8")
    done = program.run("ingest", export, "--source", "hpc", cwd=ledger)
    assert done.returncode == 1
    assert f"separated by {name}" in done.stdout + done.stderr


@pytest.mark.parametrize("command", [("build",), ("generate", "--period", "2025-01")])
def test_no_output_among_the_ledgers_own_files(ledger: Path, command: tuple[str, ...]) -> None:
    """`build` in charges/ would fill it with pages, each an error in the next run."""
    done = program.run(*command, cwd=ledger / "charges")
    assert done.returncode == 2
    assert "would be inside the ledger's charges/" in done.stderr
    assert [each.name for each in (ledger / "charges").iterdir()] == ["2025-01"]


def test_what_is_missing_cannot_be_approved(ledger: Path) -> None:
    """The command says so, and does not write a file that is an error."""
    words = ("--period", "2025-01", "--flag", "missing-fund", "--reason", "r", "--by", "b@example.edu")
    done = program.run("review", "approve", *words, cwd=ledger)
    assert done.returncode == 2
    assert "`review reassign` with --set-fund" in done.stderr
    assert not (ledger / "approvals").exists()


def test_a_reader_that_goes_away_is_no_fault(ledger: Path) -> None:
    """Exit code 1 would mean problems in the ledger, and 0 that there are none."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = list_into(ledger, writing)
    finally:
        os.close(writing)
    assert done.returncode == 141
    assert "Broken pipe" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_one_sentence(ledger: Path) -> None:
    """Without a file name there is no colon in front."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = list_into(ledger, full.fileno())
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "focus-billing: No space left on device"
