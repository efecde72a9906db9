"""Reads `sacct --json` into `raw`, whatever the version of data_parser (v0.0.37 to v0.0.46)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from openchargeback.convert.kinds import Input
from openchargeback.focus.database import file_literal, sql
from openchargeback.problems import Problem

_START = 4096
_ROOM = 1 << 20


def is_json(path: Path) -> bool:
    """Whether a file starts as a JSON document does."""
    with path.open("rb") as file:
        return file.read(_START).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def read_json(con: duckdb.DuckDBPyConnection, file: Input, parts: Mapping[str, str]) -> list[Problem]:
    """Add the jobs of an export to `raw`; why it cannot be read. parts: of `cells.sql`, but for its rows and file."""
    size = file.path.stat().st_size + _ROOM
    document = (
        f"read_json({file_literal(file.path)}, format = 'unstructured', records = true, maximum_object_size = {size}, "
        "columns = {jobs: 'JSON[]', errors: 'JSON', meta: 'JSON'})"
    )
    try:
        con.execute(sql(__package__, "document.sql", document=document))
    except duckdb.InvalidInputException as error:
        reason = " ".join(str(error).split())[:200]
        message = "the export is not one whole JSON document, so it may be cut"
        return [
            Problem(
                file.name, "usage-cut", message, "export it again, and check that sacct exits with 0", excerpt=reason
            )
        ]
    (failed, jobs) = con.execute(
        "SELECT coalesce(any_value(failed), ''), any_value(jobs) IS NOT NULL FROM document"
    ).fetchone() or ("", False)
    problems = []
    if failed:
        message = f"sacct reports errors in the export: {str(failed)[:200]}"
        problems = [Problem(file.name, "usage-failed", message, "fix what sacct reports, and export again")]
    elif not jobs:
        message = "the document has no `jobs`: it is not an export of `sacct --json`"
        problems = [Problem(file.name, "usage-header", message, "export with `sacct --json`")]
    else:
        rows = f"({sql(__package__, 'document_jobs.sql')})"
        con.execute(sql(__package__, "cells.sql", rows=rows, file=str(file.number), **parts))
    con.execute("DROP TABLE document")
    return problems
