"""Reads PI, project and fund from a row's Tags.

`read_tags` reads one text. Plain JSON objects never get here: `tags.sql` reads them and leaves only the rest (a test
checks that both give the same results).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openchargeback.characters import MISLEADING
from openchargeback.ledger.settings import Config, Tags

FIELDS = ("pi", "project", "fund")
TAG_COLUMNS = ("AllocatedTags", "Tags")
"""The columns of a row's tags: the first that is not null counts. `Tags` of an allocated share (FOCUS 1.3) are those of
the shared resource, which never say who pays for the share."""


@dataclass(frozen=True, slots=True)
class TagValues:
    """The wanted values (None if absent or blank), whether the tags are unusable, and what was tolerated.

    notes: codes of warnings: `tags-braces`, `tags-key-spelling`, `tags-not-text`.
    fault: what makes the tags unusable, in a few words for a reviewer; empty if they are fine.
    """

    pi: str | None = None
    project: str | None = None
    fund: str | None = None
    malformed: bool = False
    notes: tuple[str, ...] = ()
    fault: str = ""


class _Malformed(Exception):
    """The tags cannot be used; the text says why."""


_SHOWN = 60


def key_sets(config: Config) -> tuple[list[Tags], dict[str, int]]:
    """The distinct sets of tag keys, and the number of the set that each listed source uses.

    The first set is the ledger's own, used by every source that config.yaml does not list.
    """
    sets = [config.tags]
    numbers = {}
    for name in config.sources:
        keys = config.source_tags(name)
        if keys not in sets:
            sets.append(keys)
        numbers[name] = sets.index(keys)
    return sets, numbers


def keys_by_field(tags: Tags) -> dict[str, tuple[str, ...]]:
    """The tag keys of each of FIELDS."""
    return {name: getattr(tags, name) for name in FIELDS}


def json_pointer(key: str) -> str:
    """The JSON pointer (RFC 6901) to a key of an object, for DuckDB."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def read_tags(text: str, keys: Mapping[str, Sequence[str]]) -> TagValues:
    """The values under the configured keys (`{"pi": ("pi_email",), …}`); of several keys, the first one with a value.

    Tags are a flat JSON object (FOCUS 1.2, "Key-Value Format"). Tolerated with a note: an object without its outer
    braces (older Azure exports), a list of {Key, Value} (BigQuery), numbers and booleans as values, a key that differs
    from the configured one in case or spaces. Two different values for one key, however each is spelled, are malformed
    tags; a blank value counts as missing.
    """
    try:
        pairs, notes = _pairs(text)
        pi, project, fund = (_wanted(pairs, keys, name, notes) for name in FIELDS)
    except _Malformed as fault:
        return TagValues(malformed=True, fault=str(fault))
    return TagValues(pi, project, fund, notes=tuple(sorted(notes)))


def _wanted(pairs: list[tuple[str, Any]], keys: Mapping[str, Sequence[str]], name: str, notes: set[str]) -> str | None:
    """The single value of a field; what was tolerated is added to the notes."""
    every = {key for of_field in keys.values() for key in of_field}
    found = (_under(pairs, key, every - {key}, name, notes) for key in keys[name])
    return next((value for value in found if value), None)


def _under(pairs: list[tuple[str, Any]], key: str, others: set[str], name: str, notes: set[str]) -> str | None:
    """The single value under a key, which may be spelled differently, but not like one of the others."""
    values: dict[str, tuple[str, str]] = {}
    noted: set[str] = set()
    for label, given in pairs:
        if label != key and (folded(label) != folded(key) or label in others):
            continue
        value, note = _value(given, label)
        noted |= {note} | ({"tags-key-spelling"} if label != key else set())
        if value:
            # The same address in another case is the same person.
            values.setdefault(value.casefold() if name == "pi" else value, (value, label))
    if len(values) > 1:
        shown = [_shown(text) + (f" (as {_quoted(label)})" if label != key else "") for text, label in values.values()]
        count = "two" if len(shown) == 2 else str(len(shown))
        raise _Malformed(f"{key} has {count} values: {', '.join(shown[:-1])} and {shown[-1]}")
    if not values:
        return None
    notes |= noted - {""}
    return next(iter(values.values()))[0]


def folded(label: str) -> str:
    """A tag key without case and spaces, which do not distinguish keys."""
    return "".join(label.split()).casefold()


def _shown(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"


def _quoted(label: str) -> str:
    return json.dumps(_shown(label), ensure_ascii=not label.isprintable())


def _value(value: Any, label: str) -> tuple[str, str]:
    """The text of a tag value, and a note. Raises _Malformed if it cannot be read as text."""
    if value is None:
        return "", ""
    if isinstance(value, bool):
        return str(value).lower(), "tags-not-text"
    if isinstance(value, _NumberText):
        return str(value), "tags-not-text"
    if isinstance(value, str):
        odd = next((char for char in value.strip() if char in MISLEADING), "")
        if odd:
            kind = {"\n": "line break", "\r": "line break", "\t": "tab"}.get(odd, "control character")
            raise _Malformed(f"{_name(label)} contains a {kind}")
        return value.strip(), ""
    raise _Malformed(f"{_name(label)} is {_KINDS[type(value)]}")


def _name(label: str) -> str:
    """A tag key for use in a sentence: quoted if it would be unclear otherwise."""
    return label if label.isprintable() and label == label.strip() and len(label) <= _SHOWN else _quoted(label)


class _NumberText(str):
    """A JSON number as spelled in the file."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its pairs in order, duplicates kept."""


_KINDS = {_Pairs: "an object", list: "a list", str: "a string", _NumberText: "a number", bool: "true or false"}


def _load(text: str) -> Any:
    value = json.loads(
        text, object_pairs_hook=_Pairs, parse_int=_NumberText, parse_float=_NumberText, parse_constant=_NumberText
    )
    # JSON may escape half a character (`"\ud800"`), which is not valid text: also a ValueError.
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _pairs(text: str) -> tuple[list[tuple[str, Any]], set[str]]:
    """Keys and values in order, with what was tolerated. Raises _Malformed if there are none to read."""
    stripped = text.strip()
    if not stripped:
        return [], set()
    try:
        value = _load(stripped)
    except (ValueError, RecursionError) as error:
        repaired = _braced(stripped)
        if repaired is None:
            raise _Malformed(_not_json(error, text)) from error
        return repaired, {"tags-braces"}
    if value is None:
        return [], set()
    if isinstance(value, _Pairs):
        return value, set()
    if isinstance(value, list) and all(isinstance(item, _Pairs) for item in value):
        return _from_structs(value), set()
    raise _Malformed(f"{_KINDS[type(value)]}, not a JSON object")


def _braced(text: str) -> _Pairs | None:
    """The pairs of an object that lacks its outer braces; None if that is not the fault."""
    try:
        value = _load("{" + text + "}") if text.startswith('"') else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, _Pairs) else None


def json_fault(text: str) -> int | None:
    """The position in malformed tags, counted from 1, where they stop being JSON; None if there is no such position."""
    try:
        _load(text.strip())
    except json.JSONDecodeError as error:
        return _place(error, text)
    except (ValueError, RecursionError):
        return None
    return None


def _place(error: json.JSONDecodeError, text: str) -> int:
    return len(text) - len(text.lstrip()) + error.pos + 1


def _not_json(error: Exception, text: str) -> str:
    """Why a text is not JSON, and at which character, counted from 1."""
    if isinstance(error, json.JSONDecodeError):
        what = error.msg[:1].lower() + error.msg[1:]
        for end in (" at", " starting", " delimiter"):
            what = what.removesuffix(end)
        return f"not JSON: {what} at character {_place(error, text)}"
    if isinstance(error, UnicodeError):
        return "not JSON: an escape sequence is half a character"
    return "not JSON: too deeply nested"


def _from_structs(items: list[_Pairs]) -> list[tuple[str, Any]]:
    pairs = []
    for item in items:
        struct = {folded(label): value for label, value in item}
        if not isinstance(struct.get("key"), str) or "value" not in struct:
            raise _Malformed("a list whose items are not all pairs of Key and Value")
        pairs.append((struct["key"], struct["value"]))
    return pairs
