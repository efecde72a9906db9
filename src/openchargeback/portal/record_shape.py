"""How the record of a statement is declared: each key once, with its meaning, its JSON Schema and its value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Generic, TypeVar

from openchargeback import money
from openchargeback.ledger.settings import Config
from openchargeback.model import Amounts

Schema = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """A key of an object: its name, its schema, its meaning, and its value in the record of `of`."""

    name: str
    schema: Schema
    words: str
    value: Callable[[T, Config], Any]


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """A kind of object, with its keys in order."""

    fields: tuple[Field[T], ...]

    def values(self, of: T, config: Config) -> dict[str, Any]:
        """The object for a value."""
        return {each.name: each.value(of, config) for each in self.fields}

    def each(self, parts: Iterable[T], config: Config) -> list[dict[str, Any]]:
        """The objects for several values."""
        return [self.values(part, config) for part in parts]

    @property
    def schema(self) -> Schema:
        """The JSON Schema of such an object."""
        return {
            "type": "object",
            "properties": {each.name: {**each.schema, "description": each.words} for each in self.fields},
            "required": [each.name for each in self.fields],
        }

    @property
    def list(self) -> Schema:
        """The JSON Schema of a list of such objects."""
        return {"type": "array", "items": self.schema}


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
DAY: Schema = {"type": "string", "format": "date"}
MAYBE_DAY: Schema = {"type": ["string", "null"], "format": "date"}
AMOUNT: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
MAYBE_AMOUNT: Schema = {"type": ["string", "null"], "pattern": AMOUNT["pattern"]}
MONTH: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}$"}


def shape(*fields: Field[Any]) -> Shape[Any]:
    """An object with these keys."""
    return Shape(fields)


def word(words: Iterable[str]) -> Schema:
    """The schema of one of these words."""
    return {"enum": [str(word) for word in words]}


def plain(value: Any) -> Any:
    """A value of the model as in JSON: exact amounts as text, days in ISO form."""
    match value:
        case Decimal():
            return money.exact(value)
        case dt.date():
            return value.isoformat()
        case tuple():
            return list(value)
        case _:
            return value


def key(name: str, schema: Schema, words: str, field: str = "") -> Field[Any]:
    """A key with the value of the field of that name, or of another one."""
    return Field(name, schema, words, lambda of, _config: plain(getattr(of, field or name)))


def cents(name: str, words: str) -> Field[Amounts]:
    """A key with one of the amounts, in cents."""
    return Field(name, AMOUNT, words, lambda of, config: money.plain(getattr(of, name), config.currency))


def inside(name: str, fields: Iterable[Field[Any]]) -> tuple[Field[Any], ...]:
    """The keys of the record in the field of that name."""
    return tuple(replace(each, value=_of(each, name)) for each in fields)


def _of(field: Field[Any], name: str) -> Callable[[Any, Config], Any]:
    return lambda of, config: field.value(getattr(of, name), config)
