"""YAML as a tree of values with their positions in the file.

Scalars stay text as written: the meaning of `NO`, `012`, `1:30` or `2025-01-31` is decided where it is known
(`shape.py`), never guessed from the spelling. Anchors, aliases, tags, multiple documents, duplicate keys and deep
nesting are refused: a ledger needs none of them, and each can hide something from a reviewer.

`line` and `column` of a node count from 1. `start` and `end` are its offsets in the text of the file (without a byte
order mark): `text[start:end]`. A list or mapping in block style ends where its last value does.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from openchargeback.files.lfs import POINTER, pointer_problem
from openchargeback.problems import Problem, Severity

MAX_DEPTH = 40
MAX_BYTES = 8 * 1024 * 1024
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
NO_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that are not c-printable (YAML 1.2, 5.1), according to libyaml."""
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line ends as libyaml counts them."""
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar with its position; `quoted` if the author used quotes or a block."""

    text: str
    quoted: bool
    line: int
    column: int
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    @property
    def is_null(self) -> bool:
        """Whether the author left it empty or wrote null."""
        return not self.quoted and self.text in _NULLS


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list with its position; `flow` if it is written in brackets."""

    items: tuple[Node, ...]
    line: int
    column: int
    flow: bool = field(default=False, compare=False)
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values with their positions, in file order; `flow` if written in braces."""

    items: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int
    flow: bool = field(default=False, compare=False)
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class Reader:
    """Collects the problems of one file while it is read."""

    path: str
    problems: list[Problem] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def fault(
        self, node: Node | None, code: str, message: str, fix: str = "", severity: Severity = Severity.ERROR
    ) -> None:
        """Record a problem at a node, with the source line."""
        line, column = (node.line, node.column) if node else (0, 0)
        excerpt = self.lines[line - 1].rstrip()[:200] if 0 < line <= len(self.lines) else ""
        self.problems.append(Problem(self.path, code, message, fix, line, column, excerpt, severity))


def parse(data: bytes, path: str) -> tuple[Node | None, Reader]:
    """The tree of a YAML file, or None with the problems that prevent one. An empty file is None without a problem."""
    reader = Reader(path)
    if data.startswith(POINTER):
        reader.problems.append(pointer_problem(path))
        return None, reader
    try:
        # Removed first: the codec that does so counts positions without it.
        content = data.removeprefix(codecs.BOM_UTF8)
        text = content.decode()
    except UnicodeDecodeError as error:
        reader.lines = BREAK.split(content.decode(errors="replace"))
        before = content[: error.start].decode()
        reader.fault(_at(before, len(before)), "yaml-encoding", "not UTF-8 text", "save the file as UTF-8")
        return None, reader
    if len(data) > MAX_BYTES:
        reader.problems.append(Problem(path, "yaml-size", f"larger than {MAX_BYTES:,} bytes", "split the file"))
        return None, reader
    reader.lines = BREAK.split(text)
    if found := NO_YAML.search(text):
        message = f"not valid YAML: invalid character U+{ord(found[0]):04X}"
        fix = "remove it, or write it as an escape in double quotes"
        reader.fault(_at(text, found.start()), "yaml-syntax", message, fix)
        return None, reader
    try:
        return _build(yaml.parse(text, Loader=_Loader), reader), reader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        place = Scalar("", False, line, column)
        detail = " ".join(part for part in (error.problem, error.context) if part)
        fix = "indent with spaces, not tabs" if "\\t" in detail or "'\t'" in detail else "fix the YAML at this place"
        marks = [number for number, text in enumerate(reader.lines, 1) if text.startswith(("<<<<<<< ", ">>>>>>> "))]
        if marks:
            reader.fault(
                Scalar("", False, marks[0], 1),
                "merge-conflict",
                "the file has unresolved merge conflicts",
                "resolve them and remove the markers",
            )
        else:
            reader.fault(place, "yaml-syntax", f"not valid YAML: {detail}", fix)
    except yaml.YAMLError as error:
        reader.problems.append(
            Problem(path, "yaml-syntax", f"not valid YAML: {_one_line(error)}", "save it as plain text")
        )
    except _Refused:
        pass
    return None, reader


class _Refused(Exception):
    """The document uses something that ledgers must not; already recorded as a problem."""


def _at(text: str, index: int) -> Scalar:
    """The position of a character, by the lines that `Reader.fault` shows."""
    lines = BREAK.split(text[:index])
    return Scalar("", False, len(lines), len(lines[-1]) + 1)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _build(events: Iterator[Any], reader: Reader) -> Node | None:
    root: Node | None = None
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                _refuse(event, reader, "several YAML documents in one file", "keep one document per file")
        elif isinstance(event, yaml.NodeEvent):
            root = _node(event, events, reader, 1)
    if isinstance(root, Scalar) and root.is_null:
        return None
    return root


def _node(event: Any, events: Iterator[Any], reader: Reader, depth: int) -> Node:
    line, column = event.start_mark.line + 1, event.start_mark.column + 1
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        _refuse(event, reader, "anchors and aliases are not supported", "repeat the value instead")
    if event.tag and event.tag != "!":
        _refuse(event, reader, f"YAML tags such as {event.tag} are not supported", "remove the tag")
    if depth > MAX_DEPTH:
        _refuse(event, reader, f"nested deeper than {MAX_DEPTH} levels", "flatten the file")
    if isinstance(event, yaml.ScalarEvent):
        quoted = event.style is not None and event.style != ""
        return Scalar(event.value, quoted, line, column, start, end)
    flow = bool(event.flow_style)
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, reader, depth + 1))
            end = items[-1].end
        return Sequence(tuple(items), line, column, flow, start, _end(event) if flow else end)
    pairs: list[tuple[Scalar, Node]] = []
    seen: dict[str, Scalar] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, reader, depth + 1)
        value = _node(next(events), events, reader, depth + 1)
        end = value.end
        if not isinstance(key, Scalar):
            reader.fault(key, "yaml-key", "a key must be plain text", "write a name before the colon")
        elif first := seen.get(key.text):
            message = f"duplicate key {key.text}, first on line {first.line}"
            reader.fault(key, "duplicate-key", message, "keep only one")
        else:
            seen[key.text] = key
            pairs.append((key, value))
    return Mapping(tuple(pairs), line, column, flow, start, _end(event) if flow else end)


def _end(event: Any) -> int:
    end: int = event.end_mark.index
    return end


def _refuse(event: Any, reader: Reader, message: str, fix: str) -> None:
    place = Scalar("", False, event.start_mark.line + 1, event.start_mark.column + 1)
    reader.fault(place, "yaml-refused", message, fix)
    raise _Refused
