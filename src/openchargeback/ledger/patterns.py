"""Regular expressions in a ledger's settings, run by RE2, which takes linear time for any expression.

RE2 has no look-around and no back-references. DuckDB's own RE2, used for review patterns, accepts the same expressions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_SYNTAX = "https://github.com/google/re2/wiki/Syntax"
_BACKTRACKING = ("(?=", "(?!", "(?<=", "(?<!", r"\1", r"\2", r"\3", "(?P=", "(?P>", "(?(", "(?>", "++", "*+", "?+")
_NAMED = re.compile(r"\(\?(P?)<(\w+)>")
_LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)  # an escaped character, a class


class Expression:
    """A regular expression. `names`: its named groups in order. `groups_count`: how many groups it has.

    Raises ValueError, with RE2's reason, if it is not a valid expression.
    """

    def __init__(self, text: str) -> None:
        import re2  # few commands have an expression to compile

        options = re2.Options()
        options.log_errors = False
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            reason = error.args[0]
            raise ValueError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from error
        # RE2 accepts a duplicate name and keeps one of the groups.
        found = _NAMED.findall(_LITERAL.sub("", text))
        if short := next((name for p, name in found if not p), ""):
            raise ValueError(f"named groups need a P: (?P<{short}>…)")  # DuckDB's RE2 is an older one
        named = [name for _, name in found]
        if twice := next((name for name in named if named.count(name) > 1), ""):
            raise ValueError(f"duplicate group name {twice}")
        index: dict[str, int] = self._compiled.groupindex
        self.groups_count: int = self._compiled.groups
        self.names = tuple(sorted(index, key=lambda name: index[name]))

    def matches(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self._match(text) is not None

    def occurs_in(self, data: bytes) -> bool:
        """Whether some part of a UTF-8 text matches."""
        return self._compiled.search(data) is not None

    def groups(self, text: str) -> dict[str, str]:
        """The text of each named group, in order; empty texts if the whole text does not match."""
        match = self._match(text)
        return {name: (match[name] or "") if match else "" for name in self.names}

    def _match(self, text: str) -> Any:
        try:
            return self._compiled.fullmatch(text)
        except UnicodeEncodeError:  # a lone surrogate, which cannot occur in UTF-8
            return None


@lru_cache(maxsize=256)
def expression(text: str) -> Expression:
    """The compiled expression of a text that `Expression` accepts, cached."""
    return Expression(text)


def fix_of(text: str) -> str:
    """How to fix an expression that RE2 rejects."""
    if any(sign in text for sign in _BACKTRACKING):
        return "rewrite it without look-around, back-references and possessive quantifiers, which RE2 does not support"
    return f"correct the expression; see {_SYNTAX}"
