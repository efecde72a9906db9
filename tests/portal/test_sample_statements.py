"""The PDF of every statement of the sample ledger: nothing is lost, most fit one sheet, the data is right."""

from __future__ import annotations

import csv
import io
import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pdf_text import lost, pages_of, unsaid
from pypdf import PdfReader

from openchargeback.model import Provenance
from openchargeback.portal.pdf_pool import PdfJob, render_pdfs
from openchargeback.portal.record_schema import shipped_schema
from openchargeback.portal.statements import statement_pdfs
from openchargeback.publish.books import open_books, open_cache
from openchargeback.publish.build import make_site
from openchargeback.publish.month_charges import MonthCharges, Wanted
from openchargeback.templating.environment import make_environment

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[PdfJob]:
    """The jobs of all of them."""
    root = tmp_path_factory.mktemp("sample") / "ledger"
    shutil.copytree(ROOT / "ledger", root, ignore=shutil.ignore_patterns(".openchargeback"))
    for file in sorted((ROOT / "sample_data").glob("*_20*.csv")):
        source, _, month = file.stem.rpartition("_")
        (root / "charges" / month).mkdir(exist_ok=True)
        shutil.copy(file, root / "charges" / month / f"{source}.csv")
    books = open_books(root, keep={Wanted.STATEMENTS})
    charges = MonthCharges(books.ledger, open_cache(root))
    return [
        plan.job() for plan in statement_pdfs(make_site(books, Provenance("", "", ""), {}), make_environment(), charges)
    ]


@pytest.fixture(scope="module")
def pdfs(jobs: list[PdfJob]) -> dict[str, bytes]:
    """Their PDFs, by path."""
    return dict(render_pdfs(jobs, 2))


def test_nothing_is_lost(jobs: list[PdfJob], pdfs: dict[str, bytes]) -> None:
    assert len(pdfs) >= 100
    assert {job.name: found for job in jobs if (found := lost(job, pdfs[job.name]))} == {}
    assert {name: found for name, content in pdfs.items() if (found := unsaid(content))} == {}


def test_most_fit_one_sheet(pdfs: dict[str, bytes]) -> None:
    pages = [pages_of(content) for content in pdfs.values()]
    assert sum(len(each) == 1 for each in pages) > len(pages) / 2
    # A last page has more than its running head and foot.
    assert min(len(each[-1]) for each in pages) > 300


def test_their_data_is_as_published_and_adds_up(pdfs: dict[str, bytes]) -> None:
    validator = Draft202012Validator(json.loads(shipped_schema()))
    for name, content in pdfs.items():
        files = {file: data for file, (data,) in PdfReader(io.BytesIO(content)).attachments.items()}
        assert sorted(files) == ["charges.csv", "lines.csv", "statement.json"], name
        record = json.loads(files["statement.json"])
        assert list(validator.iter_errors(record)) == [], name
        rows = list(csv.DictReader(io.StringIO(files["charges.csv"].decode(), newline="")))
        due = sum((Decimal(row["billed"]) for row in rows if row["posted"] == "yes"), Decimal(0))
        assert due == Decimal(record["total"]["billed"]), name
        assert sum(line["charges"] for line in record["lines"]) == len(rows), name
