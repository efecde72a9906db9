"""Charge ids: computed per source, only when needed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence

import duckdb

from openchargeback.focus.columns import COLUMNS
from openchargeback.focus.database import count, insert, literal, literals, query, sql
from openchargeback.focus.loaded import LoadedRows, LoadedTable
from openchargeback.review.charges import Charges

_UNIT = "chr(31)"


def number_charges(charges: Charges, sources: Iterable[str], periods: Collection[str] | None = None) -> None:
    """Fill the table `charge_id` (n, id) for all charges of these sources, by default in all periods."""
    _make_table(charges.con)
    for source in sorted(set(sources)):
        for some, tables in _alike_layouts(charges, source, charges.periods if periods is None else periods):
            _number(charges.con, tables, f"row.source = {literal(source)} AND row.period IN ({literals(some)})")


def number_flagged(charges: Charges, periods: Collection[str]) -> None:
    """Fill the table `charge_id` (n, id) for flagged charges of these periods and the originals of flagged corrections.

    An id depends on the number of identical charges of its source, so charges that may be identical are numbered too:
    those with the same cost and the same text cells.
    """
    con = charges.con
    _make_table(con)
    con.execute(query(__package__, "flagged_charge"), {"periods": list(periods)})
    for (source,) in con.execute("SELECT DISTINCT source FROM flagged_charge ORDER BY source").fetchall():
        for some, tables in _alike_layouts(charges, source, periods):
            con.execute(query(__package__, "near"), {"source": source, "periods": some})
            con.execute(sql(__package__, "alike.sql", rows=" UNION ALL ".join(_likeness(table) for table in tables)))
            if count(con, "SELECT count(*) FROM likeness WHERE ambiguous"):
                number_charges(charges, [source], some)
            else:
                _number(con, tables, "row.n IN (SELECT n FROM alike)")
    con.execute("DROP TABLE flagged_charge")


def number_rest(charges: Charges, sources: Collection[str] | None = None) -> None:
    """Compute the missing ids for charges of these sources, by default of all.

    `attributed` and `charge_id` must exist.
    """
    partly = [source for (source,) in charges.con.execute(query(__package__, "partly_numbered")).fetchall()]
    wanted = [source for source in partly if sources is None or source in sources]
    charges.con.execute(query(__package__, "forget_ids"), {"sources": wanted})
    number_charges(charges, wanted)


def _make_table(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE IF NOT EXISTS charge_id (n BIGINT, id VARCHAR)")


def _alike_layouts(
    charges: Charges, source: str, periods: Collection[str]
) -> Iterator[tuple[list[str], list[LoadedTable]]]:
    """The periods with files of a source, together if these have the same columns, with the tables that they are in.

    Identical charges are put in order by all columns of the source in their period.
    """
    layouts: dict[frozenset[str], list[str]] = {}
    for period in sorted(periods):
        files = [each for each in charges.loaded.files if (each.file.source, each.file.period) == (source, period)]
        if files:
            layouts.setdefault(frozenset(name for each in files for name in each.names), []).append(period)
    for some in layouts.values():
        tables = [
            table
            for table in charges.loaded.tables
            if any(each.file.source == source and each.file.period in some for each in table.files)
        ]
        yield some, tables


def _number(con: duckdb.DuckDBPyConnection, tables: Sequence[LoadedTable], where: str) -> None:
    """Add the ids of the charges that meet a condition, which all that equal any of them do."""
    canonical_tags(con, tables, where)
    con.execute(
        sql(__package__, "ids.sql", rows=" UNION ALL ".join(_canonical(each, tables, where) for each in tables))
    )
    con.execute("DROP TABLE canonical_json")


def canonical_tags(con: duckdb.DuckDBPyConnection, tables: Sequence[LoadedRows], where: str = "true") -> None:
    """Fill `canonical_json`: the distinct JSON texts of the rows (`row`) that meet a condition, in canonical form: keys
    sorted, no spaces.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE canonical_json (text VARCHAR, canonical VARCHAR)")
    parts = [
        f"SELECT {table.expression(name)} AS text FROM {table.numbered} AS row WHERE {where}"
        for table in tables
        for name, kind in COLUMNS.items()
        if kind == "json" and name in table.names
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


def canonical_text(table: LoadedRows, names: Iterable[str]) -> tuple[str, str]:
    """SQL for the canonical text of these FOCUS columns of a row, and the joins it needs.

    Call `canonical_tags` first; the table's rows are called `row`. Null cells and absent columns are left out.
    """
    cells, joins = [], []
    for name in sorted(name for name in names if name in table.columns):
        column, kind = f"row.{table.columns[name]}", COLUMNS[name]
        if kind == "decimal":
            plain = f"regexp_replace(regexp_replace(amount({column})::VARCHAR, '0+$', ''), '[.]$', '')"
            cell = f"coalesce({plain}, {column})"
        elif kind == "datetime":
            cell = f"coalesce(strftime(utc({column}), '%Y-%m-%dT%H:%M:%S.%fZ'), {column})"
        elif kind == "json":
            alias = f"json_{table.columns[name]}"
            joins.append(f"LEFT JOIN canonical_json AS {alias} ON {alias}.text = {column}")
            cell = f"{alias}.canonical"
        else:
            cell = column
        cells.append(f"{literal(name + '=')} || {cell}")
    return f"concat_ws({', '.join([_UNIT, *cells])})" if cells else "''", " ".join(joins)


def _canonical(table: LoadedTable, tables: Sequence[LoadedTable], where: str) -> str:
    text, joins = canonical_text(table, COLUMNS)
    every = sorted({name for each in tables for name in each.names})
    whole = ", ".join(
        f"coalesce({'row.' + table.columns[name] if name in table.columns else 'NULL'}, '')" for name in every
    )
    return (
        f"SELECT row.n, row.period, row.source, {text} AS text, sha256(concat_ws({_UNIT}, {whole})) AS whole "
        f"FROM {table.numbered} AS row {joins} WHERE {where}"
    )


def _likeness(table: LoadedTable) -> str:
    """SQL for the charges `near` in a table: a hash of the text cells, and whether a cell holds the unit separator.

    Without that separator, charges of the same canonical text have the same cost and the same text cells. Numbers,
    times and JSON can be spelled in several ways, so they are left out.
    """
    names = [name for name in table.names if name in COLUMNS]
    texts, joins = canonical_text(
        table, [name for name in names if COLUMNS[name] not in ("decimal", "datetime", "json")]
    )
    cells = ", ".join(f"row.{table.columns[name]}" for name in names)
    return (
        f"SELECT near.n, near.cost, hash({texts}) AS texts, contains(concat({cells}), {_UNIT}) AS ambiguous "
        f"FROM {table.numbered} AS row {joins} JOIN near ON near.n = row.n"
    )
