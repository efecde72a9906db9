"""The small changes of `make mutants`: what they are, and that none is in a comment or a text."""

from __future__ import annotations

import ast
import random

import pytest

from mutants import ROOT, Mutant, mutants
from mutating.edits import Edit
from mutating.python import python_edits
from mutating.sql import sql_edits


def changed(text: str, edits: list[Edit]) -> set[str]:
    """What comes out, without needless blanks."""
    raw = text.encode()
    made = {(raw[: each.start] + each.new.encode() + raw[each.end :]).decode() for each in edits}
    return {" ".join(each.split()) for each in made}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-- a = 1 AND b\nSELECT 'a = 1', \"b\" FROM t", set()),
        ("SELECT a WHERE b = $x", {"SELECT a WHERE b <> $x"}),
        (
            "SELECT a WHERE b IS NULL AND c LIKE 'x'",
            {"SELECT a WHERE b IS NULL OR c LIKE 'x'", "SELECT a WHERE b IS NULL", "SELECT a WHERE c LIKE 'x'"},
        ),
        ("SELECT a WHERE b BETWEEN c AND d", set()),
        ("SELECT a ORDER BY b, c", {"SELECT a ORDER BY c", "SELECT a ORDER BY b"}),
        ("SELECT a ORDER BY b DESC LIMIT $n", {"SELECT a LIMIT $n", "SELECT a ORDER BY b ASC LIMIT $n"}),
        ("SELECT coalesce(f(a, b), c)", {"SELECT coalesce(c, f(a, b))"}),
        ("SELECT sum(a)::DECIMAL(38, 18)", {"SELECT count(a)::DECIMAL(38, 18)"}),
        ("CREATE OR REPLACE TABLE a", set()),
        ("SELECT left(a, 8)", {"SELECT left(a, 9)", "SELECT left(a, 7)"}),
    ],
)
def test_what_becomes_of_sql(text: str, expected: set[str]) -> None:
    assert changed(text, list(sql_edits(text.encode()))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"""a < b and 1."""\nx: Final[1] = "a < 2"  # a < 3', set()),
        ("x = a < b", {"x = a <= b"}),
        ("x = a and b", {"x = a or b", "x = True and b", "x = a and True"}),
        ("x = (a) - (b)", {"x = (a) + (b)"}),
        ("x = not (a)", {"x = (a)"}),
        ("x = f(a, b)", {"x = f(b, a)"}),
        ("x = sorted(a, key=f)", {"x = sorted(a, key=None)"}),
        ("é = max(a)[7]", {"é = min(a)[7]", "é = max(a)[(8)]", "é = max(a)[(6)]"}),
        ("def f(a: int = c) -> None:\n    return a", {"def f(a: int = c) -> None: return None"}),
    ],
)
def test_what_becomes_of_python(text: str, expected: set[str]) -> None:
    assert changed(text, python_edits(text.encode())) == expected


def drawn(kind: str) -> list[Mutant]:
    return mutants(ROOT, kind, random.Random(1))  # noqa: S311 - a repeatable choice, no secret


def test_every_mutant_of_the_program_can_be_read_and_differs() -> None:
    """In each room, the same with the same seed."""
    made = {kind: drawn(kind) for kind in (".sql", ".py")}
    assert {kind: drawn(kind) for kind in made} == made
    assert all(len(each) > 500 for each in made.values())
    texts = {each.path: (ROOT / each.path).read_bytes() for found in made.values() for each in found}
    for mutant in made[".py"][:300]:
        ast.parse(mutant.applied(texts[mutant.path]))
    for mutant in (*made[".py"], *made[".sql"]):
        assert mutant.applied(texts[mutant.path]) != texts[mutant.path]
