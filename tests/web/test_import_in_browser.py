"""The import page in Chromium: a dropped file becomes a proposal, with the mouse and by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import office
import playwright.sync_api as playwright
import pytest
from office import Office

from needed import needs
from openchargeback.web.guard import Limits
from programs import find
from repository import HEAD, row

pytestmark = needs("chromium")

FEBRUARY = HEAD + row("10", month="2025-02")
DROP = """(area, text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "aws_2025-02.csv", {type: "text/csv"}));
    for (const kind of ["dragenter", "dragover", "drop"])
        area.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def csv_file(data: bytes) -> playwright.FilePayload:
    """A file as someone chooses it in the system's dialog."""
    return {"name": "aws.csv", "mimeType": "text/csv", "buffer": data}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    with office.served(office.ledger(tmp_path / "ledger").root, limits=Limits(upload=200_000)) as served:
        yield served


@pytest.fixture
def page(desk: Office) -> Iterator[playwright.Page]:
    """A page on which a reviewer has logged in; the test fails where the console shows an error."""
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        opened, faults = chromium.new_page(), []
        opened.set_default_timeout(120_000)
        opened.on("console", lambda each: faults.append(each.text) if each.type in ("error", "warning") else None)
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.goto(f"{desk.address}/web/login?next=/web/import")
        opened.get_by_label("User name").fill("rita")
        opened.get_by_label("Password").fill(office.PASSWORD)
        opened.get_by_role("button", name="Log in").click()
        opened.wait_for_url("**/web/import")
        yield opened
        chromium.close()
        assert faults == []


def test_a_dropped_file_becomes_a_proposal(desk: Office, page: playwright.Page) -> None:
    page.locator("[data-drop]").evaluate(DROP, FEBRUARY)
    page.wait_for_url("**/web/drafts/*")
    main = page.get_by_role("main")
    playwright.expect(main).to_contain_text("aws, February 2025nothing10.00 USD (1 charge)+10.00")
    page.get_by_role("button", name="Commit").wait_for()
    playwright.expect(main).to_contain_text("1 period changes: 0.00 → 10.00 USD (+10.00)")
    page.get_by_role("button", name="Commit").click()
    page.wait_for_url("**/web/proposals/import/aws-2025-02")
    main.get_by_text("wants to merge").wait_for()
    playwright.expect(main).to_contain_text("Rita Reviewer wants to merge import/aws-2025-02 into main")
    assert not (desk.root / "charges/2025-02").exists()


def chosen(page: playwright.Page, key: str) -> playwright.FileChooser:
    """The system's dialog, which a key opens; Chromium without a window swallows a key now and then."""
    for _ in range(10):
        try:
            with page.expect_file_chooser(timeout=3000) as chooser:
                page.keyboard.press(key)
        except playwright.TimeoutError:
            continue
        return chooser.value
    raise AssertionError("the key opens no dialog")


@pytest.mark.slow
def test_the_keyboard_alone_imports_a_file(page: playwright.Page) -> None:
    """The button of the file input opens the system's dialog, which is operated like everywhere."""
    page.locator("#main").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "files"
    chosen(page, "Enter").set_files(csv_file(FEBRUARY.encode()))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/web/drafts/*")
    button = page.get_by_role("button", name="Commit")
    button.wait_for()
    page.locator("#main").focus()
    while not button.evaluate("each => each === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/web/proposals/import/aws-2025-02")


def test_a_file_that_misses_the_area_is_not_opened(page: playwright.Page) -> None:
    page.locator("h1").evaluate(DROP, FEBRUARY)
    page.wait_for_timeout(200)
    assert page.url.endswith("/web/import")
    assert page.locator("#files").evaluate("each => each.files.length") == 0


def test_a_file_beyond_the_limit_is_refused_before_it_is_sent(page: playwright.Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.locator("#files").set_input_files(csv_file(b"x" * 300_000))
    said = page.get_by_role("alert")
    playwright.expect(said).to_have_text("These files are larger than the 0.2 MB that one upload may have.")
    page.get_by_role("button", name="Check the files").click()
    page.locator("#files").set_input_files(csv_file(b"x"))
    playwright.expect(said).to_be_hidden()
    assert sent == []
