"""Parquet files as the same text cells that CSV has, so that everything after reading is one path.

Decimals keep their digits, times become UTC, and Tags come as JSON whichever way they are stored: as text, as a map,
as a list of structs (BigQuery) or as a struct.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from openchargeback.focus import kinds
from openchargeback.focus.database import file_literal, identifier
from openchargeback.ledger.files import suffix_of
from openchargeback.problems import Problem

_ROW_NUMBER = "file_row_number"
_NAMED = re.compile(r"\s*(?:in|of)? file ''|''")
_MOST_WORDS = 120
_NESTED = ("MAP", "STRUCT", "LIST", "UNION", "JSON", "VARIANT")


def is_parquet(path: Path) -> bool:
    """Whether a charge file is Parquet, by the end of its name."""
    return suffix_of(path.name) == ".parquet"


def relation(path: Path) -> str:
    """SQL that reads the file."""
    return f"read_parquet({file_literal(path)})"


def row_number(labels: Sequence[str]) -> str:
    """SQL of the number of a row, from 0, in `relation` of a file with these columns."""
    # DuckDB has a column of that name for every file that has none of its own.
    own = any(label.lower() == _ROW_NUMBER for label in labels)
    return "row_number() OVER () - 1" if own else _ROW_NUMBER


def broken(path: Path, relative: str, error: duckdb.Error) -> Problem:
    """The problem of a file that DuckDB does not read, without what DuckDB was asked and where the file lies."""
    fix = "check that the file is whole, or export it again"
    try:
        with path.open("rb") as raw:
            start = raw.read(kinds.LOOKED_AT)
    except OSError as refused:
        reason = (refused.strerror or str(refused)).lower()
        return Problem(relative, "unreadable", f"cannot be read: {reason}", "check its permissions")
    kind = kinds.kind_of(start)
    if kind and kind is not kinds.PARQUET:
        fix = f"end its name in {kind.suffix}" if kind.suffix else kind.fix
        return Problem(relative, "unreadable", f"cannot be read: it is {kind.name}, not a Parquet file", fix)
    if not start:
        return Problem(relative, "unreadable", "cannot be read: the file is empty", fix)
    if kinds.looks_like_text(start):
        message = "cannot be read: it is text, not a Parquet file"
        return Problem(relative, "unreadable", message, "end its name in .csv, or export it as Parquet")
    if not start.startswith(b"PAR1"):
        return Problem(relative, "unreadable", "cannot be read: it is no Parquet file", fix)
    return Problem(relative, "unreadable", f"cannot be read: {_reason(error, path)}", fix)


def _reason(error: duckdb.Error, path: Path) -> str:
    first = next(iter(str(error).splitlines()), "")
    if any(word in first for word in ("magic bytes", "too small", "Footer")):
        return "the Parquet file was cut off or damaged"
    damaged = "the Parquet file is damaged"
    words = _NAMED.sub("", first.rpartition("Error: ")[2].replace(str(path), "")).strip()
    return f"{damaged} ({words[:_MOST_WORDS]})" if words and words.isprintable() else damaged


def columns(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[list[str], list[str]]:
    """The names of the file's columns, and SQL of each as text (c0, c1, …). Raises duckdb.Error for any other file."""
    described = con.execute(f"DESCRIBE SELECT * FROM {relation(path)}").fetchall()
    labels = [row[0] for row in described]
    cells = [f"{_text(row[0], row[1])} AS c{index}" for index, row in enumerate(described)]
    return labels, cells


def _text(name: str, kind: str) -> str:
    column = identifier(name)
    base = kind.upper()
    if base.endswith("[]") or base.startswith(_NESTED):
        text = f"to_json({column})::VARCHAR"
    elif base == "TIMESTAMP WITH TIME ZONE":
        text = f"strftime(make_timestamp(epoch_us({column})), '%Y-%m-%dT%H:%M:%S.%fZ')"
    elif base.startswith("TIMESTAMP"):
        text = f"strftime({column}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')"
    elif base == "BLOB":
        # Old writers store text without saying that it is text.
        text = f"decode({column})"
    else:
        text = f"{column}::VARCHAR"
    return f"CASE WHEN ({text}) NOT IN ('', 'NULL', 'null') THEN {text} END"
