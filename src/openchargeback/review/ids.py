"""Charge ids: computed per source, only when needed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import duckdb

from openchargeback.focus.columns import COLUMNS
from openchargeback.focus.database import count, identifier, insert, literal, literals, query, sql
from openchargeback.focus.loaded import LoadedFile, LoadedRows, LoadedTable
from openchargeback.review.charges import Charges

_UNIT = "chr(31)"


def number_charges(charges: Charges, sources: Collection[str], periods: Collection[str] | None = None) -> None:
    """Fill the table `charge_id` (n, id) for all charges of these sources, by default in all periods."""
    _make_table(charges.con)
    some = charges.periods if periods is None else periods
    layouts = [tables for _, tables in _alike_layouts(charges, sources, some)]
    if layouts:
        where = f"row.source IN ({literals(sorted(sources))}) AND row.period IN ({literals(sorted(some))})"
        _number(charges.con, layouts, where)


def number_flagged(charges: Charges, periods: Collection[str]) -> None:
    """Fill the table `charge_id` (n, id) for flagged charges of these periods and the originals of flagged corrections.

    An id depends on the number of identical charges of its source, so charges that may be identical are numbered too:
    those with the same cost and the same text cells.
    """
    con = charges.con
    _make_table(con)
    con.execute(query(__package__, "flagged_charge"), {"periods": list(periods)})
    for (source,) in con.execute("SELECT DISTINCT source FROM flagged_charge ORDER BY source").fetchall():
        for places, tables in _alike_layouts(charges, [source], periods):
            some = [period for _, period in places]
            con.execute(query(__package__, "near"), {"source": source, "periods": some})
            con.execute(sql(__package__, "alike.sql", rows=" UNION ALL ".join(_likeness(table) for table in tables)))
            if count(con, "SELECT count(*) FROM likeness WHERE ambiguous"):
                number_charges(charges, [source], some)
            else:
                _number(con, [tables], "row.n IN (SELECT n FROM alike)")
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
    charges: Charges, sources: Collection[str], periods: Collection[str]
) -> Iterator[tuple[list[tuple[str, str]], list[LoadedTable]]]:
    """The sources and periods with files, together if these have the same columns, with the tables that they are in.

    Identical charges are put in order by all columns of the source in their period.
    """
    columns: dict[tuple[str, str], set[str]] = {}
    for each in charges.loaded.files:
        if each.file.source in sources and each.file.period in periods:
            columns.setdefault(_place(each), set()).update(each.names)
    layouts: dict[frozenset[str], list[tuple[str, str]]] = {}
    for place in sorted(columns):
        layouts.setdefault(frozenset(columns[place]), []).append(place)
    for places in layouts.values():
        yield places, [table for table in charges.loaded.tables if any(_place(each) in places for each in table.files)]


def _place(file: LoadedFile) -> tuple[str, str]:
    return file.file.source, file.file.period


def _number(con: duckdb.DuckDBPyConnection, layouts: Sequence[Sequence[LoadedTable]], where: str) -> None:
    """Add the ids of the charges that meet a condition, which all that equal any of them do."""
    every = [table for tables in layouts for table in tables]
    canonical_tags(con, every, where)
    names = sorted({name for table in every for name in table.names} & COLUMNS.keys())
    text, joins = canonical_text({name: identifier(name) for name in names}, names)
    cells = " UNION ALL ".join(_cells(table, names, where) for table in every)
    wholes = " UNION ALL ".join(_whole(table, tables) for tables in layouts for table in tables)
    con.execute(sql(__package__, "ids.sql", cells=cells, wholes=wholes, canonical=text, joins=joins))
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


def canonical_text(columns: Mapping[str, str], names: Iterable[str]) -> tuple[str, str]:
    """SQL for the canonical text of these FOCUS columns of a row, and the joins it needs.

    Call `canonical_tags` first. columns: the columns of the rows, which are called `row`, by canonical name. Null cells
    and absent columns are left out.
    """
    cells, joins = [], []
    for name in sorted(name for name in names if name in columns):
        column, kind = f"row.{columns[name]}", COLUMNS[name]
        if kind == "decimal":
            cell = f"coalesce(plain(amount({column})), {column})"
        elif kind == "datetime":
            cell = f"coalesce(strftime(utc({column}), '%Y-%m-%dT%H:%M:%S.%fZ'), {column})"
        elif kind == "json":
            alias = f"json_{name}"
            joins.append(f"LEFT JOIN canonical_json AS {alias} ON {alias}.text = {column}")
            cell = f"{alias}.canonical"
        else:
            cell = column
        cells.append(f"{literal(name + '=')} || {cell}")
    return f"concat_ws({', '.join([_UNIT, *cells])})" if cells else "''", " ".join(joins)


def _cells(table: LoadedTable, names: Sequence[str], where: str) -> str:
    """SQL for the cells of these FOCUS columns."""
    cells = "".join(f", {table.expression(name)} AS {identifier(name)}" for name in names)
    return f"SELECT n, period, source{cells} FROM {table.numbered} AS row WHERE {where}"


def _whole(table: LoadedTable, alike: Sequence[LoadedTable]) -> str:
    """SQL for a digest of each whole row that has others alike, over all columns of the tables alike."""
    every = sorted({name for each in alike for name in each.names})
    whole = ", ".join(f"coalesce({table.expression(name)}, '')" for name in every)
    return (
        f"SELECT n, sha256(concat_ws({_UNIT}, {whole})) AS whole FROM {table.numbered} AS row "
        "WHERE n IN (SELECT n FROM counted WHERE alike > 1)"
    )


def _likeness(table: LoadedTable) -> str:
    """SQL for the charges `near` in a table: a hash of the text cells, and whether a cell holds the unit separator.

    Without that separator, charges of the same canonical text have the same cost and the same text cells. Numbers,
    times and JSON can be spelled in several ways, so they are left out.
    """
    names = [name for name in table.names if name in COLUMNS]
    texts, joins = canonical_text(
        table.columns, [name for name in names if COLUMNS[name] not in ("decimal", "datetime", "json")]
    )
    cells = ", ".join(f"row.{table.columns[name]}" for name in names)
    return (
        f"SELECT near.n, near.cost, hash({texts}) AS texts, contains(concat({cells}), {_UNIT}) AS ambiguous "
        f"FROM {table.numbered} AS row {joins} JOIN near ON near.n = row.n"
    )
