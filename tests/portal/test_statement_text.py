"""The text of some statements as a reader sees it, page by page, compared with what it was when someone looked at it.

After a change on purpose: `pytest tests/portal/test_statement_text.py --update-golden`, and read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pypdf import PdfReader

GOLDEN = Path(__file__).parent / "statement_texts"


@pytest.mark.parametrize("name", ["normal", "two-funds", "external", "earlier", "corrected", "draft", "subsidized"])
def test_a_statement_reads_as_it_did(printed: dict[str, Path], name: str, request: pytest.FixtureRequest) -> None:
    pages = PdfReader(printed[name]).pages
    text = "\n\f\n".join(page.extract_text(extraction_mode="layout") for page in pages)
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    place = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
    assert text == place.read_text(encoding="utf-8")
