"""What the institution's pages may point to: each other, images beside them, and for links the hosts of the config."""

from __future__ import annotations

import pytest

from openchargeback.model import Page
from openchargeback.portal.own_pages import page_problems

IMAGES = ("pages/map.png",)
HOSTS = ("www.example.edu",)

FINE = (
    "[rates](rates.md#disks)",
    "[here](#top)",
    "![map](map.png)",
    "[help](https://www.example.edu/help)",
    "<mailto:help@example.edu>",
)
FAULTY = {
    "[x](https://elsewhere.example/)": "the link https://elsewhere.example/ points to another host, elsewhere.example",
    "[x](//elsewhere.example/)": "the link //elsewhere.example/ points to another host, elsewhere.example",
    "[x](https://www.example.edu.elsewhere.example/)": "points to another host, www.example.edu.elsewhere.example",
    # To a host that links may lead to, an image would still tell who reads which page.
    "![x](https://www.example.edu/pixel.png)": "the image https://www.example.edu/pixel.png points to another host",
    "[![x](//elsewhere.example/a.png)](rates.md)": "the image //elsewhere.example/a.png points to another host",
    "[x](../config.local.yaml)": "the link ../config.local.yaml points outside pages/",
    "![x](../logo.png)": "the image ../logo.png points outside pages/",
    "[x](%2e%2e/config.yaml)": "points outside pages/",
    "[x](none.md)": "does not point to a page",
}


def told(text: str) -> list[str]:
    """What is wrong with a page of this text, beside a page of rates and an image."""
    pages = (Page("index", "Index", f"# Index\n\n{text}\n"), Page("rates", "Rates", "# Rates\n"))
    problems = page_problems(pages, IMAGES, HOSTS)
    assert {(each.path, each.line, each.code) for each in problems} <= {("pages/index.md", 3, "page-link")}
    return [each.message for each in problems]


@pytest.mark.parametrize("text", FINE)
def test_what_a_page_may_point_to(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize("text", FAULTY)
def test_what_a_page_may_not_point_to(text: str) -> None:
    (message,) = told(text)
    assert FAULTY[text] in message
