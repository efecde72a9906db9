"""Add entries to the directory of a ledger: check first, then write all or nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from openchargeback.files.changes import change_files
from openchargeback.ledger.directory import FILES, read_directory
from openchargeback.ledger.directory_csv import Listed
from openchargeback.ledger.directory_edit import KINDS, FileEdit, edited, entry_lines
from openchargeback.ledger.files import read_bytes
from openchargeback.ledger.lock import locked
from openchargeback.ledger.schema_files import schema_comment
from openchargeback.problems import LedgerFault, Problem, Severity, UsageFault


def put_entries(root: Path, kind: str, entries: Iterable[Mapping[str, Any]], *, dry_run: bool = False) -> FileEdit:
    """Add entries to a file of the directory, or change known ones; see `directory_edit.with_entries`.

    Raises LedgerFault if this would cause new problems in the directory, or if it cannot be read.
    """
    return _put(root, kind, entries, dry_run=dry_run)


def add_entry(root: Path, kind: str, entry: Mapping[str, Any]) -> int:
    """Add one entry; returns its line. Raises UsageFault if it exists or would cause problems."""
    what = KINDS[kind]
    id_ = what.canonical(entry[what.id])
    if not id_:
        raise UsageFault(f"the {what.id} is empty")
    try:
        json.dumps(entry, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UsageFault("the values are not UTF-8 text") from None
    with locked(root):
        contents = _contents(root)
        directory, _ = read_directory(*contents.values())
        lines = entry_lines(contents[what.path], kind)
        owner = directory.aliases.get(id_, id_) if kind == "people" else id_
        if owner in lines:
            known = "already listed" if owner == id_ else f"an alias of {owner}"
            raise UsageFault(f"{id_} is {known}: {what.path}:{lines[owner]}")
        try:
            done = _write(root, kind, contents, [entry])
        except _NewProblems as fault:
            messages = "; ".join(f"{each.message}; {each.fix}" for each in fault.problems)
            raise UsageFault(f"{messages} (nothing was written)") from None
    return entry_lines(done.data, kind)[id_]


def import_list(root: Path, listed: Listed, path: str, *, dry_run: bool = False) -> FileEdit:
    """Add the rows of a list to the directory. path: of the list, as the user typed it.

    Raises LedgerFault as `put_entries` does; a problem caused by a row is reported with the row's line.
    """
    if listed.problems:
        raise LedgerFault(listed.problems)
    rows = {row.id: row for row in listed.rows}
    try:
        return _put(root, listed.kind, _with_known_matches(root, listed), dry_run=dry_run)
    except _NewProblems as fault:
        found = [(problem, rows.get(id_)) for problem, id_ in fault.found]
        raise LedgerFault(
            replace(problem, path=path, line=row.line, column=1, excerpt=row.text) if row else problem
            for problem, row in found
        ) from None


def _with_known_matches(root: Path, listed: Listed) -> list[Mapping[str, Any]]:
    """The entries of a list; its accounts and resources are added to those that a project already has."""
    projects = read_directory(*_contents(root).values())[0].projects if listed.kind == "projects" else {}
    entries: list[Mapping[str, Any]] = []
    for row in listed.rows:
        known = projects[row.id].match if row.id in projects else ()
        match = {
            column: list(dict.fromkeys([*(value for key, value in known if key == column), *values]))
            for column, values in row.entry.get("match", {}).items()
        }
        entries.append({**row.entry, **({"match": match} if match else {})})
    return entries


class _NewProblems(LedgerFault):
    """The problems that the directory would have; found: each problem with the id of its entry."""

    def __init__(self, found: list[tuple[Problem, str]]) -> None:
        self.found = found
        super().__init__(problem for problem, _ in found)


def _put(root: Path, kind: str, entries: Iterable[Mapping[str, Any]], *, dry_run: bool) -> FileEdit:
    with nullcontext() if dry_run else locked(root):
        return _write(root, kind, _contents(root), entries, dry_run=dry_run)


def _contents(root: Path) -> dict[str, bytes | None]:
    problems: list[Problem] = []
    contents = {path: read_bytes(root, path, problems) for path in FILES}
    if problems:
        raise LedgerFault(problems, root)
    return contents


def _write(
    root: Path,
    kind: str,
    contents: Mapping[str, bytes | None],
    entries: Iterable[Mapping[str, Any]],
    *,
    dry_run: bool = False,
) -> FileEdit:
    path = KINDS[kind].path
    before = contents[path]
    done = edited(schema_comment(root, path).encode() if before is None else before, kind, entries)
    if not (done.added or done.changed):
        return done
    if new := _new_problems(kind, contents, done.data):
        raise _NewProblems(new)
    if not dry_run:
        change_files(root, {path: done.data})
    return done


def _new_problems(kind: str, contents: Mapping[str, bytes | None], data: bytes) -> list[tuple[Problem, str]]:
    """The problems that the change would add to the directory, each with the id of its entry.

    For existing entries they refer to the current line.
    """
    path = KINDS[kind].path
    _, now = read_directory(*contents.values())
    _, then = read_directory(*{**contents, path: data}.values())
    known = Counter((each.path, each.code, each.message) for each in now)
    before, after = entry_lines(contents[path], kind), entry_lines(data, kind)
    found = []
    for problem in then:
        if problem.severity is not Severity.ERROR:
            continue
        key = (problem.path, problem.code, problem.message)
        if known[key]:
            known[key] -= 1
            continue
        above = [(line, id_) for id_, line in after.items() if problem.path == path and line <= problem.line]
        line, id_ = max(above, default=(0, ""))
        there = before.get(id_, 0)
        found.append((replace(problem, line=problem.line - line + there) if there else problem, id_))
    return found
