"""Each kind of page of the portal by keyboard and for axe-core, in both themes and at three widths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe import violations
from playwright import sync_api as playwright

from needed import needs

pytestmark = needs("chromium")

# The share of a focused element that is not covered by something else, at its corners and in the middle.
_SEEN = """() => {
  const element = document.activeElement;
  const box = element.getBoundingClientRect();
  const points = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.2], [0.1, 0.8], [0.9, 0.8]];
  return points.some(([x, y]) => {
    const there = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
    return there !== null && (element.contains(there) || there.contains(element));
  });
}"""
_HERE = """() => {
  const element = document.activeElement;
  const box = element.getBoundingClientRect();
  const place = [Math.round(box.top + scrollY), Math.round(box.left)];
  return [element.tagName, element.textContent.trim().slice(0, 40), ...place].join(" ");
}"""


def pages(folder: Path) -> list[Path]:
    """One page of each kind: the first of a folder that has many."""
    kinds: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.html")):
        parts = path.relative_to(folder).parts
        kinds.setdefault(f"{parts[0]}/{len(parts)}" if len(parts) > 1 else parts[0], path)
    return list(kinds.values())


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_axe_finds_nothing_on_any_kind_of_page(page: playwright.Page, built: Path, width: int, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for path in pages(built):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('main details').forEach(e => e.open = true)")
        found[path.relative_to(built).as_posix()] = violations(page)
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 360])
def test_nothing_that_has_the_focus_is_covered(page: playwright.Page, built: Path, width: int) -> None:
    """Forward and backward through each kind of page, also below sticky heads and above sticky totals."""
    page.set_viewport_size({"width": width, "height": 500})
    for path in pages(built):
        page.goto(path.as_uri())
        for key in ("Tab", "Shift+Tab"):
            walk(page, key)


def walk(page: playwright.Page, key: str) -> None:
    """Press a key until the page has been left, and look at each element on the way."""
    seen: set[str] = set()
    for _ in range(150):
        page.keyboard.press(key)
        if page.evaluate("document.activeElement === document.body"):
            return
        here = page.evaluate(_HERE)
        if here in seen:
            return
        seen.add(here)
        assert page.evaluate(_SEEN), (page.url, key, here)


def test_menus_open_and_close_by_keyboard(page: playwright.Page, built: Path) -> None:
    page.goto((built / "periods/2025-02/index.html").as_uri())
    picker = page.locator(".picker > summary")
    picker.focus()
    page.keyboard.press("Enter")
    assert page.locator(".picker a").first.is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".picker a").first.is_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_the_month_picker_leads_to_the_same_page_of_each_month(page: playwright.Page, built: Path) -> None:
    page.goto((built / "journals/2025-02/index.html").as_uri())
    page.locator(".months .step").first.click()
    assert page.url == (built / "journals/2025-01/index.html").as_uri()
    page.locator(".picker > summary").click()
    names = page.locator(".picker [data-months] a").all_inner_texts()
    assert names[0].startswith("February 2025")
    page.get_by_role("link", name="February 2025").first.click()
    assert page.url == (built / "journals/2025-02/index.html").as_uri()


def test_the_filter_of_the_queue_stays_in_another_month(page: playwright.Page, built: Path) -> None:
    page.goto((built / "review/index.html").as_uri() + "#period=2025-02&source=hpc")
    page.locator("[data-filter=reason]").select_option(index=1)
    page.locator(".picker > summary").click()
    page.locator(".picker [data-months] a").nth(1).click()
    before, _, fragment = page.url.partition("#")
    assert before == (built / "review/index.html").as_uri()
    assert re.fullmatch(r"period=2025-01&reason=[\w%-]+&source=hpc", fragment)


def test_in_forced_colors_only_the_current_menu_item_is_underlined(page: playwright.Page, built: Path) -> None:
    page.emulate_media(forced_colors="active")
    page.goto((built / "periods/2025-02/index.html").as_uri())
    underlined = page.evaluate("""() => {
        const paper = getComputedStyle(document.body).backgroundColor;
        const links = [...document.querySelectorAll(".nav > ul > li > a, .views a")];
        const marked = links.filter(e => getComputedStyle(e).borderBottomColor !== paper);
        return marked.map(e => e.getAttribute("aria-current"));
    }""")
    assert underlined == ["true"]


def test_what_is_folded_is_not_printed(page: playwright.Page, built: Path) -> None:
    page.goto((built / "pis/chandra@example.edu/index.html").as_uri())
    folded = page.get_by_text("Figures as a table")
    assert folded.is_visible()
    page.emulate_media(media="print")
    assert folded.is_hidden()
