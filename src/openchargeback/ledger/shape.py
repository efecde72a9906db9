"""Define once what a YAML file may contain: shapes read a tree into plain values and generate the JSON Schema for it.

A shape never stops at the first fault. If a value cannot be read, it records a problem with place and fix and returns
None (or the default), so that one pass reports everything that is wrong with a file.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Protocol

from openchargeback import money
from openchargeback.ledger.patterns import expression, fix_of
from openchargeback.ledger.yaml_meaning import other_reading
from openchargeback.ledger.yaml_tree import Mapping, Node, Reader, Scalar, Sequence
from openchargeback.problems import Severity

PERIOD_PATTERN = r"\d{4}-(0[1-9]|1[0-2])"
DATE_PATTERN = r"\d{4}-\d{2}-\d{2}"
_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off"})
_LEADING_ZERO = re.compile(r"-?0[0-9]")
_WORDS: dict[type, str] = {Scalar: "a single value", Sequence: "a list", Mapping: "a mapping of keys to values"}


class Shape(Protocol):
    """Reads a node into a value, and describes itself as JSON Schema (draft 2020-12)."""

    def read(self, node: Node, reader: Reader) -> Any:
        """The value, or None after recording a problem."""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what `read` accepts without a problem."""


def _expect(node: Node, reader: Reader, what: str) -> None:
    found = "nothing" if isinstance(node, Scalar) and node.is_null else _WORDS[type(node)]
    if isinstance(node, Scalar) and not node.is_null:
        found = f"`{node.text[:60]}`"
    reader.fault(node, "wrong-type", f"expected {what}, found {found}", f"write {what} here")


def _same_to_others(node: Scalar, reader: Reader, read: str = "") -> None:
    """Warn if other YAML readers interpret an unquoted value differently. read: how it is interpreted here."""
    other = "" if node.quoted else other_reading(node.text)
    if not other or other == f"the number {read}":
        return
    here = read or f"the text {node.text}"
    fix = f"write {read}" if read else f'write "{node.text}", in quotes'
    message = f"other YAML readers read {node.text} as {other}; here it is {here}"
    reader.fault(node, "yaml-ambiguous", message, fix, Severity.WARNING)


@dataclass(frozen=True, slots=True)
class Text:
    """Text as written, trimmed: also `NO`, `012` and `2025-01` are text here. `pattern` is matched whole.

    digits: text that matches the pattern may look like a number, so an editor must not require quotes. filled: whether
    it must not be empty. fold: case does not matter, so the text is case-folded.
    """

    pattern: str = ""
    what: str = "text"
    help: str = ""
    max_length: int = 1000
    digits: bool = False
    filled: bool = False
    fold: bool = False

    def read(self, node: Node, reader: Reader) -> str | None:
        if not isinstance(node, Scalar) or node.is_null:
            _expect(node, reader, self.what)
            return None
        text = node.text.strip()
        if self.filled and not text:
            reader.fault(node, "wrong-value", f"expected {self.what}, found empty text", f"write {self.what}")
            return None
        if self.pattern and not re.fullmatch(self.pattern, text):
            _expect(node, reader, self.what)
            return None
        if len(text) > self.max_length:
            reader.fault(node, "too-long", f"longer than {self.max_length} characters", "shorten it")
            return None
        _same_to_others(node, reader)
        return text.casefold() if self.fold else text

    def schema(self) -> dict[str, Any]:
        # YAML tools read 012 or 2025-01-31 as types other than text; an editor must not complain about those.
        if not self.pattern:
            least = {"minLength": 1} if self.filled else {}
            return _with_help(
                {"type": ["string", "number", "boolean"], **least, "maxLength": self.max_length}, self.help
            )
        kind = ["string", "number"] if self.digits else "string"
        return _with_help({"type": kind, "pattern": f"^(?:{self.pattern})$"}, self.help)


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text exactly as received, whitespace included: it must match text in a charge file or a record."""

    help: str = ""

    def read(self, node: Node, reader: Reader) -> str | None:
        """The text; None with a problem if there is none."""
        if isinstance(node, Scalar) and not node.is_null:
            _same_to_others(node, reader)
            return node.text
        return Text().read(node, reader)

    def schema(self) -> dict[str, Any]:
        """As for any text."""
        return Text(help=self.help).schema()


@dataclass(frozen=True, slots=True)
class RegularExpression:
    """A regular expression as RE2 reads it (`ledger/patterns.py`)."""

    help: str = ""

    def read(self, node: Node, reader: Reader) -> str | None:
        text = Text(what="a regular expression").read(node, reader)
        if text is None:
            return None
        try:
            expression(text)
        except ValueError as error:
            reader.fault(node, "bad-pattern", f"not a regular expression: {error}", fix_of(text))
            return None
        return text

    def schema(self) -> dict[str, Any]:
        return _with_help({"type": "string", "format": "regex"}, self.help)


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number within bounds; read as Decimal, also from quoted text. digits: the maximum before the point."""

    minimum: Decimal | None = None
    help: str = ""
    digits: int = money.MAX_DIGITS

    def read(self, node: Node, reader: Reader) -> Decimal | None:
        value = money.parse(node.text.strip(), self.digits) if isinstance(node, Scalar) else None
        if value is None:
            _expect(node, reader, "a plain number such as 1234.50")
        elif self.minimum is not None and value < self.minimum:
            _expect(node, reader, f"a number that is at least {self.minimum}")
            return None
        elif isinstance(node, Scalar) and _LEADING_ZERO.match(node.text.strip()):
            _same_to_others(node, reader, money.exact(value))
        return value

    def schema(self) -> dict[str, Any]:
        result: dict[str, Any] = {"type": ["number", "string"], "pattern": f"^(?:{money.NUMBER_PATTERN})$"}
        if self.minimum is not None:
            result["minimum"] = int(self.minimum) if self.minimum == int(self.minimum) else float(self.minimum)
        return _with_help(result, self.help)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `low` to `high`."""

    low: int
    high: int
    help: str = ""

    def read(self, node: Node, reader: Reader) -> int | None:
        text = node.text.strip() if isinstance(node, Scalar) else ""
        if (
            isinstance(node, Scalar)
            and re.fullmatch(r"\d{1,15}", text, re.ASCII)
            and self.low <= int(text) <= self.high
        ):
            if _LEADING_ZERO.match(text):
                _same_to_others(node, reader, str(int(text)))
            return int(text)
        _expect(node, reader, f"a whole number from {self.low} to {self.high}")
        return None

    def schema(self) -> dict[str, Any]:
        return _with_help({"type": "integer", "minimum": self.low, "maximum": self.high}, self.help)


@dataclass(frozen=True, slots=True)
class Boolean:
    """true or false (also yes/no, on/off)."""

    help: str = ""

    def read(self, node: Node, reader: Reader) -> bool | None:
        word = node.text.strip().lower() if isinstance(node, Scalar) else ""
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        _expect(node, reader, "true or false")
        return None

    def schema(self) -> dict[str, Any]:
        # YAML 1.2 reads `on` and `off` as text, as does the editor.
        return _with_help({"enum": [True, False, *sorted(_TRUE | _FALSE)]}, self.help)


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar date, `2025-01-31`."""

    help: str = ""

    def read(self, node: Node, reader: Reader) -> dt.date | None:
        text = node.text.strip() if isinstance(node, Scalar) else ""
        if re.fullmatch(DATE_PATTERN, text, re.ASCII):
            try:
                return dt.date.fromisoformat(text)
            except ValueError:
                pass
        _expect(node, reader, "a date such as 2025-01-31")
        return None

    def schema(self) -> dict[str, Any]:
        # A validator may ignore `format`, but not `pattern`.
        return _with_help({"type": "string", "format": "date", "pattern": f"^{DATE_PATTERN}$"}, self.help)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words. make: converts the word."""

    words: tuple[str, ...]
    help: str = ""
    make: Callable[[str], Any] = str

    def read(self, node: Node, reader: Reader) -> Any:
        text = node.text.strip() if isinstance(node, Scalar) else ""
        if text in self.words:
            return self.make(text)
        reader.fault(node, "wrong-value", f"expected one of {', '.join(self.words)}", did_you_mean(text, self.words))
        return None

    def schema(self) -> dict[str, Any]:
        return _with_help({"enum": list(self.words)}, self.help)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at least `least` items; a single value counts as a list of one if `single` is set.

    Unreadable items are left out.
    """

    item: Shape
    single: bool = False
    help: str = ""
    least: int = 0

    def read(self, node: Node, reader: Reader) -> tuple[Any, ...] | None:
        if isinstance(node, Scalar) and node.is_null:
            return ()
        if self.single and not isinstance(node, Sequence):
            node = Sequence((node,), node.line, node.column)
        if not isinstance(node, Sequence):
            _expect(node, reader, "a list")
            return None
        if len(node.items) < self.least:
            reader.fault(node, "wrong-type", "expected at least one item, found an empty list", "add an item")
            return None
        values = [self.item.read(item, reader) for item in node.items]
        return tuple(value for value in values if value is not None)

    def schema(self) -> dict[str, Any]:
        kind = {"type": "array", "minItems": self.least} if self.least else {"type": ["array", "null"]}
        array = {**kind, "items": self.item.schema()}
        return _with_help({"anyOf": [array, self.item.schema()]} if self.single else array, self.help)


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping from free keys to values of one shape. `fold` lowers the keys (source names are case-insensitive).

    named: combines a key and its value into one object; the result is then sorted by key. listed: the only keys
    allowed.
    """

    value: Shape
    fold: bool = False
    key_pattern: str = ""
    help: str = ""
    named: Callable[[str, Any], Any] | None = None
    listed: bool = False

    def read(self, node: Node, reader: Reader) -> dict[str, Any] | tuple[Any, ...] | None:
        found = self._entries(node, reader)
        if found is not None and self.named:
            found = {name: self.named(name, found[name]) for name in sorted(found)}
        return tuple(found.values()) if found is not None and self.listed else found

    def _entries(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        if isinstance(node, Scalar) and node.is_null:
            return {}
        if not isinstance(node, Mapping):
            _expect(node, reader, "a mapping of keys to values")
            return None
        result: dict[str, Any] = {}
        for key, item in node.items:
            name = key.text.strip().lower() if self.fold else key.text.strip()
            if self.key_pattern and not re.fullmatch(self.key_pattern, name):
                reader.fault(
                    key, "wrong-key", f"`{key.text[:60]}` is not a valid name here", "use letters, digits, - and _"
                )
                continue
            if name in result:
                reader.fault(key, "duplicate-key", f"duplicate key {name}", "keep only one")
                continue
            _same_to_others(key, reader)
            value = self.value.read(item, reader)
            if value is not None:
                result[name] = value
        return result

    def schema(self) -> dict[str, Any]:
        result: dict[str, Any] = {"type": ["object", "null"], "additionalProperties": self.value.schema()}
        if self.key_pattern:
            pattern = self.key_pattern.replace("a-z", "A-Za-z") if self.fold else self.key_pattern
            result["propertyNames"] = {"pattern": f"^(?:{pattern})$"}
        return _with_help(result, self.help)


@dataclass(frozen=True, slots=True)
class Record:
    """Known keys, each with its shape. Unknown keys are problems that suggest the nearest known key.

    read returns a dict of the keys that are present and readable; `None` values count as absent.
    make turns that dict into the final value; it may record problems at the node itself.
    rules: JSON Schema keywords for constraints between keys that `make` checks. defaults: of absent keys, for editors.
    """

    fields: MappingType[str, Shape]
    required: SequenceType[str] = ()
    make: Callable[[dict[str, Any], Node, Reader], Any] | None = None
    help: str = ""
    rules: MappingType[str, Any] = field(default_factory=dict)
    defaults: MappingType[str, Any] = field(default_factory=dict)

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, Mapping):
            _expect(node, reader, "a mapping of keys to values")
            return None
        values: dict[str, Any] = {}
        present: set[str] = set()
        for key, item in node.items:
            shape = self.fields.get(key.text)
            if shape is None:
                reader.fault(
                    key, "unknown-key", f"`{key.text[:60]}` is not a setting here", did_you_mean(key.text, self.fields)
                )
                continue
            present.add(key.text)
            if isinstance(item, Scalar) and item.is_null and key.text not in self.required:
                continue
            value = shape.read(item, reader)
            if value is not None:
                values[key.text] = value
        missing = [name for name in self.required if name not in present]
        if missing:
            reader.fault(node, "missing-key", f"{', '.join(missing)} is missing", f"add `{missing[0]}:` here")
        if any(name not in values for name in self.required):
            return None
        return self.make(values, node, reader) if self.make else values

    def schema(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "type": "object",
            "properties": {
                name: (shape.schema() if name in self.required else _or_null(shape.schema()))
                | ({"default": self.defaults[name]} if name in self.defaults else {})
                for name, shape in self.fields.items()
            },
            "additionalProperties": False,
        }
        if self.required:
            result["required"] = list(self.required)
        return _with_help({**result, **self.rules}, self.help)


@dataclass(frozen=True, slots=True)
class Either:
    """A shorthand: text in place of the full form, which is a mapping."""

    text: Shape
    full: Shape
    from_text: Callable[[Any], Any]
    help: str = ""
    nodes: tuple[type, ...] = field(default=(Scalar,))

    def read(self, node: Node, reader: Reader) -> Any:
        if isinstance(node, self.nodes):
            value = self.text.read(node, reader)
            return None if value is None else self.from_text(value)
        return self.full.read(node, reader)

    def schema(self) -> dict[str, Any]:
        return _with_help({"anyOf": [self.text.schema(), self.full.schema()]}, self.help)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, for a key that may have no value, as when everything below it is commented out."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return {**schema, "type": [*kinds, *(() if "null" in kinds else ("null",))]}
    return schema


def _with_help(schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {**schema, "description": text} if text else schema


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word with the most similar spelling, ignoring case; empty if none is close."""
    folded = {each.casefold(): each for each in sorted(known)}
    near = get_close_matches(word.casefold(), folded, n=1)
    return folded[near[0]] if near else ""


def did_you_mean(word: str, known: MappingType[str, Any] | SequenceType[str]) -> str:
    """A fix that names the nearest known word, else all of them."""
    near = nearest(word, known)
    return f"did you mean `{near}`?" if near else f"use one of {', '.join(sorted(known))}"
