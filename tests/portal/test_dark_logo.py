"""The logo for dark colors stands in for the other one wherever the page is dark, and nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path

import factory
import pytest
from playwright import sync_api as playwright

from needed import needs
from openchargeback.model import Provenance
from openchargeback.problems import LedgerFault
from openchargeback.publish.books import open_books
from openchargeback.publish.build import make_site

PLAIN = Path(__file__).parent.parent / "ledgers" / "plain"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><rect width="40" height="20" fill="{}"/></svg>'


def ledger(root: Path, dark: str) -> Path:
    """A ledger with both logos. dark: the color of the one for dark colors."""
    shutil.copytree(PLAIN, root)
    config = root / "config.yaml"
    _, _, rest = config.read_text("utf-8").partition("\n")
    head = "organization: {name: Golden University, logo: day.svg}\nportal: {logo_dark: night.svg}\n"
    config.write_text(head + rest, "utf-8")
    (root / "day.svg").write_text(SVG.format("black"))
    (root / "night.svg").write_text(SVG.format(dark))
    return root


@needs("chromium")
def test_the_logo_follows_the_colors_of_the_page(page: playwright.Page, tmp_path: Path) -> None:
    books = open_books(ledger(tmp_path / "ledger", "white"))
    folder = factory.write(make_site(books, Provenance("", "", "0"), {}), tmp_path / "public")

    def logos() -> list[str]:
        found = page.locator(".brand img")
        return [str(each.get_attribute("src")) for each in found.all() if each.is_visible()]

    page.emulate_media(color_scheme="light")
    page.goto((folder / "index.html").as_uri())
    assert logos() == ["assets/logo.svg"]
    page.emulate_media(color_scheme="dark")
    assert logos() == ["assets/logo-dark.svg"]
    page.emulate_media(color_scheme="dark", media="print")
    assert logos() == ["assets/logo.svg"]
    page.emulate_media(color_scheme="dark", media="screen")
    page.get_by_role("button", name="Switch to light colors").click()
    assert logos() == ["assets/logo.svg"]
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Switch to dark colors").click()
    assert logos() == ["assets/logo-dark.svg"]
    page.emulate_media(media="print")
    assert logos() == ["assets/logo.svg"]


def test_one_that_cannot_be_used_is_a_problem_of_its_own(tmp_path: Path) -> None:
    root = ledger(tmp_path / "ledger", 'white"/><script>alert(1)</script><rect fill="black')
    with pytest.raises(LedgerFault) as raised:
        open_books(root)
    assert [(each.code, each.message) for each in raised.value.problems] == [
        ("bad-logo", "the logo night.svg contains <script>, which could run or load something")
    ]
