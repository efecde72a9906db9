"""Reads `sacct --json` into `raw`, whatever the version of data_parser (v0.0.37 to v0.0.46)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from openchargeback.convert.documents import CUT_FIX, half_a_character
from openchargeback.convert.json_stream import Broken, items
from openchargeback.convert.kinds import Input
from openchargeback.focus.database import insert, query, sql
from openchargeback.problems import Problem

_START = 4096
_TIMES = frozenset({"submission", "start", "end", "elapsed", "suspended"})
_BATCH = 20_000

_KEPT = ("job_id", "array", "het", "sluid", "cluster", "account", "user", "partition", "qos", "state", "time")
"""What is read of a job, besides `tres.allocated`; the rest (steps, names, command lines) goes no further."""


def is_json(path: Path) -> bool:
    """Whether a file starts as a JSON document does."""
    with path.open("rb") as file:
        return file.read(_START).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def read_json(con: duckdb.DuckDBPyConnection, file: Input, parts: Mapping[str, str]) -> list[Problem]:
    """Add the jobs of an export to `raw`; why it cannot be read. parts: of `cells.sql`, but for its rows and file."""
    con.execute(query(__package__, "document"))
    found: dict[str, tuple[int, Any]] = {}
    problems: list[Problem] = []
    batch: list[tuple[int, str]] = []
    try:
        for key, line, value in items(file.path):
            found.setdefault(key, (line, value))
            if key == "jobs" and isinstance(value, dict):
                text = _narrow(value)
                if fault := half_a_character(file, line, text, json.loads(text)) if "\\ud" in text else None:
                    problems.append(fault)
                else:
                    batch.append((line, text))
            if len(batch) >= _BATCH:
                insert(con, "document", batch)
                batch.clear()
    except Broken as error:
        message = f"the export is not a complete JSON document ({error}), so it may be cut off"
        problems.append(Problem(file.name, "usage-cut", message, CUT_FIX, error.line))
    insert(con, "document", batch)
    if not problems:
        problems = _refused(file, found)
    if not problems:
        rows = f"({sql(__package__, 'document_jobs.sql')})"
        try:
            con.execute(sql(__package__, "cells.sql", rows=rows, file=str(file.number), **parts))
        except duckdb.Error as error:
            message = f"a job has an unknown form: {' '.join(str(error).split())[:200]}"
            problems = [
                Problem(file.name, "usage-header", message, "export with `sacct --json` of Slurm 21.08 or newer")
            ]
    return problems


def _narrow(job: dict[str, Any]) -> str:
    """What is read of a job, as JSON."""
    tres = job.get("tres")
    allocated = tres.get("allocated") if isinstance(tres, dict) else None
    time = job.get("time")
    if isinstance(time, dict):
        job = {**job, "time": {name: _plain(value) for name, value in time.items() if name in _TIMES}}
    return json.dumps({name: job.get(name) for name in _KEPT} | {"allocated": allocated})


def _plain(value: Any) -> Any:
    """A number that may be in the form `{"set": true, "infinite": false, "number": 5}`; 0 if it is not set."""
    if isinstance(value, dict) and "number" in value:
        return value["number"] if value.get("set") else 0
    return value


def _refused(file: Input, found: Mapping[str, tuple[int, Any]]) -> list[Problem]:
    """Why a whole document is not a good export. found: the first value of each key at the top, with its line."""
    line, errors = found.get("errors", (0, None))
    if errors:
        message = f"the export reports errors: {json.dumps(errors)[:200]}"
        return [Problem(file.name, "usage-failed", message, "fix what sacct reports, and export again", line)]
    if not isinstance(found.get("jobs", (0, None))[1], dict | list):
        message = "the document has no `jobs`, so it is not an export of `sacct --json`"
        return [Problem(file.name, "usage-header", message, "export with `sacct --json`", 1)]
    return []
