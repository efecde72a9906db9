"""Parquet files as the same text cells as CSV, so that everything after reading is the same.

Decimals keep their digits, times become UTC, and Tags become JSON however they are stored: as text, as a map,
as a list of structs (BigQuery) or as a struct.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from openchargeback.focus import file_types
from openchargeback.focus.csv_text import MISSING
from openchargeback.focus.database import file_literal, identifier, literals
from openchargeback.ledger.files import suffix_of
from openchargeback.problems import Problem

_ROW_NUMBER = "file_row_number"
_NAMED = re.compile(r"\s*(?:in|of)? file ''|''")
_MOST_WORDS = 120
# Old writers store text without marking it as text.
_TEXTS = frozenset({"VARCHAR", "BLOB"})
_NESTED = ("MAP", "STRUCT", "LIST", "UNION", "JSON", "VARIANT")


def is_parquet(path: Path) -> bool:
    """Whether a charge file is Parquet, by its file ending."""
    return suffix_of(path.name) == ".parquet"


def relation(path: Path) -> str:
    """SQL that reads the file."""
    return f"read_parquet({file_literal(path)})"


def broken(path: Path, relative: str, error: duckdb.Error) -> Problem:
    """The problem of a file that DuckDB cannot read, without the query and the full path in DuckDB's message."""
    try:
        with path.open("rb") as raw:
            start = raw.read(file_types.LOOKED_AT)
    except OSError as refused:
        reason = (refused.strerror or str(refused)).lower()
        return Problem(relative, "unreadable", f"cannot be read: {reason}", "check its permissions")
    wrong = file_types.mistaken(start, file_types.PARQUET, relative)
    if wrong:
        return wrong
    if not start:
        reason = "the file is empty"
    elif not start.startswith(b"PAR1"):
        reason = "it is not a Parquet file"
    else:
        reason = _reason(error, path)
    return Problem(
        relative, "unreadable", f"cannot be read: {reason}", "check that the file is complete, or export it again"
    )


def _reason(error: duckdb.Error, path: Path) -> str:
    first = next(iter(str(error).splitlines()), "")
    if any(word in first for word in ("magic bytes", "too small", "Footer")):
        return "the Parquet file was cut off or damaged"
    damaged = "the Parquet file is damaged"
    words = _NAMED.sub("", first.rpartition("Error: ")[2].replace(str(path), "")).strip()
    return f"{damaged} ({words[:_MOST_WORDS]})" if words and words.isprintable() else damaged


def text_relation(con: duckdb.DuckDBPyConnection, path: Path, nulls: Sequence[str] = MISSING) -> tuple[list[str], str]:
    """The names of the file's columns, and SQL that reads them as text into columns c0, c1, …, with `nulls` as null.

    Raises duckdb.Error for any other file.
    """
    labels, cells = _cells(con, path, nulls)
    return labels, f"(SELECT {cells} FROM {relation(path)})"


def stored_types(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """The columns of a file that are not stored as text: decimal, datetime, or DuckDB's name of the type.

    Raises duckdb.Error for any other file.
    """
    described = con.execute(f"DESCRIBE SELECT * FROM {relation(path)}").fetchall()
    return {row[0]: _stored(row[1].upper()) for row in described if row[1].upper() not in _TEXTS}


def _stored(kind: str) -> str:
    if kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")) or kind.endswith(("INT", "INTEGER")):
        return "decimal"
    return "datetime" if kind.startswith("TIMESTAMP") else kind.lower()


def picked_rows(
    con: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[int]
) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """Rows by number (from 0), ascending, with their cells as text."""
    labels, cells = _cells(con, path, MISSING)
    # DuckDB provides a column of that name unless the file has its own.
    own = any(label.lower() == _ROW_NUMBER for label in labels)
    numbered = f"SELECT {'row_number() OVER () - 1' if own else _ROW_NUMBER} AS n, {cells} FROM {relation(path)}"
    rows = con.execute(
        f"FROM ({numbered}) WHERE list_contains($wanted, n) ORDER BY n", {"wanted": list(wanted)}
    ).fetchall()
    return ((row[0], row[1:]) for row in rows)


def _cells(con: duckdb.DuckDBPyConnection, path: Path, nulls: Sequence[str]) -> tuple[list[str], str]:
    described = con.execute(f"DESCRIBE SELECT * FROM {relation(path)}").fetchall()
    texts = [_text(row[0], row[1]) for row in described]
    cells = (
        f"CASE WHEN ({text}) NOT IN ({literals(nulls)}) THEN {text} END AS c{index}" for index, text in enumerate(texts)
    )
    return [row[0] for row in described], ", ".join(cells)


def no_utf_8(con: duckdb.DuckDBPyConnection, path: Path, relative: str) -> list[Problem]:
    """The text columns of a file whose bytes are not UTF-8, each with its first row; empty if all are fine.

    DuckDB can read such bytes as question marks or leave them out; if the results differ, there are some.
    """
    described = con.execute(f"DESCRIBE SELECT * FROM {relation(path)}").fetchall()
    ways = [f"read_parquet({file_literal(path)}, utf8_validation = '{way}')" for way in ("replace", "ignore")]
    found = []
    for name, kind, *_ in described:
        column = identifier(name)
        if kind == "BLOB":
            bad = f"a.{column} IS NOT NULL AND try(decode(a.{column})) IS NULL"
        elif "VARCHAR" in kind:
            bad = f"a.{column} IS DISTINCT FROM b.{column}"
        else:
            continue
        # One column at a time: the others may be large.
        rows = (f"(SELECT {column} FROM {way})" for way in ways)
        numbered = (
            f"SELECT row_number() OVER () AS n, {bad} AS bad FROM {next(rows)} AS a POSITIONAL JOIN {next(rows)} AS b"
        )
        first, count = con.execute(f"SELECT min(n), count(*) FROM ({numbered}) WHERE bad").fetchone() or (None, 0)
        if count:
            more = f" and in {count - 1:,} more" if count > 1 else ""
            message = f"{name} is not UTF-8 text in row {first + 1:,}{more}"
            fix = "write the column as UTF-8, as Parquet requires of text columns (STRING)"
            found.append(Problem(relative, "encoding-error", message, fix, count=count, row=first + 1, field=name))
    return found


def _text(name: str, kind: str) -> str:
    """SQL for a column as text."""
    column = identifier(name)
    base = kind.upper()
    if base.endswith("[]") or base.startswith(_NESTED):
        text = f"to_json({column})::VARCHAR"
    elif base == "TIMESTAMP WITH TIME ZONE":
        text = f"strftime(make_timestamp(epoch_us({column})), '%Y-%m-%dT%H:%M:%S.%fZ')"
    elif base.startswith("TIMESTAMP"):
        text = f"strftime({column}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')"
    elif base == "BLOB":
        # Old writers store text without marking it as text.
        text = f"decode({column})"
    else:
        text = f"{column}::VARCHAR"
    return text
