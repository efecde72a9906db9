"""Reads an export of moderate size whole: as text (UTF-8, UTF-16), or as one JSON document whose numbers stay exact."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from openchargeback.convert.json_places import Key, Places
from openchargeback.convert.kinds import Input
from openchargeback.problems import Problem

_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_ROUNDED = re.compile(r"\d+(?:[.,]\d+)? ?(?:[KMGTPEkmgtpe]i?[Bb]?|[Bb])", re.ASCII)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_LARGEST = (1 << 63) - 1
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zX": "xz",
}
"""Formats of compressed files, by their first bytes."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How text in UTF-16 begins, which `>` of Windows PowerShell writes."""

EMPTY_FIX = "check the command and its exit status; if there was no usage in the month, convert with `--allow-empty`"
CUT_FIX = "export it again, and check that the command exits with 0"


@dataclass(slots=True)
class Source:
    """An export: its text, and its JSON document if it is one (else None).

    lines: of the objects of JSON that have been read (`objects`), by their numbers.
    """

    file: Input
    text: str
    document: Any = None
    lines: dict[int, int] = field(default_factory=dict)
    _places: Places | None = None

    @property
    def unfinished(self) -> Problem | None:
        """The problem of text whose last line has no end."""
        return None if self.text.endswith("\n") else unfinished(self.file.name, self.text.count("\n") + 1)

    @property
    def is_json(self) -> bool:
        """Whether it is one JSON document: a list or an object."""
        return self.document is not None

    def line_of(self, place: int) -> int:
        """The line of a record: its place in a table, of an object of JSON that of its number."""
        return self.lines.get(place, place)

    def items(self, found: object, keys: Sequence[Key]) -> Iterator[tuple[int, str, Any]]:
        """The items of a list: the number of each, from 1 over all lists of the document, its path, and the item.

        found: what is at the keys: a list, or one object that stands for a list of itself.
        """
        what = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")
        each = [found] if isinstance(found, dict) else found if isinstance(found, list) else []
        self._places = self._places or Places(self.text)
        for index, (line, item) in enumerate(zip(self._places.lines(keys) if each else (), each, strict=True)):
            number = len(self.lines) + 1
            self.lines[number] = line
            yield number, f"{what}[{index}]" if each is found else what or "the document", item

    def objects(
        self, found: object, keys: Sequence[Key], problem: Callable[[str, str, str, int], None], fix: str
    ) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """The same of items that must be objects. problem: called with code, message, fix and number for others."""
        for number, place, item in self.items(found, keys):
            if isinstance(item, dict):
                yield number, place, item
            else:
                problem("usage-cells", f"{place} is not an object", fix, number)


def compressed(file: Input) -> Problem | None:
    """The problem of a file that is compressed, or an archive."""
    with file.path.open("rb") as opened:
        start = opened.read(4)
    for sign, name in _PACKED.items():
        if start.startswith(sign):
            message = f"the file is compressed ({name})"
            return Problem(file.name, "usage-header", message, "decompress it first, and convert what was in it")
    return None


def unfinished(path: str, line: int, fix: str = "") -> Problem:
    """The problem of a file whose last line has no end. fix: in place of the usual one."""
    message = "the last line has no line break, so the export may be cut off"
    return Problem(path, "usage-cut", message, fix or CUT_FIX, line)


def source_of(file: Input) -> Source | Problem:
    """An export, or why it cannot be read: compressed, empty, not text, or not one whole JSON document."""
    if fault := compressed(file):
        return fault
    try:
        data = file.path.read_bytes()
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        return Problem(file.name, "usage-cells", "the export is not text in UTF-8", "export it again in UTF-8")
    if not text.strip():
        return Problem(file.name, "usage-empty", "the export is empty", EMPTY_FIX)
    if text.lstrip()[0] not in "[{":
        return Source(file, text)
    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=str)
    except (json.JSONDecodeError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data" and text[error.pos] in "[{":
            fix = "put each into a file of its own, or all of them into one list with `jq -s .`"
            return Problem(file.name, "usage-cells", "the file has several JSON documents", fix, line)
        reason = str(error).partition(":")[0].lower()
        message = f"the export is not a complete JSON document ({reason}), so it may be cut off"
        return Problem(file.name, "usage-cut", message, CUT_FIX, line)
    return half_a_character(file, 0, text, document) or Source(file, text, document)


def half_a_character(file: Input, line: int, text: str, value: Any) -> Problem | None:
    """The problem of a JSON text whose value has a lone surrogate, which cannot be stored."""
    if not _HALF.search(text):
        return None
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        message = "a text in the export contains half of a character (a lone surrogate)"
        return Problem(file.name, "usage-cells", message, "correct the name in the system, and export again", line)
    return None


def whole(value: object) -> int | None:
    """A whole number that is not negative, from a JSON number or from digits; None for anything else."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    return None


def is_rounded(value: object) -> bool:
    """Whether a cell is a figure for people, such as 1.5T."""
    return isinstance(value, str) and _ROUNDED.fullmatch(value.strip()) is not None


def inside(value: Any, *keys: str) -> Any:
    """What a JSON object holds below some keys, one in another; None if one is not there."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text_of(value: object) -> str:
    """A JSON text or number as text; empty for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
