"""What closing writes is read back as it was, whatever text the data holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openchargeback.ledger import table
from openchargeback.ledger.yaml_text import document
from openchargeback.ledger.yaml_tree import Mapping, Node, Scalar, Sequence, parse
from openchargeback.problems import Problem

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = st.text("abcdefgh", min_size=1, max_size=6)
VALUES = st.recursive(
    TEXT, lambda inner: st.lists(TEXT, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)


def plain(node: Node | None) -> object:
    """A tree as text, lists and dicts."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key.text: plain(value) for key, value in node.items} if isinstance(node, Mapping) else None


@given(st.dictionaries(NAMES, VALUES | st.lists(st.dictionaries(NAMES, TEXT, min_size=1), min_size=1), min_size=1))
def test_yaml_is_read_as_it_was_written(values: dict[str, object]) -> None:
    """Control characters, quotes, words that mean something, numbers."""
    tree, reader = parse(document(values, "A head").encode(), "p")
    assert reader.problems == []
    assert plain(tree) == values


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_tables_are_read_as_they_were_written(rows: list[tuple[str, str]]) -> None:
    """Line ends, commas and quotes within cells."""
    columns = (table.text("a"), table.text("b"))
    problems: list[Problem] = []
    data = table.write_table(columns, rows)
    assert table.read_table(data, "p", columns, problems) == [list(row) for row in rows]
    assert problems == []


def test_words_that_other_readers_take_for_something_else_are_quoted() -> None:
    """No `on` that becomes true, no digest that becomes a number."""
    text = document({"on": "no", "a": "012", "b": "1234567890123456", "c": "2025-01", "d": "x: y", "e": "null"}, "h")
    assert text == '# h\n"on": "no"\na: "012"\nb: "1234567890123456"\nc: "2025-01"\nd: "x: y"\ne: "null"\n'
