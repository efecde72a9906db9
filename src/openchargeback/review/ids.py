"""Charge ids: computed per source, only when needed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

import duckdb

from openchargeback.focus.columns import COLUMNS
from openchargeback.focus.database import insert, literal, sql
from openchargeback.focus.reading import LoadedFile
from openchargeback.review.month import Month

_UNIT = "chr(31)"


def number_charges(month: Month, sources: Iterable[str]) -> None:
    """Fill the table `charge_id` (n, id) for these sources."""
    con = month.con
    con.execute("CREATE TABLE IF NOT EXISTS charge_id (n BIGINT, id VARCHAR)")
    for source in sorted(set(sources)):
        files = [file for file in month.loaded if file.file.source == source]
        if files:
            canonical_tags(con, files)
            rows = " UNION ALL ".join(_canonical(file, files) for file in files)
            con.execute(sql(__package__, "ids.sql", rows=rows), {"source": source, "period": month.period})
            con.execute("DROP TABLE canonical_json")


def number_rest(month: Month, sources: Collection[str] | None = None) -> None:
    """Compute the missing ids for charges of these sources, by default of all.

    `attributed` and `charge_id` must exist.
    """
    numbered = month.con.execute("SELECT DISTINCT source FROM charge_id JOIN attributed USING (n)").fetchall()
    number_charges(month, set(month.sources if sources is None else sources) - {source for (source,) in numbered})


def canonical_tags(con: duckdb.DuckDBPyConnection, files: Sequence[LoadedFile]) -> None:
    """Fill `canonical_json`: the distinct JSON texts of these files in canonical form: keys sorted, no spaces."""
    con.execute("CREATE OR REPLACE TEMP TABLE canonical_json (text VARCHAR, canonical VARCHAR)")
    parts = [
        f"SELECT {file.expression(name)} AS text FROM {file.table}"
        for file in files
        for name, kind in COLUMNS.items()
        if kind == "json" and name in file.columns
    ]
    if parts:
        texts = con.execute(
            f"SELECT DISTINCT text FROM ({' UNION ALL '.join(parts)}) WHERE text IS NOT NULL ORDER BY text"
        ).fetchall()
        insert(con, "canonical_json", [(text, canonical_json(text)) for (text,) in texts])


def canonical_json(text: str) -> str:
    """JSON with sorted keys and no whitespace. Text that is not JSON or has a lone surrogate is returned unchanged."""
    try:
        canonical = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        canonical.encode()
    except (ValueError, RecursionError):
        return text
    return canonical


def canonical_text(file: LoadedFile, names: Iterable[str]) -> tuple[str, str]:
    """SQL for the canonical text of these FOCUS columns of a row, and the joins it needs.

    Call `canonical_tags` first; the file's table is called `row`. Null cells and absent columns are left out.
    """
    cells, joins = [], []
    for name in sorted(name for name in names if name in file.columns):
        column, kind = f"row.{file.columns[name]}", COLUMNS[name]
        if kind == "decimal":
            plain = f"regexp_replace(regexp_replace(amount({column})::VARCHAR, '0+$', ''), '[.]$', '')"
            cell = f"coalesce({plain}, {column})"
        elif kind == "datetime":
            cell = f"coalesce(strftime(utc({column}), '%Y-%m-%dT%H:%M:%S.%fZ'), {column})"
        elif kind == "json":
            alias = f"json_{file.columns[name]}"
            joins.append(f"LEFT JOIN canonical_json AS {alias} ON {alias}.text = {column}")
            cell = f"{alias}.canonical"
        else:
            cell = column
        cells.append(f"{literal(name + '=')} || {cell}")
    return f"concat_ws({', '.join([_UNIT, *cells])})", " ".join(joins)


def _canonical(file: LoadedFile, files: Sequence[LoadedFile]) -> str:
    text, joins = canonical_text(file, COLUMNS)
    every = sorted({name for each in files for name in each.columns})
    whole = ", ".join(
        f"coalesce({'row.' + file.columns[name] if name in file.columns else 'NULL'}, '')" for name in every
    )
    return (
        f"SELECT {file.first} + row.rowid AS n, {text} AS text, "
        f"sha256(concat_ws({_UNIT}, {whole})) AS whole FROM {file.table} AS row {joins}"
    )
