"""What a YAML file may not hold is told with its line and column, in words of our own."""

import pytest

from openchargeback.ledger.notes import read_notes
from openchargeback.ledger.yaml_tree import parse


def faults(data):
    _, reader = parse(data, "config.yaml")
    return [(p.code, p.line, p.column, p.excerpt) for p in reader.problems]


@pytest.mark.parametrize("code", [0x00, 0x07, 0x0B, 0x1B, 0x7F, 0x90, 0xFFFE])
def test_a_control_character_has_its_place(code):
    data = f'a: 1\r\n\nb: {{c: "ä{chr(code)}b"}}\n'.encode()
    assert [fault[:3] for fault in faults(data)] == [("yaml-syntax", 3, 10)]
    problem = parse(data, "config.yaml")[1].problems[0]
    assert f"U+{code:04X}" in problem.message
    assert "unicode string" not in problem.message


def test_every_character_that_text_may_hold_is_read():
    assert faults('a: "\t\x85\xa0ä\ufeff\U0001f600"\n'.encode()) == []


def test_notes_of_a_month_have_places_too():
    _, problems = read_notes(b"drift:\n  - reason: a\x07b\n", "periods/2025-01.notes.yaml")
    assert [(p.code, p.line, p.column) for p in problems] == [("yaml-syntax", 2, 14)]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_is_no_utf_8_has_its_place(mark):
    data = mark + "ä: 1\nb: Universität\nc: Größe\n".encode().replace("t\u00e4t".encode(), b"t\xe4t")
    assert faults(data) == [("yaml-encoding", 2, 13, "b: Universit�t")]
