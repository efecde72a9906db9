"""The search box in Chromium: loaded when it is used, by keyboard, from a folder."""

from __future__ import annotations

from pathlib import Path

import factory
from playwright import sync_api as playwright

from needed import needs
from openchargeback.portal import paths
from openchargeback.portal.search_index import search_index
from openchargeback.portal.shell import Link
from openchargeback.portal.site import site_book

pytestmark = needs("chromium")


def find(page: playwright.Page, text: str) -> list[list[str]]:
    """Type into the box after `/`, and wait for what is found."""
    page.keyboard.press("/")
    page.keyboard.type(text)
    page.locator("#found li").first.wait_for()
    return [each.split("\n") for each in page.locator("#found li").all_inner_texts()]


def test_names_are_found_by_their_beginnings_and_with_a_slip(page: playwright.Page, built: Path) -> None:
    page.goto((built / "about/index.html").as_uri())
    assert not page.evaluate("'MiniSearch' in window")
    assert find(page, "barb mcclint")[0][:2] == ["PI", "Barbara McClintock"]
    page.keyboard.press("Escape")
    assert page.locator("#found").is_hidden()
    page.locator("input[role=combobox]").fill("barbra")
    page.locator("#found li").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert page.locator("[aria-selected=true]").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/pis/**")
    assert page.locator("h1").inner_text() == "Barbara McClintock"


def test_a_statement_is_found_by_any_digits_of_its_number(page: playwright.Page, built: Path) -> None:
    statement = factory.site().periods[-1].statements[0]
    page.goto((built / "index.html").as_uri())
    found = find(page, statement.number[-6:-1].upper())[0]
    assert found[:2] == ["Statement", statement.number]
    assert page.locator("#found li").first.get_attribute("data-path") == paths.statement_page(statement)


def test_a_resource_is_found_by_its_name_or_any_part_of_its_id(page: playwright.Page, built: Path) -> None:
    """Those of the month that the page is about. Names that start with the text come first."""
    page.goto((built / "journals/2025-02/index.html").as_uri())
    assert find(page, "gpu-n") == [
        ["Resource", "gpu-node-7", "i-0abc7f21, February 2025"],
        ["Resource", "old gpu-node", "i-0abc7f22, February 2025"],
    ]
    page.locator("input[role=combobox]").fill("7F22 OLD")
    playwright.expect(page.locator("#found li")).to_have_count(1)
    (path,) = page.locator("#found li").evaluate_all("items => items.map(e => e.dataset.path)")
    assert path == paths.charges_view("2025-02", resource="old gpu-node")
    page.locator("input[role=combobox]").fill("bold")
    playwright.expect(page.locator("#found .label")).to_have_text("<b>bold</b> & #1")
    assert page.locator("#found li").get_attribute("data-path") == paths.charges_view(
        "2025-02", resource="<b>bold</b> & #1"
    )


def test_the_index_leads_to_every_payer_month_and_page() -> None:
    book = site_book(factory.site(hostile=True))
    index = search_index(book, [Link("About", paths.ABOUT)])
    rows = index["rows"]
    assert isinstance(rows, list)
    found = {path for _, _, _, path in rows}
    assert found == {
        *map(paths.pi_page, book.pis),
        *map(paths.project_page, book.project_ids),
        *map(paths.period_page, book.months),
        *map(paths.journal_page, book.months),
        paths.ABOUT,
    }


def test_what_is_found_is_text(page: playwright.Page, hostile: Path) -> None:
    page.goto((hostile / "index.html").as_uri())
    for text in ("script", "onerror", "amp"):
        page.locator("input[role=combobox]").fill(text)
        page.wait_for_timeout(150)
        assert page.locator("#found script, #found img, #found a").count() == 0
