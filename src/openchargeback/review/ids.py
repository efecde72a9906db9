"""Charge ids: computed per source, only when needed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

import duckdb

from openchargeback.focus.columns import COLUMNS
from openchargeback.focus.database import count, insert, literal, query, sql
from openchargeback.focus.reading import LoadedFile
from openchargeback.review.month import Month

_UNIT = "chr(31)"


def number_charges(month: Month, sources: Iterable[str]) -> None:
    """Fill the table `charge_id` (n, id) for all charges of these sources."""
    _make_table(month.con)
    for source in sorted(set(sources)):
        _number(month, source, _files_of(month, source))


def number_flagged(month: Month) -> None:
    """Fill the table `charge_id` (n, id) for flagged charges and the originals of flagged corrections.

    An id depends on the number of identical charges of its source, so charges that may be identical are numbered too:
    those with the same cost and the same text cells.
    """
    con = month.con
    _make_table(con)
    con.execute(query(__package__, "flagged_charge"))
    for (source,) in con.execute("SELECT DISTINCT source FROM flagged_charge ORDER BY source").fetchall():
        files = _files_of(month, source)
        con.execute(query(__package__, "near"), {"source": source})
        rows = " UNION ALL ".join(_likeness(file) for file in files)
        con.execute(sql(__package__, "alike.sql", rows=rows))
        ambiguous = count(con, "SELECT count(*) FROM likeness WHERE ambiguous")
        _number(month, source, files, among="" if ambiguous else "alike")
    con.execute("DROP TABLE flagged_charge")


def number_rest(month: Month, sources: Collection[str] | None = None) -> None:
    """Compute the missing ids for charges of these sources, by default of all.

    `attributed` and `charge_id` must exist.
    """
    partly = [source for (source,) in month.con.execute(query(__package__, "partly_numbered")).fetchall()]
    wanted = [source for source in partly if sources is None or source in sources]
    month.con.execute(query(__package__, "forget_ids"), {"sources": wanted})
    number_charges(month, wanted)


def _make_table(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE IF NOT EXISTS charge_id (n BIGINT, id VARCHAR)")


def _files_of(month: Month, source: str) -> list[LoadedFile]:
    return [file for file in month.loaded if file.file.source == source]


def _number(month: Month, source: str, files: Sequence[LoadedFile], among: str = "") -> None:
    """Add the ids of a source's charges, or of those in the table `among`, which has all that equal any of them."""
    if files:
        canonical_tags(month.con, files, among)
        rows = " UNION ALL ".join(_canonical(file, files, among) for file in files)
        month.con.execute(sql(__package__, "ids.sql", rows=rows), {"source": source, "period": month.period})
        month.con.execute("DROP TABLE canonical_json")


def _among(file: LoadedFile, table: str) -> str:
    """SQL that keeps the rows of a file (called `row`) that are in a table of charges; empty for all."""
    return f"SEMI JOIN {table} ON {table}.n = {file.first} + row.rowid" if table else ""


def canonical_tags(con: duckdb.DuckDBPyConnection, files: Sequence[LoadedFile], among: str = "") -> None:
    """Fill `canonical_json`: the distinct JSON texts of these files in canonical form: keys sorted, no spaces.

    among: a table of charges (n); only their texts.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE canonical_json (text VARCHAR, canonical VARCHAR)")
    parts = [
        f"SELECT {file.expression(name)} AS text FROM {file.table} AS row {_among(file, among)}"
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
    return f"concat_ws({', '.join([_UNIT, *cells])})" if cells else "''", " ".join(joins)


def _canonical(file: LoadedFile, files: Sequence[LoadedFile], among: str) -> str:
    text, joins = canonical_text(file, COLUMNS)
    every = sorted({name for each in files for name in each.columns})
    whole = ", ".join(
        f"coalesce({'row.' + file.columns[name] if name in file.columns else 'NULL'}, '')" for name in every
    )
    return (
        f"SELECT {file.first} + row.rowid AS n, {text} AS text, "
        f"sha256(concat_ws({_UNIT}, {whole})) AS whole FROM {file.table} AS row {joins} {_among(file, among)}"
    )


def _likeness(file: LoadedFile) -> str:
    """SQL for the charges `near` in a file: a hash of the text cells, and whether a cell holds the unit separator.

    Without that separator, charges of the same canonical text have the same cost and the same text cells. Numbers,
    times and JSON can be spelled in several ways, so they are left out.
    """
    names = [name for name in file.columns if name in COLUMNS]
    texts, joins = canonical_text(
        file, [name for name in names if COLUMNS[name] not in ("decimal", "datetime", "json")]
    )
    cells = ", ".join(f"row.{file.columns[name]}" for name in names)
    return (
        f"SELECT near.n, near.cost, hash({texts}) AS texts, contains(concat({cells}), {_UNIT}) AS ambiguous "
        f"FROM {file.table} AS row {joins} JOIN near ON near.n = {file.first} + row.rowid"
    )
