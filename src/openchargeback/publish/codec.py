"""Model values as JSON and back, for the cache. Supports only the frozen dataclasses of `model.py` and their fields."""

from __future__ import annotations

import datetime as dt
import enum
import json
import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def encode(value: object) -> bytes:
    """JSON of a value; amounts and dates as text."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":")).encode()


def decode(kind: type[T], data: bytes) -> T:
    """A value of that type. Raises ValueError, TypeError or KeyError if the data does not match."""
    return typing.cast("T", _reader(typing.cast("Any", kind))(json.loads(data)))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return [_plain(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    return value


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """The function that reads values of a type, computed once per type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        item = _reader(arguments[0])
        return lambda data: tuple(item(each) for each in data)
    if origin is dict:
        entry = _reader(arguments[1])
        return lambda data: {key: entry(each) for key, each in data.items()}
    if origin in (types.UnionType, typing.Union):
        inner = _reader(next(each for each in arguments if each is not type(None)))
        return lambda data: None if data is None else inner(data)
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        readers = [(field.name, _reader(hints[field.name])) for field in fields(kind)]
        made = typing.cast("Callable[..., Any]", kind)
        return lambda data: made(**{name: read(each) for (name, read), each in zip(readers, data, strict=True)})
    if kind is dt.date:
        return dt.date.fromisoformat
    if kind is Decimal or (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        return typing.cast("Callable[[Any], Any]", kind)
    return lambda data: data
