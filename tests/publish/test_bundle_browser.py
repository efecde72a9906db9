"""A month for finance in Chromium, opened from the unzipped folder by double click: no server, no network."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright import sync_api as playwright

from needed import needs
from openchargeback.ledger.periods import Event
from openchargeback.publish import closing
from openchargeback.publish.books import open_books
from openchargeback.publish.bundle import write_bundle
from programs import find
from repository import HEAD, Repository, january, row

pytestmark = [needs("chromium"), pytest.mark.slow]

WIDTHS = (360, 768, 1440)
LONG = "A group with a very long name, " * 6
PEOPLE = f"""\
people:
  - {{email: ada@example.edu, name: "{LONG}<b>&amp;"}}
  - {{email: ben@example.edu, name: Ben, payer_class: commercial, organization: Acme, address: [Box 1]}}
"""


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of January by its state, unzipped as people do, with a blank and an umlaut in its path."""
    place = tmp_path_factory.mktemp("bundle")
    ledger: Repository = january(place / "ledger")
    ledger.write("directory/people.yaml", PEOPLE)
    held = row("12.34", "r4", fund="")
    charges = (ledger.root / "charges/2025-01/aws.csv").read_text(encoding="utf-8").removeprefix(HEAD)
    ledger.write("charges/2025-01/aws.csv", HEAD + charges + held)
    found = {"open": _unzipped(ledger, place / "Für Ann")}
    ledger.write("charges/2025-01/aws.csv", HEAD + charges)
    closing.close(open_books(ledger.root), "2025-01", Event(dt.date(2025, 2, 5), "admin@example.edu"))
    found["closed"] = _unzipped(ledger, place / "Finance (1)")
    return found


def _unzipped(ledger: Repository, folder: Path) -> Path:
    made = write_bundle(open_books(ledger.root), "2025-01", ledger.root.parent / "out", zipped=True)
    assert made.archive is not None
    with zipfile.ZipFile(made.archive) as archive:
        archive.extractall(folder)
    return folder / "2025-01-for-finance"


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    """One Chromium for all tests of this file."""
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("state", ["open", "closed"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_alone(browser: playwright.Browser, unzipped: dict[str, Path], state: str, width: int) -> None:
    """No error on the console, no request that fails or leaves the folder, no link that leads out, nothing cut off."""
    folder = unzipped[state]
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    # A machine that is busy with other tests needs more than the usual half minute.
    context.set_default_timeout(180_000)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"{request.url}: {request.failure}"))
    page.on("request", lambda request: asked.append(request.url))
    index = (folder / "index.html").as_uri()
    page.goto(index)
    page.evaluate("document.fonts.ready")
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [index]
    assert page.evaluate("[...document.fonts].filter(each => each.status === 'error').length") == 0
    assert page.evaluate("document.fonts.check('15px Inter')")
    links = page.eval_on_selector_all("[href], [src]", "all => all.map(each => each.href || each.src)")
    assert len(links) >= 2 + 4 + 1, "statements, journal files, manifest"
    inside = f"{folder.as_uri()}/"
    for link in links:
        assert link.startswith(inside), link
        assert Path(unquote(urlsplit(link).path)).is_file(), link
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "it scrolls sideways"
    cut = page.evaluate(
        "[...document.querySelectorAll('td, th, li, p, dd')].filter(each => each.offsetParent"
        " && each.getBoundingClientRect().right > innerWidth + 0.5).map(each => each.textContent.trim())"
    )
    assert cut == []
    heading = page.get_by_role("heading", level=1).inner_text()
    assert heading == "January 2025 for finance"
    for name in ("What to do next", "Journal", "Control totals", "Statements"):
        assert page.get_by_role("heading", name=name, exact=True).is_visible()
    # Each link opens what it says: here a file that the browser shows as text, and back.
    page.get_by_role("link", name="manifest.json").click()
    page.wait_for_url("**/manifest.json")
    page.go_back()
    assert page.url == index
    assert said == []
    context.close()
