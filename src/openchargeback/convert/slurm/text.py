"""Reads tables of `sacct --parsable2` and `--parsable` into `raw`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from openchargeback.convert.documents import EMPTY_FIX, unfinished
from openchargeback.convert.kinds import Input
from openchargeback.convert.slurm.header import KNOWN, Layout, layout_of
from openchargeback.convert.slurm.settings import SlurmSettings
from openchargeback.focus.database import count, file_literal, identifier, literal, named_rows, query, sql
from openchargeback.problems import OutsideFault, Problem

_BLOCK = 1 << 20
_MOST = 50


def read_text(
    con: duckdb.DuckDBPyConnection,
    file: Input,
    own: SlurmSettings,
    parts: Mapping[str, str],
    wanted: Mapping[str, str],
) -> tuple[int, list[Problem]]:
    """Add the lines of a table to `raw`: the line of the first one, and why it cannot be read.

    parts: of `cells.sql`, other than its rows and its file. wanted: as of `layout_of`.
    """
    head, whole = _look(file.path)
    if not head.strip():
        return 1, [Problem(file.name, "usage-empty", "the export is empty", EMPTY_FIX)]
    if head.startswith("sacct: "):
        message = f"the export begins with a message: {head[:160]}"
        fix = "fix what sacct reports, write its errors to another file, and export again"
        return 1, [Problem(file.name, "usage-failed", message, fix, 1)]
    layout = layout_of(file.name, head, own.delimiter, own.columns, wanted)
    if isinstance(layout, Problem):
        return 1, [layout]
    if not whole:
        return 1, [unfinished(file.name, _count_lines(file.path))]
    before = count(con, "SELECT count(*) FROM raw")
    # DuckDB ignores blank lines, so lines are counted too, beside its reading.
    with ThreadPoolExecutor(1) as beside:
        counting = beside.submit(_count_lines, file.path)
        problems = _insert(con, file, layout, parts)
        lines = counting.result()
    read = count(con, "SELECT count(*) FROM raw") - before
    if not problems and read + layout.first_line - 1 != lines:
        problems = _blank_lines(file)
    return layout.first_line, problems


def _look(path: Path) -> tuple[str, bool]:
    """The first line, and whether the last one ends."""
    with path.open("rb") as file:
        head = file.readline(_BLOCK)
        file.seek(-1 if head else 0, os.SEEK_END)
        whole = file.read() in (b"\n", b"")
    return head.decode("utf-8-sig", "replace").rstrip("\r\n"), whole


def _count_lines(path: Path) -> int:
    """How many lines there are, one that does not end included."""
    lines, last, block = 0, ord("\n"), bytearray(_BLOCK >> 2)
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            lines += block.count(b"\n", 0, size)
            last = block[size - 1]
    return lines + (last != ord("\n"))


def _insert(con: duckdb.DuckDBPyConnection, file: Input, layout: Layout, parts: Mapping[str, str]) -> list[Problem]:
    cells = ", ".join(
        f"{identifier(name)}" if name in layout.names else f"NULL AS {identifier(name)}" for name in KNOWN
    )
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in layout.names)
    source = (
        f"read_csv({file_literal(file.path)}, columns = {{{columns}}}, delim = {literal(layout.delimiter)}, "
        f"header = false, skip = {layout.first_line - 1}, quote = '', escape = '', comment = '', auto_detect = false, "
        "null_padding = false, store_rejects = true, rejects_limit = 1000)"
    )
    rows = f"(SELECT NULL AS line, {cells} FROM {source})"
    try:
        con.execute(sql(__package__, "cells.sql", rows=rows, file=str(file.number), **parts))
    except duckdb.InvalidInputException as error:
        if problems := _odd_line_ends(file):
            return problems
        raise OutsideFault(f"{file.name} cannot be read: {' '.join(str(error).split())[:300]}") from error
    problems = [_refused(file.name, row, layout) for row in named_rows(con, query(__package__, "rejects"))]
    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    return problems


def _refused(path: str, row: dict[str, object], layout: Layout) -> Problem:
    """The problem of a line that is not a row."""
    line, kind, text = int(str(row["line"])), str(row["kind"]), str(row["text"])
    if kind in ("TOO MANY COLUMNS", "MISSING COLUMNS"):
        cells = text.rstrip("\r\n").count(layout.delimiter) + 1
        message = f"the line has {cells} cells, the header {len(layout.names)}"
        fix = f"export without JobName, which may contain `{layout.delimiter}`, or with another `--delimiter`"
        return Problem(path, "usage-cells", message, fix, line, excerpt=text[:200])
    fix = "export again without free text such as JobName"
    return Problem(path, "usage-cells", "the line is not text in UTF-8", fix, line)


def _odd_line_ends(file: Input) -> list[Problem]:
    """The lines with a carriage return within, and those that end in another way than the first."""
    found = []
    with file.path.open("rb") as lines:
        end = b""
        for number, line in enumerate(lines, 1):
            end = end or line[-2:]
            if b"\r" in line.removesuffix(b"\r\n") or line.endswith(b"\r\n") != end.endswith(b"\r\n"):
                found.append(number)
    if not found:
        return []
    message = "the line has a carriage return within, or ends in another way than the first line"
    fix = "export without JobName, which may contain line breaks; write the export to its file without changing it"
    return [Problem(file.name, "usage-cells", message, fix, found[0], count=len(found), more=tuple(found[1:_MOST]))]


def _blank_lines(file: Input) -> list[Problem]:
    with file.path.open("rb") as lines:
        blank = [number for number, line in enumerate(lines, 1) if not line.strip()][:_MOST]
    message = "the line is empty" if blank else "some lines are not rows"
    fix = "export without JobName, which may contain line breaks"
    return [Problem(file.name, "usage-cells", message, fix, blank[0] if blank else 0, count=max(len(blank), 1))]
