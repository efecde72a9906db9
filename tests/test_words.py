"""The words that the style guide rules out are found, with their endings and in names; others are not."""

from __future__ import annotations

import pytest

from words import ROOT, STYLE, findings, main, word_list

WORDS = {"colour": "color", "mend": "fix", "recognise": "recognize"}


def test_the_style_guide_has_the_list() -> None:
    listed = word_list((ROOT / STYLE).read_text(encoding="utf-8"))
    assert listed["colour"] == "color"
    assert "do not write" not in listed
    assert len(listed) >= 15


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a Colour of chart_colours", [("Colour", "color"), ("colours", "color")]),
        ("mend it, mended, mends, mending", [("mend", "fix"), ("mended", "fix"), ("mends", "fix"), ("mending", "fix")]),
        ("recognised, recognising", [("recognised", "recognize"), ("recognising", "recognize")]),
        ("recommend an amendment; color, recognized", []),
    ],
)
def test_words_are_found_in_any_form(text: str, found: list[tuple[str, str]]) -> None:
    assert [(word, right) for _, word, right in findings(text, WORDS)] == found


def test_the_project_keeps_to_it() -> None:
    assert main() == 0
