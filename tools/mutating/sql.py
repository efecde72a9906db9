"""The small changes to a SQL file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from mutating.edits import Edit

# `kept` tokens are never changed: strings, quoted names, parameters, types.
_TOKEN = re.compile(
    rb"(?P<comment>--[^\n]*)|(?P<space>\s+)|(?P<number>\d+(?:\.\d+)?)"
    rb"|(?P<kept>'(?:[^']|'')*'|\"[^\"]*\"|\{\w+\}|\$\w+|DECIMAL\(\d+, \d+\))"
    rb"|(?P<word>\w+)|(?P<sign><>|<=|>=|\|\||::|.)",
    re.DOTALL,
)
_SWAPS = {
    "=": "<>", "<>": "=", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "+": "-", "-": "+", "AND": "OR", "OR": "AND",
    "MIN": "max", "MAX": "min", "SUM": "count", "BOOL_OR": "bool_and", "BOOL_AND": "bool_or", "GREATEST": "least",
    "LEAST": "greatest", "ASC": "DESC", "DESC": "ASC", "TRUE": "false", "FALSE": "true", "NOT": "",
}  # fmt: skip
_ENDS = {
    "AND", "OR", "THEN", "ELSE", "WHEN", "END", "GROUP", "ORDER", "JOIN", "LEFT", "ANTI", "SEMI", "WHERE", "HAVING",
    "UNION", "LIMIT", "QUALIFY", "AS", ",", ";",
}  # fmt: skip


class _Token(NamedTuple):
    """A word, number or sign. text: in capitals; empty if it must not be changed. depth: of parentheses."""

    text: str
    start: int
    end: int
    depth: int
    number: bool


def sql_edits(text: bytes) -> Iterator[Edit]:
    """Every change to a SQL file."""
    tokens = _tokens(text)
    between: list[int] = []
    for place, token in enumerate(tokens):
        before = tokens[place - 1].text if place else ""
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        if token.text == "BETWEEN":
            between.append(token.depth)
        elif token.text == "AND" and token.depth in between:
            between.remove(token.depth)
        elif (token.text, after) == ("OR", "REPLACE") or (token.number and before == "SELECT"):
            continue  # no test could notice another number in EXISTS (SELECT 1 …)
        elif token.text == "BY" and before == "ORDER" and after != "ALL":
            yield from _order_edits(tokens, place)
        elif token.text == "(" and before in ("COALESCE", "LIST_CONTAINS", "STARTS_WITH", "NULLIF"):
            yield from _swapped(text, tokens, place)
        else:
            yield from _single(tokens, place, after)


def _tokens(text: bytes) -> list[_Token]:
    found: list[_Token] = []
    depth = 0
    for match in _TOKEN.finditer(text):
        word = match[0].decode().upper()
        depth -= word in (")", "]")
        if match.lastgroup not in ("space", "comment"):
            shown = "" if match.lastgroup == "kept" else word
            found.append(_Token(shown, *match.span(), depth, match.lastgroup == "number"))
        depth += word in ("(", "[")
    return found


def _single(tokens: Sequence[_Token], place: int, after: str) -> Iterator[Edit]:
    """The changes to one word, and to the conjunct that begins with it."""
    token = tokens[place]
    if (new := _SWAPS.get(token.text)) is not None:
        yield Edit(token.start, token.end, new, f"{token.text} → {new.upper() or 'nothing'}")
    if token.number:
        for step in (1, -1):
            yield Edit(token.start, token.end, str(int(token.text) + step), f"{token.text} → {step:+d}")
    if token.text == "COUNT" and after == "(" and tokens[place + 2].text != "*":
        yield Edit(token.start, token.end, "sum", "COUNT → SUM")
    if (token.text, after) == ("LEFT", "JOIN") or (token.text == "DISTINCT" and after != "FROM"):
        yield Edit(token.start, token.end, "", f"{token.text} → nothing")
    if token.text in ("AND", "OR"):
        yield Edit(token.start, _last(tokens, place).end, "", f"{token.text} … dropped")
    if token.text in ("WHERE", "ON", "WHEN"):
        following = tokens.index(_last(tokens, place)) + 1
        if following < len(tokens) and tokens[following].text in ("AND", "OR"):
            yield Edit(tokens[place + 1].start, tokens[following].end, "", "first part dropped")


def _last(tokens: Sequence[_Token], place: int, ends: set[str] = _ENDS) -> _Token:
    """The last token of the expression after one."""
    last, between = tokens[place], False
    for token in tokens[place + 1 :]:
        here = token.depth == tokens[place].depth
        if token.depth < tokens[place].depth or (here and token.text in ends and not (between and token.text == "AND")):
            break
        between = token.text == "BETWEEN" or (between and not (here and token.text == "AND"))
        last = token
    return last


def _order_edits(tokens: Sequence[_Token], place: int) -> Iterator[Edit]:
    """Remove one column of ORDER BY; if it has only one, remove all of it."""
    last = tokens.index(_last(tokens, place, {"LIMIT", "ROWS", "RANGE", ";"}))
    depth = tokens[place].depth
    cuts = [at for at in range(place + 1, last) if tokens[at].text == "," and tokens[at].depth == depth]
    if not cuts:
        yield Edit(tokens[place - 1].start, tokens[last].end, "", "ORDER BY removed")
        return
    yield Edit(tokens[place + 1].start, tokens[cuts[0] + 1].start, "", "ORDER BY column 1 removed")
    for number, (cut, end) in enumerate(pairwise([*cuts, last + 1]), start=2):
        yield Edit(tokens[cut].start, tokens[end - 1].end, "", f"ORDER BY column {number} removed")


def _swapped(text: bytes, tokens: Sequence[_Token], place: int) -> Iterator[Edit]:
    """Swap the first two arguments of a call."""
    depth, end = tokens[place].depth, tokens.index(_last(tokens, place, {")"}))
    cuts = [at for at in range(place + 1, end) if tokens[at].text == "," and tokens[at].depth == depth + 1]
    if cuts:
        (a, b), (c, d) = ((tokens[i + 1].start, tokens[j - 1].end) for i, j in pairwise([place, *cuts, end + 1][:3]))
        yield Edit(a, d, (text[c:d] + text[b:c] + text[a:b]).decode(), "arguments swapped")
