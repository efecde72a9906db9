"""The review form in Chromium, behind the login: two people decide and approve, each in a browser of their own."""

from __future__ import annotations

from collections.abc import Iterator

import office
import proposing
import pytest
from office import Office
from playwright import sync_api as playwright

from needed import needs
from programs import find
from repository import Repository

pytestmark = needs("chromium")

_errors: list[str] = []
_BUILDING = "status of 503"
"""What Chromium says of the page that is shown until a portal is built."""


@pytest.fixture(autouse=True)
def without_errors() -> Iterator[None]:
    """No script fails, and no page tries what its policy forbids."""
    _errors.clear()
    yield
    assert not _errors


SLOW = 120_000
"""How long to wait for what the server computes, in milliseconds."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A ledger whose changes a second person approves."""
    return proposing.ledger(tmp_path_factory.mktemp("browser") / "ledger")


@pytest.fixture(scope="module")
def served(made: Repository) -> Iterator[Office]:
    """The ledger, served; its portal is built."""
    with office.served(made.root) as found:
        assert found.browser("rita").follow("/review/index.html").status == 200
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[playwright.Browser]:
    """One Chromium."""
    playwright.expect.set_options(SLOW)
    with playwright.sync_playwright() as running:
        yield running.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])


def log_in(
    chromium: playwright.Browser, served: Office, user: str, path: str = "/review/index.html"
) -> playwright.Page:
    """A page in a browser context of its own, in which someone has logged in. Errors of its scripts are kept."""
    page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(SLOW)
    page.on("pageerror", lambda error: _errors.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda said: (
            _errors.append(f"{page.url}: {said.text}") if said.type == "error" and _BUILDING not in said.text else None
        ),
    )
    page.goto(f"{served.address}/web/login?next={path}")
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(office.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**{path}")
    return page


@pytest.mark.slow
def test_two_people_decide_and_approve_in_their_browsers(
    made: Repository, served: Office, chromium: playwright.Browser
) -> None:
    """Rita decides an item by the keyboard; Rob sees it leave the queue, approves it, and both see the new portal."""
    one, two = (each["item"] for each in proposing.queue(made))
    rita, rob = (log_in(chromium, served, user) for user in ("rita", "rob"))
    waiting = rob.locator("[data-found]")
    playwright.expect(waiting).to_have_text("2 items, 2 charges, USD 73.00")
    rita.locator(f"#{one} [data-pick]").focus()
    rita.keyboard.press("Space")
    by = rita.get_by_label("Your name or email")
    playwright.expect(by).to_have_value("rita@example.edu")
    playwright.expect(by).not_to_be_editable()
    button = rita.get_by_role("button", name="Commit on a branch")
    playwright.expect(button).to_be_disabled()
    rita.get_by_label("Reason", exact=True).fill('agreed, "REQ-142": käse')
    playwright.expect(button).to_be_enabled()
    for name in ("Copy", "Download"):
        playwright.expect(rita.get_by_role("button", name=name)).to_be_enabled()
    path, text = rita.locator("[data-path]").inner_text(), rita.locator("[data-text]").text_content() or ""
    button.focus()
    rita.keyboard.press("Enter")
    rita.get_by_role("button", name="Commit", exact=True).click()
    rita.wait_for_url("**/web/proposals/**")
    branch = rita.url.partition("/web/proposals/")[2]
    assert made.git("show", f"{branch}:{path}") + "\n" == text

    row = rob.locator(f"#{one}")
    playwright.expect(row).to_contain_text(f"on branch {branch}")
    playwright.expect(row.locator("[data-pick]")).to_be_disabled()
    playwright.expect(waiting).to_have_text("1 item, 1 charge, USD 31.00; 1 more item decided on branches")
    playwright.expect(rob.locator("[data-totals]")).to_contain_text("31.00")
    rob.get_by_role("checkbox", name="Select all items on this page").first.check()
    playwright.expect(rob.locator("[data-selected]")).to_have_text("1 item, 1 charge, USD 31.00")
    row.get_by_role("link", name="on branch").click()
    playwright.expect(rob.get_by_role("heading", level=1)).to_have_text("Approve 1 item of January 2025")
    rita.goto(f"{served.address}/review/index.html")
    playwright.expect(rita.locator(f"#{one}")).to_contain_text(f"on branch {branch}")
    rob.get_by_role("button", name="Approve and merge").click()
    playwright.expect(rob.locator("main")).to_contain_text("approved by rob@example.edu")
    assert made.git("log", "-1", "--format=%cn", "main") == "Rob Reviewer"

    playwright.expect(rita.locator("[data-web-note]")).to_contain_text("The ledger has changed.")
    rita.get_by_role("link", name="Show the new page").click()
    playwright.expect(rita.locator("[data-found]")).to_have_text("1 item, 1 charge, USD 31.00")
    playwright.expect(rita.locator(f"#{two}")).to_be_visible()
    playwright.expect(rita.locator(f"#{one}")).to_have_count(0)


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize("user", ["finn", "vera"])
def test_people_who_do_not_decide_see_the_queue_without_its_form(
    served: Office, chromium: playwright.Browser, user: str
) -> None:
    page = log_in(chromium, served, user)
    page.wait_for_selector("[data-review].read-only")
    playwright.expect(page.locator("tr.item").first).to_be_visible()
    playwright.expect(page.locator("[data-pick]").first).to_be_hidden()
    page.locator("[data-reasons]").first.click()
    playwright.expect(page.locator(".evidence").first).to_contain_text("Why it is held")
    playwright.expect(page.locator("[data-form]")).to_be_hidden()
    playwright.expect(page.locator("[data-commit]")).to_have_count(0)


@pytest.mark.slow
def test_without_scripts_the_file_is_pasted(made: Repository, served: Office, chromium: playwright.Browser) -> None:
    item = proposing.queue(made)[-1]["item"]
    path, text = proposing.decision(made, item, "rita@example.edu", reason="pasted")
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.set_default_timeout(SLOW)
    page.goto(f"{served.address}/web/login?next=/web/decisions")
    page.get_by_label("User name").fill("rita")
    page.get_by_label("Password").fill(office.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Path").fill(path)
    page.get_by_label("File", exact=True).fill(text)
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Discard").click()
    page.wait_for_url("**/web/decisions")


@pytest.mark.slow
def test_the_overview_says_what_waits_on_branches(
    made: Repository, served: Office, chromium: playwright.Browser
) -> None:
    tip = proposing.branch_by(made, "ann", "waits", "config.yaml", (made.root / "config.yaml").read_text() + "# x\n")
    page = log_in(chromium, served, "vera", "/index.html")
    playwright.expect(page.locator("[data-web-note]")).to_contain_text("waiting on branches")
    page.goto(f"{served.address}/web/proposals/waits")
    page.get_by_role("link", name="Preview the portal").click()
    page.wait_for_url(f"**/web/preview/{tip}/index.html")
    note = page.locator("[data-web-note]")
    playwright.expect(note).to_contain_text("This is what the portal shows once the branch is merged")
    page.get_by_role("link", name="Review", exact=False).first.click()
    page.wait_for_selector("[data-review].read-only")
    page.get_by_role("link", name="Back to the proposal").click()
    page.wait_for_url("**/web/proposals/waits")
