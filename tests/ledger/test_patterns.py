"""Regular expressions of a ledger run in linear time, and what RE2 refuses is told at its line."""

from __future__ import annotations

import pytest

from openchargeback.ledger.config import read_config
from openchargeback.ledger.patterns import Expression
from openchargeback.problems import Problem

LOOK = "rewrite it without look-around, back-references and possessive quantifiers, which RE2 does not support"


def faults(text: str) -> list[Problem]:
    return read_config(f"organization: X\n{text}\n".encode())[1]


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(?!a)b", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?P<x>a)(?P=x)", "a++", "(?>a)"]
)
@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("review:\n  fund_patterns:\n    - '{}'", 4),
        ("journal:\n  fund: '{}'", 3),
        ("review:\n  patterns: {{a: {{match: {{ServiceName: '{}'}}}}}}", 3),
    ],
)
def test_what_re2_refuses_is_told_at_its_line(key: str, line: int, pattern: str) -> None:
    """With what to do, for every setting that holds an expression."""
    [problem] = faults(key.format(pattern))
    assert (problem.code, problem.line, problem.fix) == ("bad-pattern", line, LOOK)


def test_a_mistake_names_the_syntax() -> None:
    """As for any other expression that is none, also one that would take more memory than RE2 allows."""
    for pattern in ("^[A-Z", "a{1001}", "((a{100}){100}){100}", "(?P<x>a)(?P<x>b)", "(?<x>a)"):
        [problem] = faults(f"journal: {{fund: '{pattern}'}}")
        assert (problem.code, "github.com/google/re2/wiki/Syntax" in problem.fix) == ("bad-pattern", True)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+", "(.*)*,(.*)*", "(a|a?)+b", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_no_expression_hangs(pattern: str) -> None:
    """Each takes a backtracking matcher longer than the age of the universe."""
    found = Expression(pattern)
    assert not found.matches("a" * 5000 + "!")


def test_what_looks_like_a_group_in_a_class_or_escaped_is_none() -> None:
    assert Expression(r"[(?P<x>](?P<x>b)\(?<x>").names == ("x",)


def test_groups_stand_in_the_order_of_the_expression() -> None:
    """Not by name; a group that took no part is empty, as all are where the whole does not match."""
    found = Expression("(?P<z>[A-Z]+)-(?P<m>[0-9]+)(-(?P<a>[0-9]+))?")
    assert found.names == ("z", "m", "a")
    assert list(found.groups("AST-33").items()) == [("z", "AST"), ("m", "33"), ("a", "")]
    assert list(found.groups("AST-33-1-").items()) == [("z", ""), ("m", ""), ("a", "")]
    assert not found.matches("AST-33\ud800")
