"""Places in JSON are those that an editor shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openchargeback.convert.json_places import Key, Places

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def lists_in(value: Any, keys: tuple[Key, ...] = ()) -> list[tuple[tuple[Key, ...], Any]]:
    """Every list in a document with the keys that lead to it."""
    members = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    found = [(keys, value)] if isinstance(value, list) else []
    return found + [each for key, inner in members for each in lists_in(inner, (*keys, key))]


@settings(max_examples=60, deadline=None)
@given(value=VALUES, indent=st.sampled_from([None, 0, 3]), before=st.sampled_from(["", "\n \n"]))
def test_an_item_is_where_its_text_is(value: Any, indent: int | None, before: str) -> None:
    text = before + json.dumps(value, indent=indent)
    places = Places(text)
    for keys, items in lists_in(value):
        lines = places.lines(keys)
        assert len(lines) == len(items)
        assert lines == sorted(lines)
        for line, item in zip(lines, items, strict=True):
            below = "\n".join(text.split("\n")[line - 1 :])
            first = json.dumps(item, indent=indent).split("\n")[0]
            assert first in below.split("\n")[0]


@pytest.mark.parametrize(
    ("text", "keys", "lines"),
    [
        ('[{"a": 1},\n{"a": 2}]', (), [1, 2]),
        ('{"a": [1], "a":\n[2,\n3]}', ("a",), [2, 3]),
        ('\n{"a": {"b.c": [\n[], {}]}}', ("a", "b.c"), [3, 3]),
        ('{"one":\n{"x": 1}}', ("one",), [2]),
        ("[]", (), []),
    ],
)
def test_lines_of_items(text: str, keys: tuple[Key, ...], lines: list[int]) -> None:
    """Of a key that is there twice, the last counts, as in Python's json."""
    assert Places(text).lines(keys) == lines
