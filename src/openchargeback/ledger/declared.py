"""Declare a YAML file once, as dataclasses: reading, writing and the JSON Schema follow from the declaration.

    @dataclass(frozen=True, slots=True)
    class StatementSettings:
        note: Annotated[str, Text(max_length=4000, help="A note on every statement.")] = ""
        paper: Annotated[str, Choice(("a4", "letter"), "The paper size of PDFs.")] = "a4"
        links: Annotated[tuple[str, ...], "Hosts that pages may link to."] = ()

A field is a key of the file if its annotation has a help text, a shape, or a Key. Its default is the file's default; a
field without one is a required key. The caller sets fields without an annotation.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from openchargeback import money
from openchargeback.ledger.shape import (
    Boolean,
    Choice,
    Date,
    Integer,
    ListOf,
    MapOf,
    Number,
    Record,
    Shape,
    Text,
    Verbatim,
)
from openchargeback.ledger.yaml_tree import Node, Reader

_Shapes = dict[type, Callable[[str], Shape]]

_MOST = 999_999_999
_SIMPLE: _Shapes = {
    str: lambda text: Text(help=text),
    bool: lambda text: Boolean(help=text),
    int: lambda text: Integer(0, _MOST, help=text),
    Decimal: lambda text: Number(help=text),
    dt.date: lambda text: Date(help=text),
}
_EXACT: _Shapes = {**_SIMPLE, str: Verbatim, Decimal: lambda text: Number(help=text, digits=money.SUM_DIGITS)}
_OF_FIELD: Any = object()
_ELSEWHERE: dict[type, tuple[dict[str, Key | Shape | str], _Shapes]] = {}


@dataclass(frozen=True, slots=True)
class Key:
    """Properties of a key that do not follow from its type.

    name: in the file, if it differs from the field's (`from`). always: written even if it has the default value.
    default: of the file, if it differs from the field's; MISSING if the key is required.
    write: converts the value for writing, if the plain form is not right.
    """

    help: str = ""
    shape: Shape | None = None
    name: str = ""
    always: bool = False
    default: Any = _OF_FIELD
    write: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class DeclaredKey:
    """A key of a dataclass: its field, its name in the file, its shape, its default (MISSING for none).

    given: whether the default comes from the file's declaration alone.
    """

    field: str
    name: str
    shape: Shape
    default: Any
    always: bool
    write: Callable[[Any], Any] | None
    given: bool = False

    def is_written(self, value: Any) -> bool:
        """Whether a value must be written to the file."""
        return self.always or self.default is MISSING or value != self.default


def declare(cls: type, *, exact: bool = False, **keys: Key | Shape | str) -> None:
    """Declare the keys, by field, of a dataclass in a lower room that knows nothing about files.

    exact: read text verbatim and numbers of any length, since the program wrote them itself.
    """
    _ELSEWHERE[cls] = (keys, _EXACT if exact else _SIMPLE)


def shape_of(cls: type, help_: str = "", *, default: Any = None, whole: bool = True) -> Record:
    """The shape of a dataclass. Reading makes an instance, or changes `default` if given; if not `whole`, it only
    returns the values by field, for callers that set the fields that are not keys.

    If the class has a class method `from_yaml(values, node, reader)`, that makes the instance instead, from the values
    read, by field. `RULES` holds JSON Schema keywords for constraints between keys. help_: the description; by default
    the first sentence of the class docstring.
    """
    keys = keys_of(cls, default)
    by_name = {key.name: key.field for key in keys}
    given = {key.field: key.default for key in keys if key.given}

    def make(values: dict[str, Any], node: Node, reader: Reader) -> Any:
        read = given | {by_name[name]: value for name, value in values.items()}
        if not whole:
            return read
        if hasattr(cls, "from_yaml"):
            return cls.from_yaml(read, node, reader)
        return cls(**read) if default is None else replace(default, **read)

    return Record(
        {key.name: key.shape for key in keys},
        required=tuple(key.name for key in keys if key.default is MISSING),
        make=make,
        help=help_ or _first_sentence(cls),
        rules=getattr(cls, "RULES", {}),
        defaults={key.name: shown for key in keys if (shown := _shown_default(key.default)) is not None},
    )


def _shown_default(default: Any) -> Any:
    """A default as shown by editors; None if there is nothing to show."""
    if isinstance(default, Decimal):
        return money.exact(default)
    if isinstance(default, tuple) and default and all(isinstance(item, str) for item in default):
        return list(default)
    return default if isinstance(default, str | int) and default != "" else None


def values_of(value: Any, *, default: Any = None, defaults: bool = False) -> dict[str, Any]:
    """A dataclass as the mapping that its shape reads back: keys in order, defaults left out.

    default: used instead of the class's defaults. defaults: include keys with default values.
    """
    return {
        key.name: key.write(item) if key.write else _plain(item, key.default, defaults)
        for key in keys_of(type(value), default)
        if defaults or key.is_written(getattr(value, key.field))
        for item in (getattr(value, key.field),)
    }


def _plain(value: Any, default: Any, defaults: bool) -> Any:  # noqa: FBT001 - passed on
    if is_dataclass(value):
        return values_of(value, default=default if isinstance(default, type(value)) else None, defaults=defaults)
    if isinstance(value, Mapping):
        return {key: _plain(item, None, defaults) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item, None, defaults) for item in value]
    if isinstance(value, enum.StrEnum):
        return str(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def keys_of(cls: type, default: Any = None) -> tuple[DeclaredKey, ...]:
    """The keys of a dataclass, in order. default: an instance whose values replace the class's defaults."""
    keys = _keys(cls)
    return keys if default is None else tuple(replace(key, default=getattr(default, key.field)) for key in keys)


@cache
def _keys(cls: type) -> tuple[DeclaredKey, ...]:
    keys, simple = _ELSEWHERE.get(cls, ({}, _SIMPLE))
    hints = get_type_hints(cls, include_extras=True)
    found = []
    for field in fields(cls):
        hint, meant = hints[field.name], keys.get(field.name)
        if get_origin(hint) is Annotated:
            hint, meant = get_args(hint)[:2]
        if meant is not None:
            found.append(_declared(field, hint, meant, simple))
    return tuple(found)


def _declared(field: Field[Any], hint: Any, meant: Key | Shape | str, simple: _Shapes) -> DeclaredKey:
    key = meant if isinstance(meant, Key) else Key(help=meant) if isinstance(meant, str) else Key(shape=meant)
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    given = key.default is not _OF_FIELD and key.default is not MISSING
    default = default if key.default is _OF_FIELD else key.default
    shape = key.shape or _of_type(hint, key.help, default, simple)
    return DeclaredKey(field.name, key.name or field.name, shape, default, key.always, key.write, given)


def _of_type(hint: Any, help_: str, default: Any, simple: _Shapes) -> Shape:
    """The shape of a type: `X | None` is read as X, a tuple as a list, a dict as a mapping with free keys."""
    arguments = [each for each in get_args(hint) if each not in (type(None), Ellipsis)]
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _of_type(arguments[0], help_, default, simple)
    if origin is tuple:
        return ListOf(_of_type(arguments[0], "", None, simple), help=help_)
    if origin is dict:
        return MapOf(_of_type(arguments[1], "", None, simple), help=help_)
    if is_dataclass(hint):
        return shape_of(hint, help_, default=default if isinstance(default, hint) else None)  # type: ignore[arg-type]
    if issubclass(hint, enum.StrEnum):
        return Choice(tuple(str(each) for each in hint), help_, make=hint)
    return simple[hint](help_)


def _first_sentence(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())
