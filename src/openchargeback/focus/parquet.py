"""Parquet files as the same text cells that CSV has, so that everything after reading is one path.

Decimals keep their digits, times become UTC, and Tags come as JSON whichever way they are stored: as text, as a map,
as a list of structs (BigQuery) or as a struct.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from openchargeback.focus.database import file_literal, identifier
from openchargeback.ledger.files import suffix_of

_NESTED = ("MAP", "STRUCT", "LIST", "UNION", "JSON", "VARIANT")


def is_parquet(path: Path) -> bool:
    """Whether a charge file is Parquet, by the end of its name."""
    return suffix_of(path.name) == ".parquet"


def relation(path: Path) -> str:
    """SQL that reads the file, with `file_row_number` from 0."""
    return f"read_parquet({file_literal(path)}, file_row_number=true)"


def columns(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[list[str], list[str]]:
    """The names of the file's columns, and SQL of each as text (c0, c1, …). Raises duckdb.Error for any other file."""
    described = con.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {relation(path)}").fetchall()
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
