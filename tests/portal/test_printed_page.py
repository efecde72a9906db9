"""The page of a statement as Chromium prints it, and large amounts there and in PDFs."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import factory
import pytest
import statement_cases as cases
import test_statement_page as statement_pages
from playwright import sync_api as playwright

from needed import needs
from openchargeback import money
from openchargeback.model import Amounts, BillingLine, ResourceLine, Statement
from openchargeback.portal.pdf_pool import render_job
from openchargeback.portal.site import site_jobs
from openchargeback.portal.statements import statement_jobs
from openchargeback.templating.environment import make_environment
from programs import find

pytestmark = needs("chromium", "pdftotext")

Show = Callable[[str], list[str]]
Row = TypeVar("Row", BillingLine, ResourceLine)


def _larger(row: Row, factor: int) -> Row:
    """A line or resource with so much larger amounts."""
    due, discount = row.amounts.billed * factor, row.amounts.discount * factor
    return dataclasses.replace(
        row, amounts=Amounts(list=due + discount, discount=discount, billed=due), service=f"חישוב {row.service}"
    )


def huge(factor: int = 10**9) -> Statement:
    """A statement of amounts of 10^12 and more, with a name that is read from right to left."""

    of = cases.normal()
    lines = tuple(_larger(each, factor) for each in of.lines)
    parts = tuple(_larger(each, factor) for each in of.resources)
    pi = dataclasses.replace(of.pi, name="\u202eמכתב \u2067\u061c12.00")
    return dataclasses.replace(of, lines=lines, resources=parts, pi=pi)


def sheets(path: Path) -> list[str]:
    """The text of each sheet of a PDF."""
    text = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True).stdout
    return text.split("\f")[:-1]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Show:
    """Prints the page of a case as a browser does; gives the text of each sheet."""
    folder, made = tmp_path_factory.mktemp("printed"), {**cases.CASES, "huge": huge}
    env = make_environment()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cases, "CASES", made)
        site = statement_pages.with_cases()
    for job in (
        *statement_jobs(site, env),
        *(each for each in site_jobs(factory.site(months=3), env) if each.path.startswith("assets/")),
    ):
        (folder / job.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / job.path).write_bytes(job.render())

    def show(name: str) -> list[str]:
        (page,) = (folder / "statements").rglob(f"{name}.html")
        with playwright.sync_playwright() as running:
            chromium = running.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
            opened = chromium.new_page()
            opened.goto(page.as_uri())
            opened.pdf(path=str(folder / f"{name}.pdf"), format="A4")
            chromium.close()
        return sheets(folder / f"{name}.pdf")

    return show


def amounts_of(of: Statement) -> set[str]:
    """Every amount of its lines, as it is printed."""
    values = [(each.amounts.list, -each.amounts.discount, each.amounts.billed) for each in of.lines]
    return {money.human(value, "USD") for row in values for value in row if value}


def test_a_printed_draft_says_so_on_every_sheet_and_keeps_its_number(printed: Show) -> None:
    pages = printed("draft")
    assert len(pages) > 1
    assert all("DRAFT" in page for page in pages)
    assert cases.CASES["draft"]().number in pages[0]
    assert "Not final: the period is open" in pages[0]


def test_a_printed_statement_keeps_number_and_state(printed: Show) -> None:
    pages = printed("normal")
    assert cases.normal().number in pages[0]
    assert "Issued 3 Feb 2025" in " ".join(pages[0].split())
    assert not any("DRAFT" in page for page in pages)


def test_large_amounts_are_whole_on_the_printed_page(printed: Show) -> None:
    assert amounts_of(huge()) <= set(" ".join(printed("huge")).split())


@pytest.mark.parametrize("factor", [10**6, 10**9, 10**12], ids=["billions", "trillions", "quadrillions"])
def test_large_amounts_are_whole_in_pdfs_whatever_the_names(tmp_path: Path, factor: int) -> None:
    of = huge(factor)
    path = tmp_path / "huge.pdf"
    path.write_bytes(render_job(cases.job(of)))
    pages = sheets(path)
    words = " ".join(pages).split()
    assert amounts_of(of) <= set(words)
    # Each row reads from the list price to the amount due, however its name is read.
    line = of.lines[0].amounts
    row = [money.human(value, "USD") for value in (line.list, -line.discount, line.billed)]
    assert " ".join(row) in " ".join(words)
    assert "\u202e" not in " ".join(words)
    # Nothing leaves the sheet: its right margin is 16 mm, 45 points, of which a label of the chart may take a part.
    boxes = subprocess.run(["pdftotext", "-bbox", path, "-"], check=True, capture_output=True, text=True).stdout
    ends = [float(part.split('"')[0]) for part in boxes.split('xMax="')[1:]]
    assert max(ends) < 595 - 20
