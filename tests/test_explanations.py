"""The catalog of codes: it holds every code that the program gives, and no other, and every record is complete."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from openchargeback.explanations import PATTERN_FLAG, SUBJECTS, Explanation, catalog, explain, is_explained, similar
from openchargeback.focus.column_rules import all_rules
from openchargeback.ledger.check_codes import FIXED, SETTABLE

SOURCE = Path(__file__).parents[1] / "src" / "openchargeback"
CODE = re.compile(r"[a-z]+(-[a-z]+)*")
HYPHENATED = re.compile(r"[a-z]+(-[a-z]+)+")

# Calls that take a code, and where it stands among their arguments; `code=` is found in every call.
TAKES_CODE = {"Problem": 1, "fault": 1, "problem": 0, "add": 0, "Rule": 0, "Finding": 0, "Fault": 2}
# Errors of Frictionless that are handed on by their own names (focus/frictionless_check.py).
FROM_FRICTIONLESS = {"blank-row", "constraint-error", "extra-cell", "missing-cell", "type-error"}
# How SQL raises a flag: on a charge (n), or on a way of attribution (id).
RAISED = r"^SELECT (?:[a-z]+\.)?(?:n|id)(?: AS payer)?, '([a-z-]+)'"
# Rooms in which a tuple or a mapping that begins with a hyphenated word is a code with its message.
DATA_ROOMS = {"ledger", "focus", "review", "billing", "convert", "plan"}


def codes_in(source: str, *, data: bool) -> set[str]:
    """The codes that a Python file gives; an f-string stands as a regular expression for those that it may become."""
    return {code for node in ast.walk(ast.parse(source)) for code in _codes(node, data=data)}


def _codes(node: ast.AST, *, data: bool) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        index = TAKES_CODE.get(name)
        # `add` of a set takes one argument, that of a collector a message and a fix, too.
        if index is not None and len(node.args) > index and (name != "add" or len(node.args) > 2):
            yield from _texts(node.args[index], CODE)
        yield from (code for word in node.keywords if word.arg == "code" for code in _texts(word.value, CODE))
    elif isinstance(node, ast.Tuple) and data and len(node.elts) > 2:
        yield from _texts(node.elts[0], HYPHENATED)
    elif isinstance(node, ast.Dict) and data:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(value, ast.Tuple) and key is not None:
                yield from _texts(key, HYPHENATED)


def _texts(node: ast.expr, pattern: re.Pattern[str]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.fullmatch(node.value):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, pattern)
        yield from _texts(node.orelse, pattern)
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "[a-z]+" for part in node.values]
        if pattern is CODE and "-" in "".join(map(str, parts)):
            yield "".join(map(str, parts))


def given() -> set[str]:
    """Every code of the program's text."""
    found = set(FROM_FRICTIONLESS)
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0]
        if room != "cli":
            found |= codes_in(path.read_text(encoding="utf-8"), data=room in DATA_ROOMS)
    return found | {rule.code for rule in all_rules()}


def flags() -> set[str]:
    """Every flag that SQL or Python puts on a charge."""
    found: set[str] = set()
    for path in (SOURCE / "review").iterdir():
        if path.suffix == ".sql":
            found |= set(re.findall(RAISED, path.read_text("utf-8"), re.MULTILINE))
        elif path.suffix == ".py":
            found |= set(re.findall(r"INSERT INTO flag SELECT (?:charge\.)?n, '([a-z-]+)'", path.read_text("utf-8")))
    return found


def test_every_code_of_the_program_is_explained() -> None:
    """A code that a person meets and cannot look up is half a message."""
    known = set(catalog())
    missing = {code for code in given() if not any(re.fullmatch(code, name) for name in known)}
    assert not missing, "add a record for each to src/openchargeback/explanations.toml, then `make docs`"


def test_every_problem_that_is_explained_is_one_of_the_program() -> None:
    """What no code gives any more is taken out of the catalog."""
    codes = given()
    stale = {
        each.code
        for each in catalog().values()
        if each.severity and not any(re.fullmatch(code, each.code) for code in codes)
    }
    assert not stale


def test_flags_and_their_explanations_are_the_same() -> None:
    """By name; all patterns share one record."""
    explained = {each.code for each in catalog().values() if each.subject == "flags"}
    assert flags() | {PATTERN_FLAG} == explained
    assert len(explained) > 10


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("Problem(path, 'new-code', 'm')", {"new-code"}),
        ("Problem(path=p, code='new', message='m')", {"new"}),
        ("reader.fault(node, 'new-code' if x else 'other-code', 'm')", {"new-code", "other-code"}),
        ("found.add('new-code', 'message', 'fix')", {"new-code"}),
        ("seen.add('no-code')", set()),
        ("def f(): return 'new-code', 'message', 'fix'", {"new-code"}),
        ("NOTES = {'new-code': ('message', 'fix')}", {"new-code"}),
        ("Rule(f'{kind}-cost', 'ListCost')", {"[a-z]+-cost"}),
        ("Problem(path, code, message)", set()),
    ],
)
def test_the_guard_sees_a_code_in_each_way_of_giving_one(source: str, codes: set[str]) -> None:
    """So that the two tests above can fail."""
    assert codes_in(source, data=True) == codes


def test_every_record_is_complete_and_plain() -> None:
    """All texts are there, titles are one line without a full stop, prose ends with one."""
    raw = tomllib.loads((SOURCE / "explanations.toml").read_text(encoding="utf-8"))
    assert list(raw) == list(SUBJECTS)
    records = [(code, entry) for entries in raw.values() for code, entry in entries.items()]
    assert len({code for code, _ in records}) == len(records)
    wanted = {field.name for field in fields(Explanation)} - {"code", "subject", "severity", "on_statement"}
    # A rule of the institution stands on statements by its own name.
    flags = set(raw["flags"]) - {PATTERN_FLAG}
    by_source = {code: entry.pop("by_source") for code, entry in records if "by_source" in entry}
    assert by_source == {**dict.fromkeys(SETTABLE, True), **dict.fromkeys(FIXED, False)}
    for code, entry in records:
        assert set(entry) - {"severity"} == wanted | ({"on_statement"} if code in flags else set()), code
        assert all(text.strip() for text in entry.values()), code
        assert not entry["title"].endswith("."), code
        assert all(entry[name].endswith(".") for name in ("means", "matters", "fix")), code
        assert all("\n" not in entry[name] for name in ("title", "means", "matters", "fix", "source")), code


def test_records_stand_in_the_order_of_their_codes() -> None:
    """So that two people who add one rarely meet."""
    raw = tomllib.loads((SOURCE / "explanations.toml").read_text(encoding="utf-8"))
    for subject, entries in raw.items():
        assert list(entries) == sorted(entries), subject


def test_a_code_is_found_as_people_write_it() -> None:
    """With brackets, capitals, or as the flag of a pattern; what is near is proposed."""
    for written in ("type-error", "[type-error]", " TYPE-ERROR "):
        found = explain(written)
        assert found is not None
        assert found.code == "type-error"
    pattern = explain("pattern:gpu")
    assert pattern is not None
    assert pattern.code == PATTERN_FLAG
    assert explain("nothing") is None
    assert similar("missing-found")[0] == "missing-fund"
    assert "unsafe-fund" in similar("fund")
    assert similar("zzz") == []


def test_what_is_explained_is_known_without_reading_it_all() -> None:
    assert all(map(is_explained, catalog()))
    assert is_explained("pattern:gpu-burst")
    assert not any(map(is_explained, ("no-rat", "rate", "title", "convert", "convert.no-rate", ".*")))
