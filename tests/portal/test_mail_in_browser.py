"""The golden messages as a mail program shows them: on a phone, and in dark mode."""

from __future__ import annotations

import base64
import email
from email.policy import default as policy
from pathlib import Path

import pytest
from axe import violations
from playwright import sync_api as playwright

from needed import needs

pytestmark = needs("chromium")

GOLDEN = Path(__file__).parents[1] / "deliver/golden"
_SHADE = "element => getComputedStyle(element).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"

_NOT_IN_MAILS = ("landmark-one-main", "region")
"""A message has no landmarks: the page is the mail program's."""


def shown(path: Path) -> str:
    """The HTML of a message, with its logo in place."""
    message = email.message_from_bytes(path.read_bytes(), policy=policy)
    html = message.get_body(("html",))
    assert html is not None
    text: str = html.get_content()
    for part in message.walk():
        if part["Content-ID"]:
            data = base64.b64encode(part.get_content()).decode()
            text = text.replace(f"cid:{part['Content-ID'].strip('<>')}", f"data:image/png;base64,{data}")
    return text


@pytest.mark.parametrize("theme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
@pytest.mark.parametrize("width", [pytest.param(800, marks=pytest.mark.slow), 360])
def test_a_message_of_each_kind_fits_and_has_contrast_and_loads_nothing(
    browser: playwright.Browser, width: int, theme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if theme == "dark" else "light"
    )
    page, requests, found = context.new_page(), [], {}
    page.on("request", lambda request: requests.append(request.url))
    for path in (min(folder.glob("*.eml")) for folder in sorted(GOLDEN.iterdir())):
        page.set_content(shown(path))
        name = f"{path.parent.name}/{path.name}"
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        assert (max(page.locator("body").evaluate(_SHADE)) < 64) == (theme == "dark"), name
        found[name] = [each for each in violations(page) if not each.startswith(_NOT_IN_MAILS)]
    context.close()
    assert {name: each for name, each in found.items() if each} == {}
    assert [url for url in requests if not url.startswith("data:")] == []
