"""The page of a month in Chromium: at three widths, by keyboard alone, up to the draft."""

from __future__ import annotations

from collections.abc import Iterator

import office
import pytest
from office import CROOKED, Office
from playwright import sync_api as playwright

from needed import needs
from programs import find
from repository import HEAD, row

pytestmark = needs("chromium")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """January open, with a held charge and a source that delivered nothing; December closed."""
    made = office.ledger(tmp_path_factory.mktemp("page") / "ledger")
    made.write("charges/2024-12/aws.csv", HEAD + row("5", month="2024-12"))
    made.commit(message="December")
    made.run("periods", "close", "2024-12", "--commit", "--by", "admin@example.edu", "--on", "2025-01-05")
    sources = "sources: {aws: {credit_fund: C-1}, hpc: {credit_fund: C-2, expected: monthly}}\n"
    made.write("config.yaml", f"organization: Test University\n{sources}")
    made.write("charges/2025-01/aws.csv", HEAD + row("12.345") + row("7", "r3", fund=""))
    made.commit(message="January")
    with office.served(made.root) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


def logged_in(chromium: playwright.Browser, served: Office, width: int, faults: list[str]) -> playwright.Page:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{served.address}/web/login?next=/web/account")
    page.fill("[name=user]", "finn")
    page.fill("[name=password]", office.PASSWORD)
    page.click("main button")
    page.wait_for_url("**/web/account")
    return page


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_pages_of_months_fit_and_have_no_faults(chromium: playwright.Browser, served: Office, width: int) -> None:
    faults: list[str] = []
    page = logged_in(chromium, served, width, faults)
    faults.clear()
    for path in ("/web/months", "/web/months/2025-01", "/web/months/2024-12"):
        page.goto(served.address + path)
        page.wait_for_selector("body:not([data-wait])", timeout=60_000)
        page.wait_for_load_state("load")  # of the page that took the place of the one that waited
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        assert page.evaluate(CROOKED) == [], path
        fields = page.locator("main :is(input, select):not([type=hidden])")
        for index in range(fields.count()):
            assert fields.nth(index).evaluate("field => field.labels.length"), path
    assert faults == []
    page.context.close()


@pytest.mark.slow
def test_a_month_is_closed_by_keyboard_alone(chromium: playwright.Browser, served: Office) -> None:
    faults: list[str] = []
    page = logged_in(chromium, served, 1440, faults)
    faults.clear()
    page.goto(f"{served.address}/web/months/2025-01")
    page.wait_for_selector("body:not([data-wait])", timeout=60_000)
    page.get_by_label("Accounting date").focus()
    pressed = {"leave_held": "Space", "without": "Space", "reason": ""}
    for _ in range(20):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()")
        if name == "reason":
            page.keyboard.type("down for maintenance")
        elif name == "Close January 2025":
            break
        elif pressed.get(name):
            page.keyboard.press(pressed[name])
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Commit puts this on a new branch", timeout=60_000)
    assert "Close 2025-01" in page.inner_text("main")
    assert "still held" in page.inner_text("main").lower()
    assert faults == []
    page.context.close()
