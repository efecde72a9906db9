"""`focus-billing validate --conformance` as a person and as CI runs it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from openchargeback.cli.main import cli
from openchargeback.problems import UsageFault

SAMPLE = Path(__file__).parents[2] / "sample_data" / "storage_2025-01.csv"
MISSING = {"CostAndUsage-D-059-C", "CostAndUsage-D-061-C"}
COUNTS = "190 of 265 requirements of FOCUS 1.2 hold; 2 are broken; 73 not applicable"


def validate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["validate", "--conformance", *arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a ledger, with one file."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "storage.csv").write_bytes(SAMPLE.read_bytes())
    return tmp_path


@pytest.fixture
def good(folder: Path) -> str:
    """A file that breaks no MUST, with a unit that FOCUS does not recommend."""
    lines = SAMPLE.read_text("utf-8").replace("TB-Months", "TB-months").splitlines()
    added = [f"{lines[0]},SkuMeter,SkuPriceDetails", *(f"{line},," for line in lines[1:])]
    (folder / "good.csv").write_text("\n".join(added) + "\n", encoding="utf-8")
    return "good.csv"


@pytest.fixture
def ledger(folder: Path) -> Path:
    """A ledger with the file in two months, below the folder."""
    for name in ("config.yaml", "charges/2025-01/storage.csv", "charges/2025-02/storage.csv"):
        path = folder / "billing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SAMPLE.read_bytes() if name.endswith(".csv") else b"organization: Northfield University\n")
    (folder / "billing" / "periods").mkdir()
    (folder / "billing" / "periods" / "2025-01.lines.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    return folder / "billing"


@pytest.mark.usefixtures("folder")
def test_a_file_needs_no_ledger() -> None:
    done = validate("storage.csv")
    assert done.exit_code == 1
    assert (
        "storage.csv:1\n  error[CostAndUsage-D-059-C]: SkuMeter is not a column of the file: SkuMeter MUST"
        in done.stdout
    )
    assert done.stdout.splitlines()[-1] == f"storage.csv: {COUNTS}"
    assert "2 errors in 1 file" in done.stdout


def test_only_a_must_fails(good: str) -> None:
    done = validate(good, "--strict")
    assert done.exit_code == 0
    assert f"{good}:2:" in done.stdout
    assert "notice[PricingUnit-C-003-O]: PricingUnit is not written as FOCUS writes units" in done.stdout
    # SkuMeter is null, and the unit is in two columns.
    assert "3 are broken" in done.stdout.splitlines()[-1]


def test_a_ledger_is_checked_whole_or_in_part(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def paths(*arguments: str) -> list[str]:
        return [each["path"] for each in json.loads(validate("--format", "json", *arguments).stdout)["conformance"]]

    both = ["charges/2025-01/storage.csv", "charges/2025-02/storage.csv"]
    assert paths("--ledger", str(ledger)) == both
    monkeypatch.chdir(ledger)
    assert paths() == both
    assert paths("charges/2025-02") == both[1:]
    assert paths("charges", "charges/2025-02/storage.csv") == both
    monkeypatch.chdir(ledger / "charges")
    assert paths("2025-01") == both[:1]
    # Beside a file from elsewhere, paths start at the current folder.
    assert paths("2025-01", "../../storage.csv") == ["2025-01/storage.csv", str(ledger.parent / "storage.csv")]


def test_a_folder_outside_a_ledger_is_checked_with_the_folders_in_it(folder: Path) -> None:
    for name in ("in/deep/b.csv", "in/a.csv", "in/.hidden/c.csv", "in/notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(SAMPLE.read_bytes())
    report = json.loads(validate("in", "--format", "json").stdout)
    assert [each["path"] for each in report["conformance"]] == ["in/a.csv", "in/deep/b.csv"]


def test_json_has_the_rules_and_the_counts(folder: Path) -> None:
    report = json.loads(validate("--format", "json", "storage.csv").stdout)
    assert report["valid"] is False
    assert {each["code"] for each in report["problems"]} == MISSING
    assert {each["severity"] for each in report["problems"]} == {"error"}
    assert report["conformance"] == [
        {
            "path": "storage.csv",
            "model": "FOCUS 1.2",
            "requirements": 265,
            "hold": 190,
            "broken": 2,
            "not_applicable": 73,
        }
    ]
    assert folder.exists()


@pytest.mark.usefixtures("folder")
def test_the_other_formats_name_the_rules() -> None:
    github = validate("--format", "github", "storage.csv").stdout.splitlines()
    assert [line for line in github if line.startswith("::error file=storage.csv,line=1,title=CostAndUsage-D-059-C::")]
    assert github[-1] == f"FOCUS: storage.csv: {COUNTS}"
    gitlab = json.loads(validate("--format", "gitlab", "storage.csv").stdout)
    assert {(each["check_name"], each["severity"]) for each in gitlab} == {(name, "critical") for name in MISSING}
    junit = ET.fromstring(validate("--format", "junit", "storage.csv").stdout)  # noqa: S314
    assert junit.get("failures") == "2"


def test_a_file_that_cannot_be_read_is_an_error(folder: Path) -> None:
    (folder / "uneven.csv").write_text("BilledCost,SkuId\n1,2\n1,2,3,4\n", encoding="utf-8")
    (folder / "page.csv").write_text("<!doctype html>\n", encoding="utf-8")
    done = validate("uneven.csv", "page.csv", "--format", "json")
    assert done.exit_code == 1
    assert {each["path"] for each in json.loads(done.stdout)["problems"] if each["severity"] == "error"} >= {"page.csv"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope.csv"], "nope.csv does not exist"),
        (["notes.txt"], "notes.txt is not a supported charge file; use .csv"),
        (["empty"], "empty has no charge files"),
        ([], "no ledger found"),
        (["storage.csv", "--staged"], "use it without --staged"),
        (["storage.csv", "--ledger", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_what_cannot_be_checked_is_wrong_usage(folder: Path, arguments: list[str], said: str) -> None:
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("notes", encoding="utf-8")
    done = validate(*arguments)
    assert isinstance(done.exception, UsageFault)
    assert said in str(done.exception)


def test_a_requirement_is_explained_by_its_id() -> None:
    text = CliRunner().invoke(cli, ["validate", "--explain", "resourcetype-c-005-c"]).stdout
    assert text.startswith("ResourceType-C-005-C  error\nResourceType MUST NOT be null when ResourceId is not null.\n")
    assert "CheckCondition instead of ColumnName" in text
    entry = json.loads(
        CliRunner().invoke(cli, ["validate", "--explain", "InvoiceId-C-004-C", "--format", "json"]).stdout
    )
    assert (entry["severity"], entry["source"]) == (None, "FOCUS 1.2, InvoiceId")
