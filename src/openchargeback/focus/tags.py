"""What a row's Tags say about PI, project and fund.

`read_tags` judges one text. Plain JSON objects never get here: `tags.sql` reads them, and only what is not plain is
judged (a test holds that both say the same).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

FIELDS = ("pi", "project", "fund")


@dataclass(frozen=True, slots=True)
class TagValues:
    """The wanted values (None where absent or blank), whether the tags are unusable, and what was tolerated.

    notes: codes of warnings: `tags-braces`, `tags-key-spelling`, `tags-not-text`.
    """

    pi: str | None = None
    project: str | None = None
    fund: str | None = None
    malformed: bool = False
    notes: tuple[str, ...] = ()


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

MALFORMED = TagValues(malformed=True)


def read_tags(text: str, keys: dict[str, str]) -> TagValues:
    """The values under the configured keys (`{"pi": "pi_email", …}`).

    Tags are a flat JSON object (FOCUS 1.2, "Key-Value Format"). Tolerated with a note: an object without its outer
    braces (older Azure exports), a list of {Key, Value} (BigQuery), numbers and booleans as values. The exact key
    wins; else a single variant in case or blanks is used; either is noted; variants that disagree are malformed tags,
    and so do duplicate keys that disagree (DESIGN section 4, "Who pays").
    """
    pairs, notes = _pairs(text)
    if pairs is None:
        return MALFORMED
    found: dict[str, str | None] = {}
    for name in FIELDS:
        key = keys[name]
        exact = [value for label, value in pairs if label == key]
        loose = [value for label, value in pairs if label != key and _folded(label) == _folded(key)]
        value: str | None = None
        for candidates, note in ((exact, ""), (loose, "tags-key-spelling")):
            readable = [_value(candidate) for candidate in candidates]
            if None in readable:
                return MALFORMED
            distinct = {entry[0] for entry in readable if entry and entry[0]}
            if len(distinct) > 1:
                return MALFORMED
            if distinct:
                value = distinct.pop()
                notes |= {entry[1] for entry in readable if entry and entry[1]} | ({note} if note else set())
                break
        if exact and loose:
            notes |= {"tags-key-spelling"}
        found[name] = value
    return TagValues(found["pi"], found["project"], found["fund"], False, tuple(sorted(notes)))


def _folded(label: str) -> str:
    return label.strip().casefold()


def _value(value: Any) -> tuple[str, str] | None:
    """The text of a tag value with a note, or None where no text can be had from it."""
    if value is None:
        return "", ""
    if isinstance(value, str) and not isinstance(value, _NumberText):
        return None if _CONTROL.search(value.strip()) else (value.strip(), "")
    if isinstance(value, bool):
        return str(value).lower(), "tags-not-text"
    if isinstance(value, _NumberText):
        return str(value), "tags-not-text"
    return None


class _NumberText(str):
    """A JSON number, spelled as in the file."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its pairs in order, duplicates kept."""


def _load(text: str) -> Any:
    value = json.loads(
        text, object_pairs_hook=_Pairs, parse_int=_NumberText, parse_float=_NumberText, parse_constant=_NumberText
    )
    # JSON may spell half a character (`"\ud800"`), which is no text: a ValueError too.
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _pairs(text: str) -> tuple[list[tuple[str, Any]] | None, set[str]]:
    stripped = text.strip()
    if not stripped:
        return [], set()
    try:
        value = _load(stripped)
    except (ValueError, RecursionError):
        if not stripped.startswith('"'):
            return None, set()
        try:
            return _load("{" + stripped + "}"), {"tags-braces"}
        except (ValueError, RecursionError):
            return None, set()
    if value is None:
        return [], set()
    if isinstance(value, _Pairs):
        return value, set()
    if isinstance(value, list) and all(isinstance(item, _Pairs) for item in value):
        return _from_structs(value), set()
    return None, set()


def _from_structs(items: list[_Pairs]) -> list[tuple[str, Any]] | None:
    pairs = []
    for item in items:
        struct = {_folded(label): value for label, value in item}
        if not isinstance(struct.get("key"), str) or "value" not in struct:
            return None
        pairs.append((struct["key"], struct["value"]))
    return pairs
