"""How DuckDB writes CSV files: with the rule of `csv_writing` about text that a spreadsheet would run."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import duckdb

from openchargeback.csv_writing import NUMBER, RISKY
from openchargeback.focus.database import identifier, literal, unoptimized


def copy_csv(con: duckdb.DuckDBPyConnection, query: str, path: Path, *, few: bool = False) -> int:
    """Write the rows of a query to a CSV file with a header; returns their number.

    few: whether they are made of so few rows that optimizing the query takes longer than running it as it is written.
    """
    with unoptimized(con) if few else nullcontext():
        columns = con.execute(f"DESCRIBE {query}").fetchall()
        cells = ", ".join(
            f"{guarded_sql(identifier(name))} AS {identifier(name)}" if kind == "VARCHAR" else identifier(name)
            for name, kind, *_ in columns
        )
        written = con.execute(
            f"COPY (SELECT {cells} FROM ({query})) TO {literal(str(path))} (FORMAT csv, HEADER, USE_TMP_FILE false)"
        ).fetchone()
    return int(written[0]) if written else 0


def guarded_sql(cell: str) -> str:
    """SQL for `csv_writing.guarded` of a text."""
    # Most texts start with a letter or a digit, which spares them the rest.
    return f"CASE WHEN {_plain(cell)} THEN {cell} WHEN {_runs(cell)} THEN '''' || {cell} ELSE {cell} END"


def unguarded_sql(cell: str) -> str:
    """SQL for `csv_writing.unguarded` of a cell."""
    return f"CASE WHEN starts_with({cell}, '''') AND {_runs(cell)} THEN substr({cell}, 2) ELSE {cell} END"


def _runs(cell: str) -> str:
    bare = f"ltrim({cell}, '''')"
    return f"regexp_matches({bare}, {literal(RISKY)}) AND NOT regexp_full_match({bare}, {literal(NUMBER)})"


def _plain(cell: str) -> str:
    # By bytes, nothing from a digit up to `<` or from a letter to the end of ASCII is a mark or a blank.
    return f"({cell} >= '0' AND {cell} < '=') OR ({cell} >= 'A' AND {cell} < '\x7f')"
