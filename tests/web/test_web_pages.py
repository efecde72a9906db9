"""Every page of the web program in Chromium: accessible in both themes, no wider than the window, and quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "portal"))

import axe
import proposing
import pytest
from office import CROOKED, PASSWORD, Office, served
from playwright import sync_api as playwright

from needed import needs
from programs import find
from repository import HEAD, row

pytestmark = [needs("chromium"), pytest.mark.slow]

PAGES = (
    *("web/todo", "web/import", "web/proposals", "web/months", "web/months/2025-01", "web/directory", "web/audit"),
    *("web/account", "web/proposals/topic", "web/directory/entry?kind=person&id=new@example.edu", "web/nothing"),
    *("DRAFT", "index.html", "review/index.html"),
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = proposing.ledger(tmp_path_factory.mktemp("pages") / "ledger")
    made.git("checkout", "-q", "-b", "topic")
    made.write("charges/2025-02/aws.csv", HEAD + row("10", month="2025-02") + row("much", month="2025-02"))
    made.commit(message="February, with a fault")
    made.git("checkout", "-q", "main")
    with served(made.root) as office:
        yield office


@pytest.fixture(scope="module")
def chromium() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def draft(here: Office) -> str:
    """The page of an unfinished import."""
    admin = here.browser("admin")
    got = admin.upload("/web/import", {"aws_2025-03.csv": (HEAD + row("5", month="2025-03")).encode()})
    admin.follow(got.location)
    return here.program.drafts.unfinished(here.program.people.person("admin"))[0].id  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_pages_are_accessible_and_fit(
    here: Office, chromium: playwright.Browser, draft: str, scheme: str, width: int
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(120_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    expected = "status of 404", "status of 503"  # a page that does not exist, and one that is still built

    def told(message: playwright.ConsoleMessage) -> None:
        if message.type == "error" and not any(each in message.text for each in expected):
            faults.append(message.text)

    page.on("console", told)
    page.goto(f"{here.address}/web/login?next=/web/todo")
    found = {"web/login": axe.violations(page)}
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/web/todo")
    for name in PAGES:
        page.goto(f"{here.address}/{name.replace('DRAFT', f'web/drafts/{draft}')}")
        page.wait_for_function("() => !document.body.dataset.wait", polling=200)
        found[name] = axe.violations(page)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found[name] += page.evaluate(CROOKED)
        if over > 0:
            found[name].append(f"{over} px wider than the window")
    context.close()
    assert {name: each for name, each in found.items() if each} == {}
    assert faults == []
