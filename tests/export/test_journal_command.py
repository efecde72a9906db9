"""`focus-billing journal`: what it writes and refuses, estimates of open months, and files compared with the ledger."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from journal_ledger import CONFIG, charges, put, run

from openchargeback.export.journals import files
from openchargeback.ledger.journal_profiles import shipped_names, shipped_text
from openchargeback.model import SummedPeriod
from openchargeback.problems import Problem
from openchargeback.record.recorded_ledger import RecordedLedger

FIXED = """label: Fixed width, of our own
sign: indicator
document: {prefix: "FX", length: 8}
files:
  - extension: dat
    layout: fixed
    header: [[{text: "H", width: 1}, {field: journal.document, width: 8}]]
    line:
      - {field: line.fund, width: 12, name: Fund}
      - {field: line.side, width: 6, name: Side}
      - {field: line.amount, width: 12, align: right, name: Amount}
    trailer: [[{text: "T", width: 1}, {field: totals.debits, width: 12, align: right}]]
"""


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8")), strict=True))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where journals are written."""
    (tmp_path / "upload").mkdir()
    return tmp_path / "upload"


def test_the_list_names_every_format_and_those_that_are_not_proven(ledger: Path) -> None:
    put(ledger, "templates/journals/fixed.yaml", FIXED)
    listed = {line.split()[0]: line for line in run(ledger, "journal", "--list").stdout.splitlines()[1:]}
    assert {*listed} == {*shipped_names(), "fixed"}
    assert {name for name, line in listed.items() if "(not proven)" in line} == {"oracle-fusion", "sap"}
    assert "yes" in listed["gl"].split()
    assert "yes" not in listed["kfs"].split()
    (own,) = (each for each in json.loads(run(ledger, "journal", "--list", "--json").stdout) if each["name"] == "fixed")
    assert own == {
        "name": "fixed",
        "label": "Fixed width, of our own",
        "proven": True,
        "note": "",
        "shipped": False,
        "written": False,
    }


def test_a_shipped_profile_is_shown_to_start_from(ledger: Path) -> None:
    assert run(ledger, "journal", "--show", "kfs").stdout == shipped_text("kfs")
    assert "no format 'nope' ships" in run(ledger, "journal", "--show", "nope", code=2).stderr


def test_a_draft_says_that_it_is_one(ledger: Path, folder: Path) -> None:
    """In its name, and by having no document number."""
    done = run(ledger, "journal", "--period", "2025-03", "--format", "gl", "-o", folder)
    assert "2025-03 is open: this is a draft without a document number" in done.stderr
    assert names(folder) == ["DRAFT-gl.csv"]
    assert {row["journal"] for row in rows(folder / "DRAFT-gl.csv")} == {""}
    refused = run(ledger, "journal", "--period", "2025-03", "--format", "gl", "-o", folder / "march.csv", code=2)
    assert f"its file must say so: -o {folder / 'DRAFT-march.csv'}" in refused.stderr
    run(ledger, "journal", "--period", "2025-03", "--format", "gl", "-o", folder / "march-draft.csv")
    assert names(folder) == ["DRAFT-gl.csv", "march-draft.csv"]


def test_a_closed_month_is_written_as_it_was_closed(ledger: Path, folder: Path) -> None:
    run(ledger, "journal", "--period", "2025-01", "--format", "gl", "-o", folder)
    assert {row["journal"] for row in rows(folder / "gl.csv")} == {"OCB-2025-01"}
    put(ledger, "templates/journals/fixed.yaml", FIXED)
    done = run(ledger, "journal", "--period", "2025-01", "--format", "fixed")
    assert "2025-01 was closed without fixed in `journal.formats`, so this document has no number" in done.stderr
    assert done.stdout.splitlines()[0] == "H" + " " * 8


def test_a_format_of_several_files_needs_a_folder(ledger: Path, folder: Path) -> None:
    two = FIXED + "  - {extension: done}\n"
    put(ledger, "templates/journals/fixed.yaml", two)
    where = ("journal", "--period", "2025-01", "--format", "fixed")
    assert "the journal has 2 files; name a folder with -o" in run(ledger, *where, code=2).stderr
    done = run(ledger, *where, "-o", folder / "missing", code=2)
    assert "missing is not a folder, and the journal has 2 files; create the folder" in done.stderr
    run(ledger, *where, "-o", folder)
    assert names(folder) == ["fixed.dat", "fixed.done"]


def test_nothing_is_written_of_a_journal_that_cannot_be(ledger: Path, folder: Path) -> None:
    """The second file of the format fails, so the first is not written either."""
    put(ledger, "templates/journals/fixed.yaml", FIXED + "  - {extension: txt, template: own.txt}\n")
    put(ledger, "templates/own.txt", "{{ nothing_of_that_name }}\n")
    done = run(ledger, "journal", "--period", "2025-01", "--format", "fixed", "-o", folder, code=1)
    assert "templates/own.txt:1\n  error[journal-template]" in done.stderr
    assert names(folder) == []


# ── Estimates ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_estimate_and_its_reversal_are_zero_together(ledger: Path, folder: Path) -> None:
    done = run(ledger, "journal", "--accrue", "2025-03", "--format", "gl", "-o", folder)
    assert done.stderr == "estimate of 2025-03: 1,309.75 USD, reversed on the first day of the next month\n"
    assert names(folder) == ["ACCRUAL-2025-03-gl.csv", "REVERSAL-2025-03-gl.csv"]
    estimate, reversal = (rows(folder / name) for name in names(folder))
    assert {(row["journal"], row["date"]) for row in estimate} == {("OCB-2025-03-acc", "2025-03-31")}
    assert {(row["journal"], row["date"]) for row in reversal} == {("OCB-2025-03-rev", "2025-04-01")}
    assert all(row["description"].startswith("Accrual ") for row in estimate)
    assert all(row["description"].startswith("Reversal ") for row in reversal)

    def signed(row: dict[str, str]) -> Decimal:
        return Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)

    assert [(row["fund"], signed(row)) for row in estimate] == [(row["fund"], -signed(row)) for row in reversal]
    assert sum(map(signed, estimate)) == 0
    assert sum(signed(row) for row in estimate if signed(row) > 0) == Decimal("1309.75")


def test_an_estimate_does_not_number_the_journal(ledger: Path, folder: Path) -> None:
    """And a second one has numbers of its own. What is journaled again is not part of either."""
    answer = """postings:
  - {document: OCB-2025-01, on: 2025-02-10, lines: [{line: 1, status: rejected, reason: shut}]}
"""
    run(ledger, "journal", "posted", put(ledger.parent, "a.yaml", answer), "--by", "f")
    done = run(ledger, "journal", "--accrue", "2025-03", "--format", "gl", "-o", folder, "--revision", "2")
    assert "1,309.75 USD" in done.stderr
    assert {row["journal"] for row in rows(folder / "ACCRUAL-2025-03-gl.csv")} == {"OCB-2025-03-r2-acc"}
    draft = run(ledger, "journal", "--period", "2025-03", "--format", "gl").stdout
    assert len(draft.splitlines()) == 1 + 8
    assert "OCB-2025-03" not in draft


def test_what_is_held_for_review_is_said_to_be_missing_from_an_estimate(ledger: Path, folder: Path) -> None:
    put(ledger, "charges/2025-03/hpc.csv", charges("2025-03").replace('""pi_email"": ""zoe@example.edu"", ', ""))
    put(ledger, "config.yaml", CONFIG.replace("severity: {missing-label: off}", "label: X"[:0]).replace(", }", "}"))
    done = run(ledger, "journal", "--accrue", "2025-03", "--format", "gl", "-o", folder)
    assert "; 7.25 USD held for review are not in it" in done.stderr


@pytest.mark.parametrize(
    ("month", "message"),
    [
        ("2025-01", "2025-01 is closed: post its journal; only an open period can be accrued"),
        ("2025-04", "the ledger has no period 2025-04"),
        ("2025-05", "2025-05 has nothing to accrue: nothing in it is billed so far"),
    ],
)
def test_a_month_that_cannot_be_accrued_is_told(ledger: Path, folder: Path, month: str, message: str) -> None:
    put(ledger, "charges/2025-05/hpc.csv", charges("2025-05").split("\n", 1)[0] + "\n")
    done = run(ledger, "journal", "--accrue", month, "-o", folder, code=2)
    assert message in done.stderr
    assert names(folder) == []


# ── Comparing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_fault_of_a_profile_that_extends_another_is_not_placed_in_the_other(ledger: Path) -> None:
    put(ledger, "templates/journals/gl.yaml", "label: Ours\nextends: gl\nsign: signed\n")
    done = run(ledger, "journal", "--period", "2025-01", "--format", "gl", code=1)
    assert (
        "templates/journals/gl.yaml\n  error[journal-profile]: journal format gl: `sign: signed` needs" in done.stderr
    )


def test_a_file_is_known_by_its_digest(ledger: Path, folder: Path) -> None:
    """Under any name, even if the profile has changed since."""
    run(ledger, "journal", "--period", "2025-01", "--format", "gl", "-o", folder / "x.bin")
    put(
        ledger,
        "templates/journals/gl.yaml",
        "label: Ours\nextends: gl\nfiles: [{extension: csv, line: [{field: line.debit}, {field: line.credit}]}]\n",
    )
    done = run(ledger, "journal", "--check", folder / "x.bin")
    assert done.stdout == f"identical: {folder / 'x.bin'} is document OCB-2025-01, as 2025-01 was closed\n"
    wrong = run(ledger, "journal", "--check", folder / "x.bin", "--period", "2025-02", code=2)
    assert "is the gl journal of 2025-01" in wrong.stderr


GL_CHANGES = [
    # what is changed in the file; the difference; its line
    ("1212.50|1212.51", "debit is 1212.51, in the ledger 1212.50", ":4"),
    ("BIO-1|BIO-2", "fund is BIO-2, in the ledger BIO-1", ":2"),
    ("journal,|jrnl,", "is not a file of gl: line 1 is not the heading of the format", ""),
]


@pytest.mark.parametrize(("changed", "message", "place"), GL_CHANGES)
def test_a_file_is_compared_with_the_ledger_line_by_line(
    ledger: Path, folder: Path, changed: str, message: str, place: str
) -> None:
    path = folder / "gl.csv"
    run(ledger, "journal", "--period", "2025-01", "--format", "gl", "-o", path)
    old, new = changed.split("|")
    path.write_text(path.read_text("utf-8").replace(old, new, 1), encoding="utf-8")
    done = run(ledger, "journal", "--check", path, code=1)
    assert f"gl.csv{place}\n  error[journal-differs]" in done.stderr
    assert message in done.stderr


def test_lines_that_are_missing_or_not_ours_are_told(ledger: Path, folder: Path) -> None:
    path = folder / "gl.csv"
    run(ledger, "journal", "--period", "2025-01", "--format", "gl", "-o", path)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    assert "line 6 of the journal is missing: " in run(ledger, "journal", "--check", path, code=1).stderr
    path.write_text("".join([*lines, lines[-1]]), encoding="utf-8")
    assert "gl.csv:8\n  error[journal-differs]: is not in the journal" in (
        run(ledger, "journal", "--check", path, code=1).stderr
    )


@pytest.mark.parametrize(("name", "ending"), [("fixed", "dat"), ("hledger", "journal"), ("beancount", "beancount")])
def test_files_of_fixed_width_and_of_templates_are_compared(ledger: Path, folder: Path, name: str, ending: str) -> None:
    """A draft, too, which has neither number nor digest."""
    put(ledger, "templates/journals/fixed.yaml", FIXED)
    where = ("--period", "2025-03")
    run(ledger, "journal", *where, "--format", name, "-o", folder)
    path = folder / f"DRAFT-{name}.{ending}"
    done = run(ledger, "journal", "--check", path, *where)
    assert done.stdout == f"identical: {path} is the {name} journal of 2025-03, as the ledger is now\n"
    text = path.read_text("utf-8")
    assert "1212.50" in text
    path.write_text(text.replace("1212.50", "1212.05", 1), encoding="utf-8")
    assert "[journal-differs]" in run(ledger, "journal", "--check", path, *where, code=1).stderr
    path.write_text(text[: len(text) // 2], encoding="utf-8")
    assert "[journal-differs]" in run(ledger, "journal", "--check", path, *where, code=1).stderr
    path.write_bytes(b"\xff\x00no journal\r\n")
    assert "[journal-differs]" in run(ledger, "journal", "--check", path, *where, code=1).stderr


@pytest.mark.parametrize("name", ["gl", "hledger"])
def test_a_file_that_another_program_has_saved_is_not_called_identical(ledger: Path, folder: Path, name: str) -> None:
    where = ("--period", "2025-01", "--format", name)
    path = folder / "saved"
    run(ledger, "journal", *where, "-o", path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    said = run(ledger, "journal", "--check", path, *where).stdout
    assert said.startswith(f"the same lines: {path} has those of the {name} journal of 2025-01, but another program")


def test_a_file_that_does_not_say_what_it_is_has_to_be_named(ledger: Path, folder: Path) -> None:
    text = run(ledger, "journal", "--period", "2025-01", "--format", "gl").stdout.replace("90.00", "90.10")
    path = put(folder, "x.csv", text)
    done = run(ledger, "journal", "--check", path, code=2)
    assert "does not say what it is a journal of: add --format" in done.stderr
    run(ledger, "journal", "--check", path, "--format", "gl", code=1)
    path = put(folder, "x.csv", text.replace("OCB-2025-01", ""))
    assert "add --period" in run(ledger, "journal", "--check", path, "--format", "gl", code=2).stderr
    path = put(folder, "ACCRUAL-2025-03-gl.csv", text)
    assert "is an estimate of the day on which it was written" in run(ledger, "journal", "--check", path, code=2).stderr


def test_only_so_many_differences_are_shown(ledger: Path, folder: Path) -> None:
    path = put(folder, "gl.csv", "x\n" * 1000)
    done = run(ledger, "journal", "--check", path, "--period", "2025-01", code=1)
    assert "50 errors" in done.stderr or "is not a file of gl" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give one of --period, --accrue, --check, --list and --show"),
        (("--list", "--period", "2025-01"), "not --list and --period"),
        (("--accrue", "2025-03", "--period", "2025-03"), "not --accrue and --period"),
        (("--period", "2025-01", "--revision", "2"), "--revision requires --accrue"),
        (("--period", "2025-01", "--json"), "--json requires --list"),
        (("--period", "2025-01", "--format", "nope"), "unknown journal format 'nope'; known: banner-fupload"),
        (("--period", "2031-01"), "the ledger has no period 2031-01"),
    ],
)
def test_options_that_do_not_go_together_are_told(ledger: Path, options: tuple[str, ...], message: str) -> None:
    assert message in run(ledger, "journal", *options, code=2).stderr


# ── Checking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_journals_of_closed_months_are_checked_once_until_anything_they_depend_on_changes(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[list[str]] = []
    check = files.journal_problems

    def counted(of: RecordedLedger, periods: Sequence[SummedPeriod]) -> list[Problem]:
        checked.append([each.period for each in periods])
        return check(of, periods)

    monkeypatch.setattr(files, "journal_problems", counted)
    put(ledger, "templates/journals/fixed.yaml", FIXED + "  - {extension: txt, template: own.txt}\n")
    put(ledger, "templates/own.txt", "{{ journal.document }}\n")
    put(ledger, "config.yaml", CONFIG.replace("journal:\n", "journal:\n  formats: [fixed]\n"))
    run(ledger, "validate")
    run(ledger, "validate")
    assert checked == [["2025-01", "2025-02", "2025-03"], ["2025-03"]]
    put(ledger, "config.yaml", CONFIG.replace("journal:\n", "journal:\n  formats: [fixed, gl]\n"))
    run(ledger, "validate")
    put(ledger, "templates/own.txt", "{{ nothing_of_that_name }}\n")
    for _ in range(2):  # what is faulty is looked at each time
        assert "templates/own.txt:1" in run(ledger, "validate", code=1).stdout
    assert checked[2:] == [["2025-01", "2025-02", "2025-03"]] * 3
