"""Reads an export of moderate size whole: as text in UTF-8, or as one JSON document whose numbers stay exact."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from openchargeback.convert.kinds import Input
from openchargeback.problems import Problem

_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_ROUNDED = re.compile(r"\d+(?:[.,]\d+)? ?(?:[KMGTPEkmgtpe]i?[Bb]?|[Bb])", re.ASCII)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_LARGEST = (1 << 63) - 1

EMPTY_FIX = "check the command and its exit status; if there was no usage in the month, convert with `--allow-empty`"
CUT_FIX = "export it again, and check that the command exits with 0"


@dataclass(frozen=True, slots=True)
class Source:
    """An export: its text, and its JSON document if it is one (else None)."""

    file: Input
    text: str
    document: Any = None

    @property
    def unfinished(self) -> Problem | None:
        """The problem of text whose last line has no end."""
        return None if self.text.endswith("\n") else unfinished(self.file.name, self.text.count("\n") + 1)

    @property
    def is_json(self) -> bool:
        """Whether it is one JSON document: a list or an object."""
        return self.document is not None


def unfinished(path: str, line: int, fix: str = "") -> Problem:
    """The problem of a file whose last line has no end. fix: in place of the usual one."""
    message = "the last line has no line break, so the export may be cut off"
    return Problem(path, "usage-cut", message, fix or CUT_FIX, line)


def objects_in(
    found: object, what: str, problem: Callable[[str, str, str, int], None], fix: str
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The objects of a JSON list: number from 1, path in the document, value.

    problem: called with code, message, fix and number for an item that is not an object.
    """
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield index + 1, f"{what}[{index}]", item
        else:
            problem("usage-cells", f"{what}[{index}] is not an object", fix, index + 1)


def source_of(file: Input) -> Source | Problem:
    """An export, or why it cannot be read: empty, not text, or not one whole JSON document."""
    try:
        text = file.path.read_bytes().decode("utf-8-sig")
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
    if _HALF.search(text) and not _is_text(document):
        message = "a text in the export contains half of a character (a lone surrogate)"
        return Problem(file.name, "usage-cells", message, "correct the name in the system, and export again")
    return Source(file, text, document)


def _is_text(document: Any) -> bool:
    try:
        json.dumps(document, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


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
