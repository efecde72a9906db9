"""Add and change entries in a directory file; everything else in the file keeps its bytes.

Parsing and re-emitting YAML loses indentation, quotes and line ends. So this edits the text itself, at the positions
from `yaml_tree`, and reads back the result: it must contain the requested change and nothing else.
"""

from __future__ import annotations

import codecs
import contextlib
import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openchargeback.ledger import shape, yaml_tree
from openchargeback.ledger.directory import (
    EMAIL_PATTERN,
    FUND,
    FUNDS,
    FUNDS_FILE,
    PEOPLE,
    PEOPLE_FILE,
    PERSON,
    PROJECT,
    PROJECTS,
    PROJECTS_FILE,
    canonical_email,
)
from openchargeback.ledger.yaml_text import flow
from openchargeback.ledger.yaml_tree import BREAK, Node, Scalar, parse
from openchargeback.problems import LedgerFault, UsageFault

PAYER_KEYS = ("pi", "fund", "pis", "funds", "from", "until")
"""The keys of a project that are in its `entries` instead, if it has them."""

REMOVED = object()
"""In place of a value: the key is removed from an entry that exists."""

_DEFAULTS = {"status": "active", "payer_class": "internal"}
_COMMENT = re.compile(r"#[^\r\n]*")
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """A file of the directory: its path, its shape, the shape of an entry, and the key that identifies entries."""

    path: str
    file: shape.Record
    entry: shape.Record
    id: str

    def canonical(self, id_: str) -> str:
        """An id in the form used to compare entries: email addresses ignore case."""
        return canonical_email(id_) if self.id == "email" else id_.strip()


KINDS: dict[str, Kind] = {
    "people": Kind(PEOPLE_FILE, PEOPLE, PERSON, "email"),
    "projects": Kind(PROJECTS_FILE, PROJECTS, PROJECT, "id"),
    "funds": Kind(FUNDS_FILE, FUNDS, FUND, "id"),
}
"""The files of the directory, by the key of their list of entries."""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file of the directory with the entries in it, and what was done with each, by id in the order given.

    changed: with the keys whose value changed, `match.SubAccountId` for a nested one.
    """

    data: bytes
    added: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unchanged: tuple[str, ...] = ()


def with_entries(data: bytes | None, kind: str, entries: Iterable[Mapping[str, Any]]) -> bytes:
    """The bytes of a directory file with these entries added, or changed if they exist.

    data: the file; None if there is none. kind: `people`, `projects` or `funds`. entries: YAML keys to values: text,
    dates, lists, mappings. The `email` or `id` identifies the entry. Keys that are missing or None stay unchanged;
    `match` is changed column by column, and a key with REMOVED is removed. In a new entry None writes an empty key, to
    be filled in.

    Raises LedgerFault if the file cannot be read, UsageFault if it is written in a way that cannot be edited.
    """
    return edited(data, kind, entries).data


def edited(data: bytes | None, kind: str, entries: Iterable[Mapping[str, Any]]) -> FileEdit:
    """Like `with_entries`, and reports what was done. If an entry is given twice, the last value of each key counts."""
    what = KINDS[kind]
    raw = data or b""
    mark = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
    root, place = _list_of(raw, kind)
    text = _Text(raw.removeprefix(mark).decode())
    items = place.items if isinstance(place, yaml_tree.Sequence) else ()
    known = _by_id(items, what)
    expected = [_plain(item) for item in items]
    added: dict[str, dict[str, Any]] = {}
    changed: dict[str, tuple[str, ...]] = {}
    unchanged: list[str] = []
    for id_, entry in _together(entries, what).items():
        if id_ not in known:
            added[id_] = _in_order(entry, what)
            continue
        number, node = known[id_]
        values = _differing(node, entry, what)
        if values:
            changed[id_] = _change(text, node, values, what.entry)
            expected[number] = _merged(expected[number], values)
        else:
            unchanged.append(id_)
    if added:
        _add(text, root, place, kind, list(added.values()))
    result = mark + text.result().encode()
    if added or changed:
        _check(result, kind, [*expected, *(_plain_value(entry) for entry in added.values())])
    return FileEdit(result if added or changed else raw, tuple(added), changed, tuple(unchanged))


def entry_lines(data: bytes | None, kind: str) -> dict[str, int]:
    """The line of each entry of a file, by its canonical id; empty if the file cannot be read."""
    root, _ = parse(data or b"", KINDS[kind].path)
    place = _value(root, kind)
    items = place.items if isinstance(place, yaml_tree.Sequence) else ()
    return {id_: node.line for id_, (_, node) in _by_id(items, KINDS[kind]).items()}


def entry_values(data: bytes | None, kind: str) -> dict[str, dict[str, Any]]:
    """The entries of a file as written, by canonical id: trimmed text, lists and mappings; empty if unreadable."""
    root, _ = parse(data or b"", KINDS[kind].path)
    place = _value(root, kind)
    items = place.items if isinstance(place, yaml_tree.Sequence) else ()
    return {id_: _plain(node) for id_, (_, node) in _by_id(items, KINDS[kind]).items()}


def _together(entries: Iterable[Mapping[str, Any]], what: Kind) -> dict[str, dict[str, Any]]:
    """The entries by id, duplicates merged."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        found.setdefault(what.canonical(str(entry[what.id])), {}).update(entry)
    return found


def _list_of(data: bytes, kind: str) -> tuple[yaml_tree.Mapping | None, Node | None]:
    """The root of a file and the value under its key; both None in a file without content."""
    what = KINDS[kind]
    root, reader = parse(data, what.path)
    if root is None and not reader.problems:
        return None, None
    place = _value(root, kind)
    usable = isinstance(place, yaml_tree.Sequence) or (isinstance(place, Scalar) and place.is_null)
    if not isinstance(root, yaml_tree.Mapping) or not usable:
        if root is not None:
            what.file.read(root, reader)
        raise LedgerFault(reader.problems)
    return root, place


def _value(node: Node | None, key: str) -> Node | None:
    """The value under a key of a mapping, None if there is none."""
    items = node.items if isinstance(node, yaml_tree.Mapping) else ()
    return next((value for name, value in items if name.text == key), None)


def _by_id(items: Sequence[Node], what: Kind) -> dict[str, tuple[int, yaml_tree.Mapping]]:
    """The entries of a file with their positions, by id; the first of two with the same id."""
    found: dict[str, tuple[int, yaml_tree.Mapping]] = {}
    for number, item in enumerate(items):
        id_ = _value(item, what.id)
        if isinstance(item, yaml_tree.Mapping) and isinstance(id_, Scalar) and not id_.is_null:
            found.setdefault(what.canonical(id_.text), (number, item))
    return found


# What entries mean ────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain(node: Node) -> Any:
    """A tree as trimmed text, lists and dicts; anything empty is None."""
    if isinstance(node, Scalar):
        return None if node.is_null else node.text.strip()
    if isinstance(node, yaml_tree.Sequence):
        return [_plain(item) for item in node.items]
    return {key.text: _plain(value) for key, value in node.items}


def _plain_value(value: Any) -> Any:
    """The result of `_plain` for a value once it is written."""
    if isinstance(value, Mapping):
        return {key: _plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    return None if value is None else str(value).strip()


def _merged(old: Any, new: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(old)
    for key, value in new.items():
        if value is REMOVED:
            result.pop(key, None)
            continue
        within = isinstance(value, Mapping) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if within else _plain_value(value)
    return result


def _meaning(what: shape.Shape, value: Any) -> Any:
    """A value for comparison: trimmed, addresses case-folded, lists in any order, a single value as a list of one."""
    if isinstance(what, shape.ListOf):
        values = value if isinstance(value, list) else [value]
        found = [each for each in (_meaning(what.item, item) for item in values) if each is not None]
        return sorted(found, key=str) or None
    if isinstance(what, shape.Record) and isinstance(value, dict):
        fields = {key: _meaning(what.fields.get(key, shape.Text()), item) for key, item in value.items()}
        return {key: item for key, item in fields.items() if item is not None} or None
    if not isinstance(value, str):
        return value
    is_email = isinstance(what, shape.Text) and what.pattern == EMAIL_PATTERN
    return (canonical_email(value) if is_email else value.strip()) or None


def _differing(node: yaml_tree.Mapping, entry: Mapping[str, Any], what: Kind) -> dict[str, Any]:
    """The keys of an entry that differ from the file. A PI or fund in the project's `entries` counts as present."""
    old = _plain(node)
    given = {key: value for key, value in entry.items() if value is not None and key != what.id}
    payer = {key: value for key, value in given.items() if key in PAYER_KEYS and value is not REMOVED}
    dated = what.entry.fields.get("entries")
    if payer and isinstance(dated, shape.ListOf) and isinstance(old.get("entries"), list):
        says = [each for each in old["entries"] if isinstance(each, dict) and not _other(each, payer, dated.item)]
        given = {key: value for key, value in given.items() if not says or key not in PAYER_KEYS}
    return _other(old, given, what.entry)


def _other(old: Mapping[str, Any], new: Mapping[str, Any], what: shape.Shape) -> dict[str, Any]:
    """The keys of `new`, with their values, whose meaning differs from `old`."""
    fields = what.fields if isinstance(what, shape.Record) else {}
    result: dict[str, Any] = {}
    for key, value in new.items():
        each, was = fields.get(key, shape.Text()), old.get(key, _DEFAULTS.get(key))
        if value is REMOVED:
            result |= {key: REMOVED} if key in old else {}
        elif isinstance(value, Mapping) and isinstance(was, dict):
            if within := _other(was, value, each):
                result[key] = within
        elif _meaning(each, was) != _meaning(each, _plain_value(value)):
            result[key] = _dated(value, each)
    return result


def _in_order(entry: Mapping[str, Any], what: Kind) -> dict[str, Any]:
    """A new entry with its keys in the order of the shape."""
    rank = {key: number for number, key in enumerate(what.entry.fields)}
    keys = sorted(entry, key=lambda key: rank.get(key, len(rank)))
    return {key: _dated(entry[key], what.entry.fields.get(key, shape.Text())) for key in keys}


def _dated(value: Any, what: shape.Shape) -> Any:
    """A value with dates in text parsed, so that they are written without quotes."""
    if isinstance(what, shape.Date) and isinstance(value, str) and re.fullmatch(shape.DATE_PATTERN, value, re.ASCII):
        # An invalid date stays text; reading the file reports it.
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(value)
    if isinstance(what, shape.Record) and isinstance(value, Mapping):
        return {key: _dated(item, what.fields.get(key, shape.Text())) for key, item in value.items()}
    if isinstance(what, shape.ListOf) and isinstance(value, list | tuple):
        return [_dated(item, what.item) for item in value]
    return value


def _check(data: bytes, kind: str, expected: list[Any]) -> None:
    """Raise UsageFault unless the edited file has the expected content."""
    root, _ = parse(data, KINDS[kind].path)
    place = _value(root, kind)
    if place is None or _plain(place) != expected:
        raise UsageFault(f"{KINDS[kind].path} is written in a way that commands cannot edit; change it by hand")


# The text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Text:
    """The text of a file, and the replacements to apply to it."""

    text: str
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def eol(self) -> str:
        """The line end of the file."""
        found = re.search("\r\n|\n|\r", self.text)
        return found[0] if found else "\n"

    def put(self, start: int, end: int, new: str) -> None:
        """Replace the characters from start to end; later insertions at the same place go after earlier ones."""
        self.edits.append((start, end, new))

    def line_end(self, at: int) -> int:
        """The end of the line that holds the character before `at`, without the line end itself."""
        while at and self.text[at - 1] in "\r\n":  # a block scalar ends where the next line starts
            at -= 1
        found = BREAK.search(self.text, at)
        return found.start() if found else len(self.text)

    def before(self, at: int) -> str:
        """The text before a character on its line."""
        return BREAK.split(self.text[max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1 : at])[-1]

    def result(self) -> str:
        """The text with all replacements applied."""
        parts, done = [], 0
        for start, end, new in sorted(self.edits, key=lambda edit: edit[0]):
            parts += [self.text[done:start], new]
            done = end
        return "".join([*parts, self.text[done:]])


def _change(text: _Text, node: yaml_tree.Mapping, values: Mapping[str, Any], what: shape.Shape) -> tuple[str, ...]:
    """Set keys of a mapping whose values differ; returns the keys, nested ones by their whole path."""
    fields = what.fields if isinstance(what, shape.Record) else {}
    order = list(fields)
    present = {key.text: value for key, value in node.items}
    keys: list[str] = []
    new: list[str] = []
    for key in sorted(values, key=order.index):
        old, value = present.get(key), values[key]
        if old is None:
            new.append(key)
            keys.append(key)
        elif isinstance(value, Mapping) and isinstance(old, yaml_tree.Mapping) and old.items:
            keys += [f"{key}.{each}" for each in _change(text, old, value, fields[key])]
        elif value is REMOVED:
            _remove(text, node, key)
            keys.append(key)
        else:
            _replace(text, old, value)
            keys.append(key)
    # After the insertions that the existing keys made at the end of a line.
    for key in new:
        _insert(text, node, key, values[key], order)
    return tuple(keys)


def _remove(text: _Text, node: yaml_tree.Mapping, key: str) -> None:
    """Remove a key that another one precedes, with its value; in a block, the lines of both."""
    at = [name.text for name, _ in node.items].index(key)
    if at:  # an entry begins with its dash; `_check` refuses what stays
        start, end = node.items[at - 1][1].end, node.items[at][1].end
        text.put(*((start, end) if node.flow else (text.line_end(start), text.line_end(end))), "")


def _insert(text: _Text, node: yaml_tree.Mapping, key: str, value: Any, order: Sequence[str]) -> None:
    """Insert a new key into a non-empty mapping, after the keys that precede it."""
    earlier = order[: order.index(key)]
    before = [item for name, item in node.items if name.text in earlier]
    after = before[-1] if before else node.items[-1][1]
    if node.flow:
        text.put(after.end, after.end, f", {key}: {flow(value)}")
        return
    at = text.line_end(after.end)
    indent = " " * (node.column - 1)
    text.put(at, at, "".join(f"{text.eol}{indent}{line}" for line in _lines({key: value})))


def _replace(text: _Text, old: Node, value: Any) -> None:
    """Replace a value, keeping its style if it is a list."""
    start, end = old.start, old.end
    if isinstance(old, Scalar) and start == end:
        colon = "" if text.text[:start].rstrip(_BLANK).endswith(":") else ":"
        text.put(start, end, f"{colon}{' ' * (colon == ':' or text.text[start - 1] == ':')}{flow(value)}")
        return
    is_block = not isinstance(old, Scalar) and not old.flow
    if isinstance(old, yaml_tree.Sequence) and old.items and isinstance(value, list | tuple):
        were = [_plain(item) for item in old.items]
        if were == _plain_value(value)[: len(were)]:
            _append(text, old, value[len(were) :])
            return
        if is_block and value:
            indent = " " * (old.column - 1)
            text.put(start, end, f"{text.eol}{indent}".join(f"- {flow(item)}" for item in value))
            return
    # The line end after a block scalar stays. Anything else must be indented deeper than the key before it.
    end = start + len(text.text[start:end].rstrip("\r\n"))
    text.put(start, end, ("  " if is_block else "") + flow(value))


def _append(text: _Text, old: yaml_tree.Sequence, values: Sequence[Any]) -> None:
    """Append values to a non-empty list."""
    if old.flow:
        _append_flow(text, old, values)
        return
    at = text.line_end(old.end)
    indent = " " * (old.column - 1)
    text.put(at, at, "".join(f"{text.eol}{indent}- {flow(value)}" for value in values))


def _append_flow(text: _Text, old: yaml_tree.Sequence, values: Sequence[Any]) -> None:
    last = old.items[-1]
    rest = text.text[last.end : old.end - 1]
    comma = _COMMENT.sub(lambda comment: " " * len(comment[0]), rest).find(",")
    line = text.before(last.start)
    if line.strip() or not BREAK.search(text.text, old.start, old.end):
        text.put(last.end, last.end, "".join(f", {flow(value)}" for value in values))
        return
    # One item per line: new items get their own lines, after a comment on the last one.
    if comma < 0:
        text.put(last.end, last.end, ",")
    at = text.line_end(last.end + comma + 1) if BREAK.search(rest) else last.end + comma + 1
    new = f",{text.eol}{line}".join(flow(value) for value in values)
    text.put(at, at, f"{text.eol}{line}{new}{',' * (comma >= 0)}")


def _add(
    text: _Text, root: yaml_tree.Mapping | None, place: Node | None, kind: str, entries: list[dict[str, Any]]
) -> None:
    """Append new entries, in the style of the last one."""
    if root is None or place is None:
        at = len(text.text.rstrip(_BLANK))
        block = text.eol.join([f"{kind}:", *_items(entries, 2, 2)])
        ended = BREAK.search(text.text, at)
        text.put(at, at, f"{text.eol if at else ''}{block}{'' if ended else text.eol}")
        return
    if isinstance(place, yaml_tree.Sequence) and place.flow and place.items:
        _append_flow(text, place, entries)
        return
    if isinstance(place, yaml_tree.Sequence) and not place.flow:
        last = place.items[-1]
        if isinstance(last, yaml_tree.Mapping) and last.flow:
            lines = [f"{' ' * (place.column - 1)}- {flow(entry)}" for entry in entries]
        else:
            offset = last.column - place.column if "-" in text.before(last.start) else 2
            lines = _items(entries, place.column - 1, offset)
    elif root.flow or BREAK.search(text.text, place.start, place.end):
        new = ", ".join(flow(entry) for entry in entries)
        if isinstance(place, yaml_tree.Sequence):
            text.put(place.end - 1, place.end - 1, new)
        else:
            _replace(text, place, entries)
        return
    else:
        # `[]`, `~` or nothing: the list starts below its key, and a comment stays where it is.
        start = len(text.text[: place.start].rstrip(" \t"))
        text.put(start, place.end, "")
        lines = _items(entries, root.column + 1, 2)
    at = text.line_end(place.end)
    if all(not line.strip() or line.lstrip().startswith("#") for line in BREAK.split(text.text[at:])):
        at = max(at, text.line_end(len(text.text.rstrip(_BLANK))))
    text.put(at, at, "".join(f"{text.eol}{line}" for line in lines))


def _items(entries: Iterable[Mapping[str, Any]], indent: int, offset: int) -> list[str]:
    """Entries as the lines of a list in block style. indent: of the dash; offset: from there to the keys."""
    lines = []
    for entry in entries:
        first, *others = _lines(entry)
        lines.append(f"{' ' * indent}-{' ' * (offset - 1)}{first}")
        lines += [f"{' ' * (indent + offset)}{line}" for line in others]
    return lines


def _lines(values: Mapping[str, Any]) -> list[str]:
    """Keys and values in block style: values on the line of their key, mappings in a list on lines of their own."""
    lines = []
    for key, value in values.items():
        if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            lines += [f"{key}:", *(f"  - {flow(item)}" for item in value)]
        else:
            lines.append(f"{key}:" if value is None else f"{key}: {flow(value)}")
    return lines
