"""YAML as this program writes it: our own quoting rules, one entry per line, the same bytes for the same values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from openchargeback import money

# Text that every YAML reader reads as itself, in flow style too (YAML 1.2.2, 7.3.3; no numbers, dates or booleans).
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{16,64}")
"""Always quoted: some digests look like numbers, and all should look alike."""
_WORDS = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})

ESCAPED = (
    *((0x00, 0x1F), (0x7F, 0xA0), (0xAD, 0xAD), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F)),
    *((0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F), (0x3000, 0x3000)),
    *((0xD800, 0xF8FF), (0xFDD0, 0xFDEF), (0xFEFF, 0xFEFF), (0xFFF0, 0xFFFB), (0xFFFE, 0xFFFF)),
    *((0x1D173, 0x1D17A), (0xE0000, 0xE00FF), (0xF0000, 0x10FFFF)),
)
"""First and last of the characters that are never written as themselves: controls, unusual spaces, what is invisible or
sets the direction of text, surrogates, private use, noncharacters. The list is fixed, so that every version of Python,
and the review page in every browser, writes the same bytes."""

_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNSAFE = re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ESCAPED) + r'"\\]')


def quoted(text: str) -> str:
    """Text as a double-quoted YAML scalar (YAML 1.2, 7.3.1), always on one line."""
    return '"' + _UNSAFE.sub(lambda found: _SHORT.get(found[0], f"\\U{ord(found[0]):08x}"), text) + '"'


def scalar(value: object) -> str:
    """A single value: numbers, booleans and dates bare, text bare only if no reader can misread it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | dt.date):
        return str(value)
    text = money.exact(value) if isinstance(value, Decimal) else str(value)
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not _DIGEST.fullmatch(text)
    return text if plain else quoted(text)


def document(values: dict[str, Any], head: str) -> str:
    """A YAML file of a mapping, in the order given: nested mappings indented, list items one per line."""
    return "".join(f"# {line}\n" for line in head.splitlines()) + "".join(f"{line}\n" for line in _block(values, 0))


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def _block(values: dict[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{scalar(key)}:"
            yield from _block(value, depth + 1)
        elif isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
            yield f"{indent}{scalar(key)}:"
            yield from (f"{indent}  - {flow(item)}" for item in value)
        else:
            yield f"{indent}{scalar(key)}: {flow(value)}"
