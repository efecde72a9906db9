"""docs/SECURITY.md names a test for each point; each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_security_document_names_exists() -> None:
    text = (ROOT / "docs/SECURITY.md").read_text("utf-8")
    files = {path.name: path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    functions = set(re.findall(r"^(?:async )?def (test_\w+)", "\n".join(files.values()), re.MULTILINE))
    named = set(re.findall(r"`(test_\w+(?:\.py)?)`", text))
    assert len(named) > 25
    assert {name for name in named if name not in functions and name not in files} == set()


def test_the_hours_in_the_documents_are_those_of_the_program() -> None:
    from openchargeback.web.sessions import FREE_BY_ADDRESS, FREE_BY_USER, IDLE_SECONDS, LONGEST_SECONDS

    text = (ROOT / "docs/SECURITY.md").read_text("utf-8")
    assert f"after {IDLE_SECONDS / 3600:.0f} idle or {LONGEST_SECONDS / 3600:.0f} hours" in text
    assert f"by name after {FREE_BY_USER} failures and by address after {FREE_BY_ADDRESS}" in text
