"""Reads JSON: documents with a list of records at a path, lists of records, and one record per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from openchargeback.convert.documents import CUT_FIX, half_a_character
from openchargeback.convert.json_stream import Broken, documents
from openchargeback.convert.kinds import Input
from openchargeback.problems import Problem

_MOST = 50
_ERRORS = ("error", "errors")


class _Shape(ValueError):
    """The document is not laid out as the path says. line: where."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def json_records(
    file: Input, columns: Sequence[str], needed: Sequence[str], path: str, more: str, problems: list[Problem]
) -> Iterator[tuple[int, Sequence[str | None], str]]:
    """Line, cells of the columns, and whole text of each record; faults go to `problems`.

    Nested keys are joined by a dot. Keys around the records have the path in front: with the path data.results,
    `data.start_time` is of the object in `data` that holds the list `results`.
    """
    seen: set[str] = set()
    records = 0
    try:
        for line, record in _records(file, path.split(".") if path else [], more, problems):
            records += 1
            seen |= record.keys()
            text = json.dumps(record, sort_keys=True)
            if "\\ufffd" in text and len(problems) < _MOST:
                problems.append(Problem(file.name, "usage-cells", "the record is not text in UTF-8", CUT_FIX, line))
            if fault := half_a_character(file, line, text, record):
                problems.append(fault)
            else:
                yield line, [record.get(name) for name in columns], text
    except Broken as error:
        message = f"the file is not complete JSON ({error}), so it may be cut off"
        problems.append(Problem(file.name, "usage-cut", message, CUT_FIX, error.line))
    except _Shape as error:
        fix = "export it again, or correct `items`: it is the path of the list in the document"
        problems.append(Problem(file.name, "usage-header", str(error), fix, error.line))
    if records and not problems:
        problems += [
            Problem(file.name, "usage-columns", f"no record has the key {name}", "export it, or correct the mapping", 1)
            for name in needed
            if name not in seen
        ]


def _records(
    file: Input, path: Sequence[str], more: str, problems: list[Problem]
) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Line and flat keys of each record."""
    top: dict[str, Any] = {}
    page, first, found = 0, 1, True
    for number, key, line, value in documents(file.path):
        if number != page:
            yield from _end(file, page, first, top, found, path, problems)
            page, top, first, found = number, {}, line, False
        if key and key in _ERRORS and value:
            problems.append(_failed(file, line, value))
        if not key or (path and key == path[0]):
            found = True
            yield from _within(value, path if key else ["", *path], line)
        else:
            top[key] = value
    yield from _end(file, page, first, top, found, path, problems)
    if more and top.get(more) is True:
        message = f"`{more}` is true on the last page, so further pages are missing"
        problems.append(Problem(file.name, "usage-cut", message, "export all pages", first))


def _failed(file: Input, line: int, value: Any) -> Problem:
    message = f"the export reports an error: {json.dumps(value)[:200]}"
    return Problem(file.name, "usage-failed", message, "fix what it reports, and export again", line)


def _end(
    file: Input,
    page: int,
    line: int,
    top: Mapping[str, Any],
    found: bool,  # noqa: FBT001 - one of a few facts about the page
    path: Sequence[str],
    problems: list[Problem],
) -> Iterator[tuple[int, dict[str, str | None]]]:
    """What a document is, once it has been read: a record by itself, or a page without its list."""
    if page and not path and top:
        yield line, _flat(top, "")
    elif page and path and not found and not any(top.get(key) for key in _ERRORS):
        problems.append(
            Problem(
                file.name,
                "usage-header",
                f"the document has no list `{'.'.join(path)}`",
                "export it again, or correct `items`: it is the path of the list",
                line,
            )
        )


def _within(value: Any, path: Sequence[str], line: int) -> Iterator[tuple[int, dict[str, str | None]]]:
    """The records in a value at the first key of a path, with what is around them."""
    around: dict[str, str | None] = {}
    yield from ((line, around_ | record) for around_, record in _below(value, path[1:], path[0], around, line))


def _below(
    value: Any, path: Sequence[str], prefix: str, around: dict[str, str | None], line: int
) -> Iterator[tuple[dict[str, str | None], dict[str, str | None]]]:
    if isinstance(value, list):
        for item in value:
            yield from _below(item, path, prefix, around, line)
        return
    if not isinstance(value, dict):
        raise _Shape(line, f"`{prefix}` holds `{json.dumps(value)[:40]}`, not records")
    if not path:
        yield around, _flat(value, "")
        return
    if path[0] not in value:
        raise _Shape(line, f"`{prefix}` has no `{path[0]}`")
    own = {key: each for key, each in value.items() if key != path[0]}
    start = f"{prefix}." if prefix else ""
    yield from _below(value[path[0]], path[1:], f"{start}{path[0]}", {**around, **_flat(own, start)}, line)


def _flat(value: Mapping[str, Any], prefix: str) -> dict[str, str | None]:
    """The keys of an object, nested ones joined by dots; lists as JSON."""
    flat: dict[str, str | None] = {}
    for key, each in value.items():
        if isinstance(each, dict):
            flat |= _flat(each, f"{prefix}{key}.")
        elif each is None or isinstance(each, str):
            flat[f"{prefix}{key}"] = each
        else:
            flat[f"{prefix}{key}"] = json.dumps(each)
    return flat
