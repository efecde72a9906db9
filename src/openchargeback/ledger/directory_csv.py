"""Read people, projects or funds as CSV, from a grants system or a spreadsheet, as directory entries.

Cells are read by the same shapes as values in the YAML files, so both have the same requirements and messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from openchargeback.ledger import shape, yaml_tree
from openchargeback.ledger.csv_places import CsvTable, read_csv
from openchargeback.ledger.directory import directory_of
from openchargeback.ledger.directory_edit import KINDS, Kind
from openchargeback.ledger.yaml_tree import Node, Reader, Scalar
from openchargeback.problems import Problem, UsageFault

MATCH = {"sub_account": "SubAccountId", "billing_account": "BillingAccountId", "resource": "ResourceId"}
"""Columns of a project list → keys of `match`."""

COMMENT = "#"
"""Prefix of columns for people, which are not read. A list with such a column may be incomplete: rows without an id are
skipped."""

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list: its entry as YAML keys to values, and its place. Empty cells have no keys."""

    id: str
    entry: Mapping[str, Any]
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that was read. kind: `people`, `projects` or `funds`. rows: empty if it has problems.

    blank: the number of rows that are not filled in.
    """

    kind: str
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    blank: int = 0


def columns_of(kind: str) -> tuple[str, ...]:
    """The columns that a list of this kind may have: the keys of an entry, plus accounts and resources for `match`."""
    keys = [key for key in KINDS[kind].entry.fields if key not in ("entries", "match")]
    return (*keys, *MATCH) if kind == "projects" else tuple(keys)


def read_list(data: bytes, path: str, kind: str | None = None) -> Listed:
    """The entries of a CSV file and all its faults. path: as the user typed it. kind: by default guessed from columns.

    Raises UsageFault if the columns fit several kinds and the file name does not decide.
    """
    reader = Reader(path)
    table = read_csv(data, reader, code="directory-csv")
    if table is None:
        return Listed(kind or "", (), tuple(reader.problems))
    kind = kind or _kind_of(table.names, path)
    usable = _check_head(table, kind, reader)
    even = table.even_rows(reader)
    if not usable:
        return Listed(kind, (), tuple(reader.problems))
    found = [_row(table, line, cells, KINDS[kind], reader) for line, cells in even]
    blank = sum(row is None for row in found) if _is_draft(table) else 0
    if kind == "projects":
        found = _merged(found)
    nodes = [node for row in found if row for node in row[1:]]
    root = yaml_tree.Mapping(((Scalar(kind, False, 1, 1), yaml_tree.Sequence(tuple(nodes), 1, 1)),), 1, 1)
    directory_of(KINDS[kind].file.read(root, reader) or {}, reader)
    rows = () if reader.problems else tuple(row[0] for row in found if row)
    return Listed(kind, rows, tuple(reader.problems), blank)


def _kind_of(names: Sequence[str], path: str) -> str:
    """The kind of a list, from its columns; the file name decides between several."""
    fitting = {kind: len({*names} & {*columns_of(kind)}) for kind in KINDS}
    best = [kind for kind, count in fitting.items() if count == max(fitting.values())]
    stem = PurePath(path).stem.casefold()
    named = [kind for kind in best if kind in stem]
    if len(best) == 1 or len(named) == 1:
        return (named or best)[0]
    if max(fitting.values()):
        raise UsageFault(f"{path} may list {' or '.join(best)}; choose one with --kind")
    return best[0]


def _check_head(table: CsvTable, kind: str, reader: Reader) -> bool:
    """Whether the header row is valid."""
    had = len(reader.problems)
    names, known, what = table.names, columns_of(kind), KINDS[kind]
    every = {column for each in KINDS for column in columns_of(each)}
    line, head = table.head
    if not every.intersection(names):
        other = next((mark for mark in _SEPARATORS if len(names) == 1 and every.intersection(names[0].split(mark))), "")
        if other:
            message, fix = f"the columns are separated by {_SEPARATORS[other]}", "save the file with commas"
        else:
            message = "the first line has no known column name"
            fix = f"start with a line such as {','.join(known[:4])}"
        table.fault(reader, (line, 1), message, fix)
        return False
    starts = table.starts(line, head)
    for number, name in enumerate(names):
        column = starts[number]
        if not name:
            table.fault(reader, (line, column), "a column has no name", "name it, or remove it")
        elif name not in known and not name.startswith(COMMENT):
            fix = shape.did_you_mean(name, known)
            table.fault(reader, (line, column), f"`{head[number][:60]}` is not a column of a list of {kind}", fix)
        elif name in names[:number]:
            table.fault(reader, (line, column), f"duplicate column {name}", "keep only one")
    if what.id not in names:
        table.fault(reader, (line, 1), f"the column {what.id} is missing", "add it; it identifies the entries")
    return len(reader.problems) == had


def _row(table: CsvTable, line: int, cells: Sequence[str], what: Kind, reader: Reader) -> tuple[Row, Node] | None:
    """A row as entry and as the node that the shape reads; None if it has no id."""
    starts = table.starts(line, cells)
    filled = {
        name: (cell, start)
        for name, cell, start in zip(table.names, cells, starts, strict=True)
        if cell and not name.startswith(COMMENT)
    }
    if what.id not in filled and _is_draft(table):
        return None
    if what.id not in filled:
        table.fault(reader, (line, 1), f"{what.id} is empty", "fill it in, or remove the row")
        return None
    entry: dict[str, Any] = {}
    pairs: list[tuple[Scalar, Node]] = []
    match: list[tuple[Scalar, Node]] = []
    for name, (cell, start) in filled.items():
        key = MATCH.get(name, name)
        field = shape.ListOf(shape.Text()) if name in MATCH else what.entry.fields[key]
        value = _value(cell, field)
        if not value:
            continue
        node = _node(value, line, start)
        (match if name in MATCH else pairs).append((Scalar(key, False, line, start), node))
        if name in MATCH:
            entry.setdefault("match", {})[key] = value
        else:
            entry[key] = value
    if match:
        pairs.append((Scalar("match", False, line, 1), yaml_tree.Mapping(tuple(match), line, 1)))
    id_ = what.canonical(filled[what.id][0])
    return Row(id_, entry, line, table.lines[line - 1]), yaml_tree.Mapping(tuple(pairs), line, filled[what.id][1])


def _merged(found: Sequence[tuple[Row, Node] | None]) -> list[tuple[Row, Node] | None]:
    """The rows; those that only add accounts and resources to an earlier row of the same project are merged into it."""
    result: list[tuple[Row, Node] | None] = []
    first: dict[str, int] = {}
    for each in found:
        if each is None:
            continue
        row, node = each
        place = first.setdefault(row.id, len(result))
        before = result[place] if place < len(result) else None
        others = {key: value for key, value in row.entry.items() if key not in ("id", "match")}
        if before is None or any(before[0].entry.get(key, value) != value for key, value in others.items()):
            result.append((row, node))
            continue
        match = {key: list(values) for key, values in before[0].entry.get("match", {}).items()}
        for key, values in row.entry.get("match", {}).items():
            match[key] = list(dict.fromkeys((*match.get(key, ()), *values)))
        entry = {**before[0].entry, **others, **({"match": match} if match else {})}
        result[place] = (replace(before[0], entry=entry), _as_node(entry, before[1]))
    return result


def _as_node(entry: Mapping[str, Any], at: Node) -> Node:
    """An entry as the node that the shape reads, at the place of another."""

    def node(value: Any) -> Node:
        if isinstance(value, dict):
            pairs = tuple((Scalar(key, False, at.line, at.column), node(each)) for key, each in value.items())
            return yaml_tree.Mapping(pairs, at.line, at.column)
        return _node(value, at.line, at.column)

    return node(dict(entry))


def _value(cell: str, what: shape.Shape) -> str | list[str]:
    if isinstance(what, shape.ListOf):
        return [each.strip() for each in re.split("[;|]", cell) if each.strip()]
    return cell.casefold() if isinstance(what, shape.Choice) else cell


def _node(value: str | list[str], line: int, column: int) -> Node:
    if isinstance(value, list):
        return yaml_tree.Sequence(tuple(Scalar(each, True, line, column) for each in value), line, column)
    return Scalar(value, True, line, column)


def _is_draft(table: CsvTable) -> bool:
    """Whether a list has columns for people to read, so that rows may still lack their id."""
    return any(name.startswith(COMMENT) for name in table.names)
