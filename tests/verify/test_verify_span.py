"""`generate` and `verify` for statements over a span, as a person runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject

from conformance import faults
from openchargeback.portal.record_schema import shipped_schema
from repository import HEAD, Repository, row

ADA = ("--pi", "ada@example.edu")
YEAR = ("--from", "2025-01-01", "--until", "2025-12-31")
PEOPLE = "people: [{email: ada@example.edu, name: Ada, department: Biology}, {email: ben@example.edu, name: Ben}]\n"


@pytest.fixture
def closed(ledger: Repository) -> Repository:
    """January and February, both closed and committed."""
    ledger.write("directory/people.yaml", PEOPLE)
    ledger.write("charges/2025-02/aws.csv", HEAD + row("8.25", month="2025-02"))
    ledger.commit()
    for month in ("2025-01", "2025-02"):
        ledger.run("periods", "close", month, "--by", "admin@example.edu", "--on", "2025-03-05")
        ledger.commit()
    return ledger


def generate(ledger: Repository, *options: str) -> dict[str, Any]:
    """What `generate` says of the statement that it writes."""
    told: dict[str, Any] = json.loads(ledger.run("generate", *options, "-o", "out", "--json").stdout)
    return told


def verify(ledger: Repository, path: Path, code: int) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ledger.run("verify", str(path), "--json", code=code).stdout)
    return told


def record_of(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(PdfReader(path).attachments["statement.json"][0])
    return record


@pytest.mark.slow
def test_a_span_is_written_and_is_identical_until_more_is_billed(closed: Repository) -> None:
    told = generate(closed, *ADA, "--from", "2025-01-01", "--until", "2025-02-28")
    assert (told["billed"], told["draft"]) == ("24.60", False)
    assert [month["billed"] for month in told["months"]] == ["16.35", "8.25"]
    path = closed.root / told["pdf"]
    assert path.name == f"20250101-20250228_ada@example.edu_pi-{told['number'][-10:]}.pdf"
    found = verify(closed, path, 0)
    assert (found["verdict"], found["number"], found["altered"]) == ("identical", told["number"], [])
    # March bills a charge of February: the statement that was issued is genuine, and has a successor.
    late = row("3", "r9", month="2025-03").replace("2025-03-01,", "2025-03-01,2025-02-20,")
    closed.write("charges/2025-03/aws.csv", HEAD.replace("Start,", "Start,ChargePeriodStart,", 1) + late)
    closed.run("periods", "close", "2025-03", "--by", "admin@example.edu", "--on", "2025-04-05", code=2)
    closed.commit()
    closed.run("periods", "close", "2025-03", "--by", "admin@example.edu", "--on", "2025-04-05")
    closed.commit()
    found = verify(closed, path, 1)
    assert (found["verdict"], found["superseded_by"]) == ("superseded", f"{told['number']}-r2")
    assert generate(closed, *ADA, "--from", "2025-01-01", "--until", "2025-02-28")["billed"] == "27.60"


def test_an_altered_record_is_found(closed: Repository) -> None:
    path = closed.root / generate(closed, *ADA, "--period", "2025-01")["pdf"]
    writer = PdfWriter(clone_from=str(path))
    names = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"]  # type: ignore[index]
    file = names[names.index("statement.json") + 1].get_object()["/EF"]["/F"].get_object()
    file.set_data(file.get_data().replace(b"16.35", b"61.35"))
    file[NameObject("/Params")] = file["/Params"]
    altered = path.with_name("altered.pdf")
    writer.write(str(altered))
    found = verify(closed, altered, 1)
    assert found["verdict"] == "altered"
    assert {each["where"] for each in found["altered"]} >= {"statement.json"}


def test_a_year_that_is_not_over_is_a_draft(closed: Repository) -> None:
    told = generate(closed, *ADA, *YEAR)
    assert told["draft"]
    assert told == generate(closed, *ADA, "--fiscal-year", "2025")
    words = closed.run("generate", "--department", "Biology", *YEAR, "-o", "out").stdout
    assert re.search(
        r"^draft statement department-20250101-20251231-\w{10}, 24\.60 USD due, written to out/", words, re.MULTILINE
    )


def test_every_kind_is_archivable_accessible_and_has_its_data(closed: Repository) -> None:
    validator = Draft202012Validator(json.loads(shipped_schema()))
    for kind, subject in (("project", "p1"), ("fund", "F-1"), ADA, ("department", "Biology")):
        told = generate(closed, f"--{kind.removeprefix('--')}", subject, *YEAR)
        path = closed.root / told["pdf"]
        for profile in ("3a", "ua1"):
            assert faults(path, profile) == []
        record = record_of(path)
        validator.validate(record)
        assert record["number"] == told["number"]
        assert record["subject"] == {"kind": kind.removeprefix("--"), "id": subject}
        lines = PdfReader(path).attachments["lines.csv"][0].decode().splitlines()
        assert len(lines) == len(record["lines"]) + 1
        assert "Charged so far" in " ".join(page.extract_text() for page in PdfReader(path).pages)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "say which month with --period, or name a project, fund, PI or department"),
        ((*ADA,), "say when: --period, --fiscal-year, or both --from and --until"),
        ((*ADA, "--from", "2025-01-01"), "say when: --period, --fiscal-year, or both --from and --until"),
        ((*ADA, *YEAR, "--period", "2025-01"), "say when: --period, --fiscal-year, or both --from and --until"),
        ((*ADA, "--from", "2025-02-01", "--until", "2025-01-01"), "--until 2025-01-01 is before --from 2025-02-01"),
        ((*ADA, "--fund", "F-1", *YEAR), "name one of --project, --fund, --pi and --department"),
        (("--fiscal-year", "2025"), "name one of --project, --fund, --pi and --department"),
        ((*ADA, "--period", "2026-01"), "the ledger has no period 2026-01"),
        (("--pi", "eve@example.edu", *YEAR), "the ledger charges nothing to PI eve@example.edu"),
    ],
)
def test_what_cannot_be_meant_is_said(ledger: Repository, options: tuple[str, ...], words: str) -> None:
    done = ledger.run("generate", *options, "-o", "out", code=2)
    assert words in done.stderr
    assert not (ledger.root / "out").exists()


def test_a_dry_run_writes_nothing(ledger: Repository) -> None:
    assert generate(ledger, *ADA, *YEAR, "--dry-run")["pdf"] is None
    assert not (ledger.root / "out").exists()


@pytest.mark.slow
def test_the_portal_links_each_month_over_several_projects(closed: Repository) -> None:
    closed.run("build", "-o", "public")
    public = closed.root / "public"
    month = (public / "statements/2025-01/index.html").read_text(encoding="utf-8")
    (link,) = set(re.findall(r'href="([^"]*department-\w{10}\.html)"', month))
    page = public / "statements/2025-01" / link
    text = page.read_text(encoding="utf-8")
    assert "Biology, January 2025" in text
    assert "16.35" in text
    (pdf,) = set(re.findall(r'href="([^"]*\.pdf)"', text))
    assert verify(closed, (page.parent / pdf).resolve(), 0)["verdict"] == "identical"
    for target in re.findall(r'href="([^"#]+\.html)"', text):
        assert (page.parent / target).resolve().is_file(), target
