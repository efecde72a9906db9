"""Deliveries from the command line: what is chosen and why, and estimates until a period is closed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import program

sys.path.insert(0, str(Path(__file__).parents[1] / "focus"))

from deliveries import HEADER, aws_run, azure_run, put, rows, zipped

OLD_RUN, NEW_RUN = "20250201T030000Z-aaaa", "20250202T030000Z-0000"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger whose charges need no fund."""
    folder = tmp_path / "ledger"
    (folder / "charges").mkdir(parents=True)
    text = (
        "organization: A\njournal: {post: false}\nsources: {azure: {delivery: overwrite}, aws: {delivery: overwrite}}\n"
    )
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return folder


def run(ledger: Path, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the program; it ends as expected and never with a traceback."""
    return program.run(*arguments, "--ledger", ledger, cwd=ledger.parent, code=code)


def stored(ledger: Path) -> list[str]:
    folder = ledger / "charges"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_dry_run_shows_the_run_its_parts_and_what_is_skipped(ledger: Path, tmp_path: Path) -> None:
    aws_run(tmp_path / "aws", "2025-01", rows("2025-01", "1"), run=OLD_RUN)
    aws_run(tmp_path / "aws", "2025-01", rows("2025-01", "2"), rows("2025-01", "3"), run=NEW_RUN)
    done = run(ledger, "ingest", "aws", "--source", "aws", "--dry-run")
    assert done.stderr.splitlines()[-4:] == [
        f"AWS Data Exports: 2025-01, run {NEW_RUN}, 2 parts",
        f"  data/BILLING_PERIOD=2025-01/{NEW_RUN}/focus-00001.csv.gz",
        f"  data/BILLING_PERIOD=2025-01/{NEW_RUN}/focus-00002.csv.gz",
        f"skipped: 2025-01: {OLD_RUN} (older run)",
    ]
    assert done.stdout.splitlines() == [
        "charges/2025-01/aws/part-000.csv.gz: would be added, 1 charge, 2.00 USD (2025-01, aws)",
        "charges/2025-01/aws/part-001.csv.gz: would be added, 1 charge, 3.00 USD (2025-01, aws)",
    ]
    assert stored(ledger) == []
    told = json.loads(run(ledger, "ingest", "aws", "--source", "aws", "--json").stdout)["delivery"]
    assert (told["layout"], told["from"], told["notes"]) == ("AWS Data Exports", "aws", [])
    assert told["skipped"] == [f"2025-01: {OLD_RUN} (older run)"]
    (only,) = told["runs"]
    assert (only["period"], only["name"], only["made"]) == ("2025-01", NEW_RUN, "2025-02-02T03:00:00+00:00")
    assert stored(ledger) == ["2025-01/aws/part-000.csv.gz", "2025-01/aws/part-001.csv.gz"]


def test_a_refusal_names_every_fault_and_writes_nothing(ledger: Path, tmp_path: Path) -> None:
    first = aws_run(tmp_path / "aws", "2025-01", rows(), rows())
    second = aws_run(tmp_path / "aws", "2025-02", rows("2025-02"))
    first[1].unlink()
    second[0].unlink()
    (tmp_path / "aws/metadata/BILLING_PERIOD=2025-02/focus-Manifest.json").unlink()
    done = run(ledger, "ingest", "aws", "--source", "aws", code=2)
    assert done.stderr.startswith(
        "focus-billing: aws/data/BILLING_PERIOD=2025-01/focus-00002.csv.gz is missing, though "
    )
    assert stored(ledger) == []


def test_a_delivery_is_ingested_by_itself(ledger: Path, tmp_path: Path) -> None:
    put(tmp_path / "a/1.csv", rows())
    put(tmp_path / "b/1.csv", rows())
    said = run(ledger, "ingest", "a", "b", "--source", "aws", code=2).stderr
    assert "a is a delivery: ingest it by itself" in said


def test_a_zip_is_unpacked_and_what_is_in_it_reported_by_its_place(ledger: Path, tmp_path: Path) -> None:
    manifest = json.dumps({"files": ["part-0.csv"]})
    zipped(tmp_path / "focus.zip", {"manifest.json": manifest, "part-0.csv": f"{HEADER}\n2025-01-01,x,,,,,,,,,\n"})
    done = run(ledger, "ingest", "focus.zip", "--source", "pinecone", code=1)
    assert "focus.zip/part-0.csv:2" in done.stdout + done.stderr
    zipped(tmp_path / "focus.zip", {"manifest.json": manifest, "part-0.csv": rows()})
    run(ledger, "ingest", "focus.zip", "--source", "pinecone")
    assert stored(ledger) == ["2025-01/pinecone.csv"]


def test_a_period_is_not_closed_with_estimates(ledger: Path, tmp_path: Path) -> None:
    """Until the final run replaces them; a draft is billed all the same."""
    azure_run(tmp_path / "azure", "2025-01", rows("2025-01", "1"), stamp="202501200000")
    done = run(ledger, "ingest", "azure", "--source", "azure")
    assert (
        "note: azure: 2025-01: the export was made before the month was over, so its charges are estimates"
        in done.stderr
    )
    assert stored(ledger) == ["2025-01/azure/estimate-000.csv.gz"]
    assert json.loads(run(ledger, "periods", "show", "2025-01", "--json").stdout)["sources"][0]["imported"] == "1"
    close = ("periods", "close", "2025-01", "--on", "2025-02-05", "--by", "a@example.edu", "--leave-held")
    said = run(ledger, *close, code=2).stderr
    assert "charges/2025-01/azure/estimate-000.csv.gz is an estimate: get the final export of 2025-01" in said
    azure_run(tmp_path / "azure", "2025-01", rows("2025-01", "1", "2"), stamp="202502030000")
    assert "replaced, 2 charges" in run(ledger, "ingest", "azure", "--source", "azure").stdout
    assert stored(ledger) == ["2025-01/azure.csv.gz"]
    run(ledger, *close)


def test_a_file_can_be_said_to_be_an_estimate(ledger: Path, tmp_path: Path) -> None:
    put(tmp_path / "fal.csv", rows())
    run(ledger, "ingest", "fal.csv", "--source", "fal", "--estimate")
    assert stored(ledger) == ["2025-01/fal/estimate-000.csv"]
