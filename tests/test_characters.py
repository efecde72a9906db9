"""Characters that mislead a reader reach no journal, statement, terminal or comment, and decide no payer."""

from __future__ import annotations

import unicodedata

import pytest

from openchargeback.characters import BIDIRECTIONAL, CONTROLS, MISLEADING
from openchargeback.characters import one_line as on_a_statement
from openchargeback.cli.report import shown as on_a_terminal
from openchargeback.cli.reports.markdown import escaped
from openchargeback.focus.tags import TagValues, read_tags
from openchargeback.templating.clean_text import clean, unsafe
from openchargeback.templating.text_filters import csv_filter, fixed_filter

NAMES = {f"U+{ord(char):04X}": char for char in sorted(MISLEADING) if ord(char) < 0xD800 or char in "\ud800\udfff"}


def test_the_list_is_the_one_of_unicode() -> None:
    """Every character of these classes (Unicode 15, Bidi_Class and General_Category), and no other."""
    every = {chr(code): unicodedata.bidirectional(chr(code)) for code in range(0x110000)}
    directions = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    assert {char for char, kind in every.items() if kind in directions} | {*"\u061c\u200e\u200f"} == BIDIRECTIONAL
    assert {char for char in every if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")} == CONTROLS


@pytest.mark.parametrize("name", NAMES)
def test_no_output_shows_one(name: str) -> None:
    """Whatever the place."""
    text = f"a{NAMES[name]}b"
    for made in (clean, csv_filter, on_a_terminal, on_a_statement, escaped, lambda each: fixed_filter(each, 9)):
        assert MISLEADING.isdisjoint(made(text)), made
    assert unsafe(text)


@pytest.mark.parametrize("name", [name for name, char in NAMES.items() if char in BIDIRECTIONAL])
def test_a_tag_with_one_names_no_payer(name: str) -> None:
    """The charge is held until a person says who pays."""
    found = read_tags(f'{{"fund_org": "AST{NAMES[name]}-1"}}', {"pi": ("p",), "project": ("q",), "fund": ("fund_org",)})
    assert isinstance(found, TagValues)
    assert found.malformed
    assert found.fault == "fund_org contains a control character"
