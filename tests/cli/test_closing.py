"""The controls of a month's end, as a person meets them: accounting date, missing sources, credit funds."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import program
from needed import needs
from openchargeback.portal.libraries import versions

HEAD = "BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags\n"
BY = ("--by", "admin@example.edu")


def row(cost: str, month: str = "2025-06", pi: str = "ada@example.edu", fund: str = "F-1") -> str:
    """A charge."""
    tags = {"pi_email": pi, "project_id": "p1"} | ({"fund_org": fund} if fund else {})
    return f'{month}-01,{cost},{cost},Compute,r1,"{json.dumps(tags).replace(chr(34), chr(34) * 2)}"\n'


def put(root: Path, name: str, text: str) -> None:
    """Write a file of the ledger."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def run(root: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the program; it ends as expected and never with a traceback."""
    return program.run(*arguments, "--ledger", root, cwd=root, code=code)


def shown(root: Path, period: str = "2025-06") -> dict[str, Any]:
    """What `periods show --json` says."""
    return dict(json.loads(run(root, "periods", "show", period, "--json").stdout))


def period_file(root: Path, period: str = "2025-06") -> str:
    """The text of a period file."""
    return (root / f"periods/{period}.yaml").read_text("utf-8")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """June 2025 in a fiscal year that begins in July, with a journal format for hledger."""
    root = tmp_path / "ledger"
    sources = "sources: {aws: {credit_fund: C-1}, hpc: {credit_fund: C-2}}\n"
    formats = "journal: {formats: [detail, summary, gl, hledger]}\n"
    put(root, "config.yaml", f"organization: Test University\nfiscal_year_starts: 7\n{sources}{formats}")
    put(root, "charges/2025-06/aws.csv", HEAD + row("10"))
    return root


@pytest.mark.slow
@needs("hledger")
def test_a_june_closed_in_july_posts_into_june_and_the_old_fiscal_year(ledger: Path) -> None:
    """In every format; the statement has the date of closing."""
    run(ledger, "periods", "close", "2025-06", "--on", "2025-07-08", *BY)
    assert "\naccounting_date: 2025-06-30\n" in period_file(ledger)
    record = (ledger / "periods/2025-06.frozen.yaml").read_text("utf-8")
    assert '\naccounting_date: "2025-06-30"\n' in record
    # What makes the bytes of its PDFs.
    assert f'\n  Pango: "{versions()["Pango"]}"\n' in record
    run(ledger, "build", "-o", "out")
    journals = ledger / "out/journals/2025-06"
    dates = {
        path.name: {line["date"] for line in csv.DictReader(io.StringIO(path.read_text("utf-8")))}
        for path in journals.glob("*.csv")
    }
    assert dates == {name: {"2025-06-30"} for name in ("detail.csv", "summary.csv", "gl.csv")}
    control = json.loads((journals / "control-totals.json").read_text("utf-8"))["journal"]
    assert (control["date"], control["fiscal_year"], control["fiscal_period"]) == ("2025-06-30", 2025, 12)
    text = (journals / "hledger.journal").read_text("utf-8")
    assert set(re.findall(r"^\d{4}-\d\d-\d\d", text, re.MULTILINE)) == {"2025-06-30"}
    books = ["hledger", "-f", str(journals / "hledger.journal"), "print", "-b", "2025-06-01", "-e", "2025-07-01"]
    assert subprocess.run(books, check=True, capture_output=True, text=True).stdout.count("2025-06-30 *") == 1
    page = next((ledger / "out/statements/2025-06").glob("*/*.html")).read_text("utf-8")
    assert "8 Jul 2025" in page
    assert "30 Jun 2025" in (journals / "index.html").read_text("utf-8")
    assert shown(ledger)["accounting_date"] == "2025-06-30"
    assert "Accounting date 2025-06-30" in run(ledger, "periods", "show", "2025-06").stdout


@pytest.mark.slow
def test_an_accounting_date_outside_of_the_month_counts(ledger: Path) -> None:
    """An office may post June on July 8; thawed, recomputed and reopened, the date is the one that was said."""
    draft = run(ledger, "journal", "--period", "2025-06").stdout
    assert ",2025-06-30," in draft
    run(ledger, "periods", "close", "2025-06", "--on", "2025-07-10", "--accounting-date", "2025-07-08", *BY)
    assert ",2025-07-08," in run(ledger, "journal", "--period", "2025-06").stdout
    run(ledger, "build", "-o", "out")
    control = json.loads((ledger / "out/journals/2025-06/control-totals.json").read_text("utf-8"))["journal"]
    assert (control["date"], control["fiscal_year"], control["fiscal_period"]) == ("2025-07-08", 2026, 1)
    run(ledger, "periods", "open", "2025-06")
    assert "accounting_date" not in period_file(ledger)
    assert run(ledger, "journal", "--period", "2025-06").stdout.replace("-r2", "") == draft


def test_an_accounting_date_before_the_month_is_refused(ledger: Path) -> None:
    """By the command, and in the file."""
    close = ("periods", "close", "2025-06", "--on", "2025-07-08", *BY)
    said = run(ledger, *close, "--accounting-date", "2025-05-31", code=2).stderr
    assert "the accounting date 2025-05-31 is before the start of 2025-06" in said
    assert not (ledger / "periods").exists()
    run(ledger, *close, "--accounting-date", "2025-06-01")
    put(ledger, "periods/2025-06.yaml", period_file(ledger).replace("2025-06-01", "2025-05-31"))
    assert "the accounting date 2025-05-31 is before the start of 2025-06" in run(ledger, "validate", code=1).stdout


def test_the_period_file_must_say_the_accounting_date_of_the_record(ledger: Path) -> None:
    """Closed or finalized, an edit is found."""
    run(ledger, "periods", "close", "2025-06", "--on", "2025-07-08", *BY)
    closed = period_file(ledger)
    put(ledger, "periods/2025-06.yaml", closed.replace("date: 2025-06-30", "date: 2025-07-01"))
    said = run(ledger, "validate", code=1).stdout
    assert "closed-period-changed" in said
    assert "the accounting date changed from 2025-06-30 to 2025-07-01" in said
    put(ledger, "periods/2025-06.yaml", closed)
    run(ledger, "periods", "finalize", "2025-06", "--on", "2025-07-20", *BY)
    run(ledger, "validate")
    put(ledger, "periods/2025-06.yaml", period_file(ledger).replace("date: 2025-06-30", "date: 2025-07-01"))
    assert "the seal of 2025-06 does not match" in run(ledger, "validate", code=1).stdout


EXPECTING = "sources: {aws: {credit_fund: C-1}, hpc: {credit_fund: C-2, expected: monthly}, gcp: {}}\n"
CLOSE = ("periods", "close", "2025-06", "--on", "2025-07-08", *BY)
WITHOUT = ("--without", "hpc", "--reason", 'down all of June: {moved} "to" a new hall')


@pytest.fixture
def expecting(ledger: Path) -> Path:
    """A ledger that expects the cluster every month, and has none of it in June."""
    put(ledger, "config.yaml", f"organization: Test University\nreview: {{unusual_amount: off}}\n{EXPECTING}")
    return ledger


def test_a_month_without_an_expected_source_is_not_closed(expecting: Path) -> None:
    """A file without a charge is as good as none; with one charge it is closed."""
    put(expecting, "charges/2025-06/hpc.csv", HEAD)
    said = run(expecting, *CLOSE, code=2).stderr
    assert "the source hpc is expected monthly but has no charges in 2025-06" in said
    assert "--without hpc --reason" in said
    assert not (expecting / "periods").exists()
    put(expecting, "charges/2025-06/hpc.csv", HEAD + row("0.00"))
    run(expecting, *CLOSE)
    assert "without" not in period_file(expecting)


def test_many_obstacles_of_a_kind_hide_none_of_another(expecting: Path) -> None:
    void = "- {decision: approve, charges: ['%016x'], clears: [missing-fund], by: r@example.edu, reason: old}\n"
    decisions = "".join(void % number for number in range(25))
    put(expecting, "approvals/2025-06/old.yaml", f"decisions:\n{decisions}")
    said = run(expecting, *CLOSE, code=2).stderr
    assert [line.split(":", 1)[0].strip() for line in said.splitlines() if "is void" in line] == [
        "approvals/2025-06/old.yaml"
    ] * 20
    assert "  and 5 more\n  the source hpc is expected monthly" in said


@pytest.mark.slow
def test_a_month_closed_without_a_source_says_so(expecting: Path) -> None:
    """In the period file, the record, the page, the plan and `periods show`; opened again it is forgotten."""
    subprocess.run(["git", "init", "-q", "-b", "main", expecting], check=True)
    put(expecting, ".gitignore", ".openchargeback/\nout/\n")
    git = ["git", "-C", str(expecting), "-c", "user.name=A", "-c", "user.email=a@example.edu"]
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "June"], check=True)
    run(expecting, *CLOSE, *WITHOUT)
    written = 'source: hpc, reason: "down all of June: {moved} \\"to\\" a new hall", by: "admin@example.edu"'
    assert f"\nwithout:\n  - {{{written}}}\n" in period_file(expecting)
    assert "\nwithout:\n  - {source: hpc, reason:" in (expecting / "periods/2025-06.frozen.yaml").read_text("utf-8")
    reason = 'down all of June: {moved} "to" a new hall'
    said = {"source": "hpc", "reason": reason, "by": "admin@example.edu"}
    record = shown(expecting)
    assert record["without"] == [said]
    assert [(each["source"], each["missing"]) for each in record["completeness"]] == [("aws", False), ("hpc", True)]
    told = run(expecting, "periods", "show", "2025-06").stdout
    assert f"Without hpc: {reason} (admin@example.edu)" in told
    assert re.search(r"^hpc +missing ", told, re.MULTILINE)
    plan = run(expecting, "plan", "HEAD").stdout
    assert "Sources to check\nhpc: expected monthly, no charges\n" in plan
    assert "hpc: closed without it: down all of June:" in plan
    (period,) = json.loads(run(expecting, "plan", "HEAD", "--format", "json").stdout)["periods"]
    assert period["without"] == [said]
    assert "closed without it&#58; down all of June" in run(expecting, "plan", "HEAD", "--format", "markdown").stdout
    run(expecting, "build", "-o", "out")
    page = (expecting / "out/periods/2025-06/index.html").read_text("utf-8")
    assert "Closed without <strong>hpc</strong>: down all of June" in page
    put(expecting, "config.yaml", "organization: Test University\n")
    assert [each["missing"] for each in shown(expecting)["completeness"]] == [False, True]
    run(expecting, "periods", "open", "2025-06")
    assert "without" not in period_file(expecting)
    assert shown(expecting)["without"] == []


def test_the_record_knows_what_a_month_was_closed_without(expecting: Path) -> None:
    """Closed or finalized, an edit is found; an open month cannot say it."""
    run(expecting, *CLOSE, *WITHOUT)
    closed = period_file(expecting)
    put(expecting, "periods/2025-06.yaml", closed.replace("all of June", "in June"))
    said = run(expecting, "validate", code=1).stdout
    assert "closed-period-changed" in said
    assert "the missing sources changed from hpc (down all of June" in said
    put(expecting, "periods/2025-06.yaml", closed)
    run(expecting, "periods", "finalize", "2025-06", "--on", "2025-07-20", *BY)
    run(expecting, "validate")
    put(expecting, "periods/2025-06.yaml", period_file(expecting).replace("all of June", "in June"))
    assert "the seal of 2025-06 does not match" in run(expecting, "validate", code=1).stdout
    put(expecting, "periods/2025-06.yaml", "state: open\nwithout: [{source: hpc, reason: r, by: b}]\n")
    assert "state-contradicted" in run(expecting, "validate", code=1).stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--without", "aws", "--reason", "r"), "--without aws: it has 1 charge in 2025-06"),
        (("--without", "gcp", "--reason", "r"), "--without gcp: it is not expected monthly"),
        (("--without", "hcp", "--reason", "r"), "--without hcp: config.yaml lists no such source; did you mean `hpc`?"),
        (("--without", "hpc"), "--without requires --reason TEXT"),
        (("--without", "hpc", "--reason", "  "), "--without requires --reason TEXT"),
        (("--reason", "r"), "--reason requires --without SOURCE"),
    ],
)
def test_what_without_does_not_take(expecting: Path, options: tuple[str, ...], said: str) -> None:
    done = run(expecting, *CLOSE, *options, code=2)
    assert said in done.stderr
    assert not (expecting / "periods").exists()


def test_several_sources_are_left_out_at_once(ledger: Path) -> None:
    """A name in capitals, and one that is given twice, count once."""
    sources = "sources: {aws: {credit_fund: C-1}, hpc: {expected: monthly}, gcp: {expected: monthly}}\n"
    put(ledger, "config.yaml", f"organization: Test University\n{sources}")
    assert "the source gcp is expected" in run(ledger, *CLOSE, *WITHOUT, code=2).stderr
    run(ledger, *CLOSE, *WITHOUT, "--without", "GCP", "--without", "gcp")
    assert [each["source"] for each in shown(ledger)["without"]] == ["hpc", "gcp"]


def test_what_is_missing_is_shown_before_closing(expecting: Path) -> None:
    """Files, days, totals, medians, and who is gone, by name; a plan says it of the months that change."""
    for month, cost in (("2025-03", "1"), ("2025-04", "30"), ("2025-05", "20")):
        put(expecting, f"charges/{month}/aws.csv", HEAD + row(cost, month) + row("1", month, "bo@example.edu"))
    put(expecting, "directory/people.yaml", "people: [{email: bo@example.edu, name: Bo Li}]\n")
    told = run(expecting, "periods", "show", "2025-06").stdout
    assert re.search(r"^aws +aws\.csv +10\.00 +21\.00 +−52% +1$", told, re.MULTILINE)
    assert "Gone from aws: Bo Li\n" in told
    aws, hpc = shown(expecting)["completeness"]
    assert aws == {
        "source": "aws",
        "expected": "irregular",
        "missing": False,
        "files": ["charges/2025-06/aws.csv"],
        "charges": 1,
        "days": None,
        "total": "10",
        "median": "21",
        "percent": "-52",
        "pis_gone": {"count": 1, "pis": ["bo@example.edu"]},
    }
    assert (hpc["expected"], hpc["missing"], hpc["files"], hpc["median"]) == ("monthly", True, [], "0")


def test_a_source_that_bills_nothing_needs_no_credit_fund(ledger: Path) -> None:
    """A source whose lines come to 0.00 posts nothing."""
    put(ledger, "config.yaml", "organization: X\nsources: {aws: {credit_fund: C-1}}\n")
    put(ledger, "charges/2025-06/storage.csv", HEAD + row("0.00"))
    run(ledger, *CLOSE)
    run(ledger, "periods", "open", "2025-06")
    put(ledger, "charges/2025-06/storage.csv", HEAD + row("0.01"))
    assert "the source storage has no credit fund" in run(ledger, *CLOSE, code=2).stderr
