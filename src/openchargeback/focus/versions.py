"""Reads a charge file from another version of it that is in the database already, and only what differs from its text.

A plan reads two revisions of a month, which share most of their lines. Those need not be read and checked twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from openchargeback.focus.common_lines import CommonLines, common_lines
from openchargeback.focus.database import sql

if TYPE_CHECKING:
    from openchargeback.focus.opening import Described, OpenFile

_MOST_BETWEEN = 64 << 20
"""The most bytes between common lines that are read on their own."""

ReadText = Callable[[str, Path], "OpenFile | None"]
"""Reads a text with the header of the file into a table of this name; None if there is any doubt about it."""


def read_version(name: str, each: Described, versions: Sequence[OpenFile], read: ReadText) -> OpenFile | None:
    """The file as the view `name`, if it shares most lines with a version that has the same columns and conditions.

    versions: their tables may be in other schemas. None if there is no such version, or any doubt about the rest.
    """
    old = next((old for old in versions if old.file.path == each.file.path), None)
    if old is None or (old.names, old.conditions) != (each.names, each.conditions):
        return None
    if not old.rows or not old.layout.plain:
        return None
    common = common_lines(each.file.location, old.file.location)
    if common.whole:
        return _view(name, each, old, common, None)
    text = _between(each.file.location, common)
    if text is None:
        return None
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        copy = Path(folder) / "between.csv"
        copy.write_bytes(text)
        between = read(f"{name}_between", copy)
    if between is None or not between.layout.plain:
        return None
    return _view(name, each, old, common, between)


def _between(path: Path, common: CommonLines) -> bytes | None:
    """The header and the lines that are not common; None if they are too many or end in different ways."""
    size = path.stat().st_size
    length = size - common.start - common.end
    if not common.start or length > min(_MOST_BETWEEN, size // 2):
        return None
    with path.open("rb") as file:
        text = file.readline()
        file.seek(common.start)
        text += file.read(length)
    # DuckDB might read a mixture of line ends differently than in the whole file.
    return text if text.count(b"\r") in (0, text.count(b"\n")) else None


def _view(name: str, each: Described, old: OpenFile, common: CommonLines, between: OpenFile | None) -> OpenFile:
    """The file as a view. between: its rows that are not common; None if the whole file is."""
    first, last = (old.rows, old.rows) if common.whole else (common.start_lines - 1, old.rows - common.end_lines)
    rows = between.rows if between else 0
    shift = first + rows - last
    parts = {"old": old.relation, "between": between.relation if between else f"(FROM {old.relation} WHERE false)"}
    numbers = {"first": first, "last": last, "shift": shift, "file": each.number}
    texts = {part: str(number) for part, number in numbers.items()}
    old.con.execute(sql(__package__, "versions.sql", view=name, **parts, **texts))
    return replace(each.opened(replace(old.table, name=name), 0, old.rows + shift, old.layout), common=common)
