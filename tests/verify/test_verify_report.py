"""`verify` for the report of a fiscal year, as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter

from repository import HEAD, Repository, row


def verify(ledger: Repository, path: Path, code: int) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ledger.run("verify", str(path), "--json", code=code).stdout)
    return told


@pytest.fixture
def report(ledger: Repository, tmp_path: Path) -> Path:
    """The report of the only year, as a build writes it, moved away under another name."""
    ledger.run("build", "-o", "public")
    path = tmp_path / "for-the-dean.pdf"
    path.write_bytes((ledger.root / "public/reports/FY2025.pdf").read_bytes())
    return path


def rewritten(path: Path, old: bytes, new: bytes) -> Path:
    """The report with other bytes in its data."""
    writer = PdfWriter(clone_from=str(path))
    names = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"]  # type: ignore[index]
    file = names[names.index("report.csv") + 1].get_object()["/EF"]["/F"].get_object()
    assert old in file.get_data()
    file.set_data(file.get_data().replace(old, new))
    altered = path.with_name("altered.pdf")
    writer.write(str(altered))
    return altered


def test_what_the_ledger_gives_is_identical(ledger: Repository, report: Path) -> None:
    told = verify(ledger, report, 0)
    assert (told["document"], told["number"], told["verdict"]) == ("report", "FY2025", "identical")
    words = ledger.run("verify", str(report)).stdout
    assert "report FY2025 is identical to what the ledger produces today" in words


def test_an_altered_amount_in_its_data_is_found(ledger: Repository, report: Path) -> None:
    told = verify(ledger, rewritten(report, b"16.35", b"61.35"), 1)
    assert told["verdict"] == "altered"
    assert {each["where"] for each in told["altered"]} >= {"report.csv"}


@pytest.mark.slow
def test_an_earlier_report_of_the_year_is_superseded(ledger: Repository, report: Path) -> None:
    """Also when only the state of a month is another one, which its data does not say."""
    ledger.run("periods", "close", "2025-01", "--by", "admin@example.edu", "--on", "2025-02-05")
    ledger.commit()
    told = verify(ledger, report, 1)
    assert (told["verdict"], told["superseded_by"]) == ("superseded", "FY2025")
    assert told["given_at"]["commit"]
    ledger.write("charges/2025-02/aws.csv", HEAD + row("8.25", month="2025-02"))
    ledger.commit()
    assert verify(ledger, report, 1)["verdict"] == "superseded"
    words = ledger.run("verify", str(report), code=1).stdout
    assert "superseded by a later state of the same number" in words


def test_a_report_of_another_year_is_unknown(ledger: Repository, report: Path, tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=str(report))
    title = str(PdfReader(report).metadata.title)  # type: ignore[union-attr]
    writer.add_metadata({"/Title": title.replace("2025", "2019")})
    path = tmp_path / "other.pdf"
    writer.write(str(path))
    assert verify(ledger, path, 1)["verdict"] == "unknown"
