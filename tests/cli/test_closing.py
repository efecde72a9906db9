"""The controls of a month's end, as a person meets them: accounting date, missing sources, credit funds."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags\n"
BY = ("--by", "admin@example.edu")
COMMAND = [sys.executable, "-c", "from openchargeback.cli.main import main; main()"]
HLEDGER = """{% for line in lines %}
{{ line.date }} {{ line.statement }}
    {{ line.fund | replace("-", ":") }}  {{ "" if line.side == "debit" else "-" }}{{ line.amount | amount }} USD
    clearing
{% endfor %}"""


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
    done = subprocess.run(
        [*COMMAND, *arguments, "--ledger", str(root)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done


def shown(root: Path, period: str = "2025-06") -> dict[str, object]:
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
    formats = "journal: {formats: {hledger: {template: hledger.txt, extension: journal}}}\n"
    put(root, "config.yaml", f"organization: Test University\nfiscal_year_starts: 7\n{sources}{formats}")
    put(root, "templates/hledger.txt", HLEDGER)
    put(root, "charges/2025-06/aws.csv", HEAD + row("10"))
    return root


def test_a_june_closed_in_july_posts_into_june_and_the_old_fiscal_year(ledger: Path) -> None:
    """In every format; the statement has the date of closing."""
    run(ledger, "periods", "close", "2025-06", "--on", "2025-07-08", *BY)
    assert "\naccounting_date: 2025-06-30\n" in period_file(ledger)
    assert '\naccounting_date: "2025-06-30"\n' in (ledger / "periods/2025-06.frozen.yaml").read_text("utf-8")
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
    if shutil.which("hledger"):
        books = ["hledger", "-f", str(journals / "hledger.journal"), "print", "-b", "2025-06-01", "-e", "2025-07-01"]
        assert subprocess.run(books, check=True, capture_output=True, text=True).stdout.count("2025-06-30") == 2
    page = next((ledger / "out/statements/2025-06").rglob("*.html")).read_text("utf-8")
    assert "8 Jul 2025" in page
    assert "30 Jun 2025" in (journals / "index.html").read_text("utf-8")
    assert shown(ledger)["accounting_date"] == "2025-06-30"
    assert "Accounting date 2025-06-30" in run(ledger, "periods", "show", "2025-06").stdout


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
    assert "the accounting date 2025-05-31 lies before 2025-06 begins" in said
    assert not (ledger / "periods").exists()
    run(ledger, *close, "--accounting-date", "2025-06-01")
    put(ledger, "periods/2025-06.yaml", period_file(ledger).replace("2025-06-01", "2025-05-31"))
    assert "the accounting date 2025-05-31 lies before 2025-06 begins" in run(ledger, "validate", code=1).stdout


def test_the_period_file_must_say_the_accounting_date_of_the_record(ledger: Path) -> None:
    """Closed or finalized, an edit is found."""
    run(ledger, "periods", "close", "2025-06", "--on", "2025-07-08", *BY)
    closed = period_file(ledger)
    put(ledger, "periods/2025-06.yaml", closed.replace("date: 2025-06-30", "date: 2025-07-01"))
    said = run(ledger, "validate", code=1).stdout
    assert "closed-period-changed" in said
    assert "the accounting date was 2025-06-30, is 2025-07-01" in said
    put(ledger, "periods/2025-06.yaml", closed)
    run(ledger, "periods", "finalize", "2025-06", "--on", "2025-07-20", *BY)
    run(ledger, "validate")
    put(ledger, "periods/2025-06.yaml", period_file(ledger).replace("date: 2025-06-30", "date: 2025-07-01"))
    assert "sealed-file-changed" in run(ledger, "validate", code=1).stdout
