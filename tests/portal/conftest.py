"""A built portal for the tests of this folder, once for the whole run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright import sync_api as playwright

sys.path.insert(0, str(Path(__file__).parent))

import factory
import statement_cases as cases

from openchargeback.portal.pdf_pool import render_job
from programs import find


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portal of the invented university."""
    return factory.write(factory.site(), tmp_path_factory.mktemp("portal"))


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The PDF of every case in `statement_cases`."""
    folder = tmp_path_factory.mktemp("statements")
    paths = {}
    for name in cases.CASES:
        paths[name] = folder / f"{name}.pdf"
        paths[name].write_bytes(render_job(cases.job_of(name)))
    return paths


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portal where every text is out to break the page."""
    return factory.write(factory.site(hostile=True), tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    """One Chromium for all tests of a file."""
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: playwright.Browser) -> Iterator[playwright.Page]:
    """A page that fails the test where the console shows an error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light", accept_downloads=True)
    opened, faults = context.new_page(), []
    opened.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    # The icon of a page that is left before it has come is no fault of the page.
    opened.on(
        "requestfailed", lambda request: faults.append(request.url) if request.failure != "net::ERR_ABORTED" else None
    )
    yield opened
    context.close()
    assert faults == []
