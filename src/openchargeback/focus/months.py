"""The months of the rows of a charge file, and the rows of some months, without checking the file.

A file that cannot be read this way has no months: it is rejected when read in full.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import duckdb

from openchargeback.focus import csv_text, parquet
from openchargeback.focus.columns import canonical_name
from openchargeback.focus.database import database
from openchargeback.ledger.files import ChargeFile

_START = "BillingPeriodStart"


def months_of(file: ChargeFile) -> frozenset[str]:
    """The months (`2025-01`) that BillingPeriodStart names in a file, as written there."""
    try:
        found = file.location.stat()
    except OSError:
        return frozenset()
    return _months(str(file.location), found.st_size, found.st_mtime_ns)


def has_column(file: ChargeFile, name: str) -> bool:
    """Whether a charge file has a column of that name."""
    try:
        if parquet.is_parquet(file.location):
            with database() as con:
                return name in _relation(con, file.location)[0]
        return name in _names(_header(file.location))
    except (duckdb.Error, ValueError, OSError, EOFError):
        return False


@lru_cache(maxsize=4096)
def _months(location: str, _size: int, _time: int) -> frozenset[str]:
    with database() as con:
        try:
            names, relation = _relation(con, Path(location))
            column = f"c{names.index(_START)}"
            rows = con.execute(f"SELECT DISTINCT left({column}, 7) FROM {relation}").fetchall()
        except (duckdb.Error, ValueError, OSError, EOFError):
            return frozenset()
    return frozenset(month for (month,) in rows if month)


def rows_of_months(
    con: duckdb.DuckDBPyConnection, table: str, file: ChargeFile, months: Collection[str]
) -> Sequence[str]:
    """Read the rows of these months into a table with columns c0, c1, … and `row_number` from 0; returns their names.

    Empty, and no table, if the file cannot be read this way.
    """
    try:
        names, relation = _relation(con, file.location)
        column = f"c{names.index(_START)}"
        con.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM (SELECT *, row_number() OVER () - 1 AS row_number "
            f"FROM {relation}) WHERE list_contains($months, left({column}, 7))",
            {"months": sorted(months)},
        )
    except (duckdb.Error, ValueError, OSError, EOFError):
        return ()
    return names


def _relation(con: duckdb.DuckDBPyConnection, location: Path) -> tuple[list[str], str]:
    """The canonical names of a file's columns, and SQL for its rows as text in columns c0, c1 and so on."""
    if parquet.is_parquet(location):
        labels, relation = parquet.text_relation(con, location)
    else:
        labels = _header(location)
        relation = csv_text.relation([location], len(labels))
    return _names(labels), relation


def _header(location: Path) -> list[str]:
    header, _ = csv_text.read_header(location, "")
    if header is None:
        raise ValueError("no header")
    return header.cells


def _names(labels: Iterable[str]) -> list[str]:
    return [canonical_name(label) for label in labels]
