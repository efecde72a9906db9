"""The built portal in Chromium, opened from a folder as finance staff do: by double click, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright import sync_api as playwright

from needed import needs

pytestmark = needs("chromium")

PAGES = (
    *("index.html", "periods/index.html", "periods/2025-02/index.html", "pis/index.html", "projects/index.html"),
    *("journals/2025-02/index.html", "review/index.html", "sources/index.html", "about/index.html", "pages/rates.html"),
    *(
        "funds/index.html",
        "departments/index.html",
        "reports/index.html",
        "reports/FY2025/index.html",
        "files/index.html",
    ),
    *("approvals/index.html", "sources/aws/index.html", "funds/bio-2024-001~9de1e38396fd/index.html"),
    *("pis/chandra@example.edu/index.html", "projects/genomics-sequencing/index.html"),
)


def background(page: playwright.Page) -> str:
    """The color of the paper as painted."""
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.slow
def test_no_page_scrolls_sideways_on_a_phone_or_a_desk(
    page: playwright.Page, built: Path, hostile: Path, theme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=theme)
    # Colors do not change widths, so the second time round the tame pages will do.
    for folder in (built, hostile) if theme == "light" else (built,):
        hostile_pages = [p.relative_to(folder).as_posix() for p in folder.glob("*/*~*/index.html")]
        for name in (*PAGES, *hostile_pages):
            page.goto((folder / name).as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
            page.evaluate("document.fonts.ready")
            for width in (320, 360, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                page.evaluate("new Promise(requestAnimationFrame)")
                wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert wide <= 0, (folder.name, name, width)


def test_the_dark_switch_works_and_lasts(page: playwright.Page, built: Path) -> None:
    page.goto((built / "index.html").as_uri())
    light = background(page)
    page.get_by_role("button", name="Switch to dark colors").click()
    dark = background(page)
    assert light != dark
    page.goto((built / "pis/index.html").as_uri())
    assert background(page) == dark
    page.emulate_media(media="print")
    assert background(page) == light


def test_columns_sort_by_button(page: playwright.Page, built: Path) -> None:
    page.goto((built / "pis/index.html").as_uri())
    due = page.locator("th", has_text="Due USD").first
    total = page.locator("tfoot").inner_text()

    def shown() -> list[float]:
        cells = page.locator("tbody .main").evaluate_all("cells => cells.map(c => Number(c.dataset.value))")
        return [float(value) for value in cells]

    assert due.get_attribute("aria-sort") == "descending", "as delivered"
    assert shown() == sorted(shown(), reverse=True)
    due.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert due.get_attribute("aria-sort") == "ascending"
    assert shown() == sorted(shown())
    due.get_by_role("button").click()
    assert due.get_attribute("aria-sort") == "descending"
    assert shown() == sorted(shown(), reverse=True)
    page.locator("th", has_text="Department").get_by_role("button").click()
    assert due.get_attribute("aria-sort") is None
    assert page.locator("tfoot").inner_text() == total


def test_heads_and_totals_of_long_tables_stay_visible(page: playwright.Page, built: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 400})
    page.goto((built / "journals/2025-02/index.html").as_uri())
    table = page.locator("table", has_text="Description")
    table.evaluate("table => scrollTo(0, table.tHead.getBoundingClientRect().top + 200)")
    head, foot = table.locator("thead th").first.bounding_box(), table.locator("tfoot th").bounding_box()
    assert head is not None
    assert foot is not None
    assert abs(head["y"]) < 1
    assert abs(foot["y"] + foot["height"] - 400) < 1


def test_the_keyboard_reaches_the_content_first(page: playwright.Page, built: Path) -> None:
    page.goto((built / "periods/2025-02/index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
