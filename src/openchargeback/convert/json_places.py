"""Where the items of a JSON document stand in its text, found only when a place is asked for."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()

Key = str | int
"""Of a member of an object, or of an item of a list (from 0)."""


class Places:
    """The lines of what a document holds. text: valid JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._newlines = [found.start() for found in re.finditer("\n", text)]
        self._offsets: dict[tuple[Key, ...], Mapping[Key, int]] = {}

    def lines(self, keys: Sequence[Key]) -> list[int]:
        """The lines of the items of the list that is found by following the keys; of an object, its own line alone."""
        at = self._offset(tuple(keys))
        starts = list(self._members(tuple(keys), at).values()) if self._text[at] == "[" else [at]
        return [bisect_left(self._newlines, start) + 1 for start in starts]

    def _offset(self, keys: tuple[Key, ...]) -> int:
        """Where a value begins."""
        if not keys:
            return self._after_blank(0)
        return self._members(keys[:-1], self._offset(keys[:-1]))[keys[-1]]

    def _members(self, keys: tuple[Key, ...], at: int) -> Mapping[Key, int]:
        """Where the members of a list or an object begin; of a key that is there twice, the last, as json has it."""
        if keys not in self._offsets:
            found: dict[Key, int] = {}
            end = {"[": "]", "{": "}"}[self._text[at]]
            at = self._after_blank(at + 1)
            while self._text[at] != end:
                key: Key = len(found)
                if end == "}":
                    key, after = _DECODER.raw_decode(self._text, at)
                    at = self._after_blank(self._after_blank(after) + 1)
                found[key] = at
                at = self._after_blank(_DECODER.raw_decode(self._text, at)[1])
                at = self._after_blank(at + 1) if self._text[at] == "," else at
            self._offsets[keys] = found
        return self._offsets[keys]

    def _after_blank(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        return found.end() if found else at
