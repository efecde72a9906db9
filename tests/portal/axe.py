"""axe-core in a page: the faults of accessibility that a program can find."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from playwright import sync_api as playwright


def violations(page: playwright.Page) -> list[str]:
    """Rule and first place of each violation of WCAG 2.2 A and AA and of axe's best practices."""
    found = find_spec("axe_playwright_python")
    assert found is not None
    assert found.origin is not None
    page.evaluate(Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
    # Without loading style sheets again, which the Content-Security-Policy forbids.
    result = page.evaluate("axe.run({preload: false})")
    return [f"{each['id']}: {each['nodes'][0]['target']}" for each in result["violations"]]
