"""Find duplicate rows: equal in every column that their files share, custom columns included.

    copy    one row per charge that equals an earlier one, with the location (path and row) of that one

Compares files across all sources of a period, and with files of earlier months that hold rows with the same
BillingPeriodStart, since one of two such rows is in the wrong folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb

from openchargeback.focus.database import count, insert, literal, query, sql
from openchargeback.focus.loaded import Loaded

_DISTINCTIVE = ("ResourceId", "ChargePeriodStart", "BilledCost", "EffectiveCost", "Tags", "SkuPriceId", "x_RowId")
"""Columns that distinguish most rows: across files, only rows that agree in these are compared in full."""
_MOST_DISTINCTIVE = 4


@dataclass(frozen=True, slots=True)
class EarlierRows:
    """Rows of an earlier month's file, for comparison with a period, in a table; row_number counts the rows of the file
    from 0. columns: name → column of the table.
    """

    period: str
    path: str
    table: str
    columns: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows with the same columns, with SQL for their number (n; negative for earlier months), and for the period that
    they are compared in.
    """

    table: str
    columns: dict[str, str]
    number: str = "n"
    period: str = "period"


def find_copies(con: duckdb.DuckDBPyConnection, loaded: Loaded, earlier: Sequence[EarlierRows]) -> None:
    """Fill `copy`. The first of equal rows, in the order of months, files and rows, is not a copy."""
    con.execute('CREATE TABLE copy (n BIGINT, path VARCHAR, "row" BIGINT)')
    layouts: dict[frozenset[str], list[_Part]] = {}
    for table in loaded.tables:
        layouts.setdefault(frozenset(table.names), []).append(_Part(table.numbered, table.columns))
    con.execute("CREATE OR REPLACE TEMP TABLE pair_of_rows (n BIGINT, first BIGINT)")
    for names, parts in layouts.items():
        _compare_within(con, sorted(names), parts)
    for (one, parts), (other, others) in combinations(layouts.items(), 2):
        _compare_across(con, sorted(one & other), parts, others)
    base = -1
    places: list[tuple[int, str]] = []
    for rows in earlier:
        # Earlier rows get negative numbers, so that they sort before all rows of the period.
        part = _Part(rows.table, rows.columns, f"{base} - row_number", literal(rows.period))
        places.append((base, rows.path))
        for names, parts in layouts.items():
            _compare_across(con, sorted(names & set(rows.columns)), [part], parts)
        (last,) = con.execute(f"SELECT coalesce(max(row_number), 0) FROM {rows.table}").fetchone() or (0,)
        base -= int(last) + 1
    con.execute("CREATE OR REPLACE TEMP TABLE earlier_place (base BIGINT, path VARCHAR)")
    insert(con, "earlier_place", places)
    con.execute(sql(__package__, "copies.sql"))


def _compare_within(con: duckdb.DuckDBPyConnection, names: Sequence[str], parts: Sequence[_Part]) -> None:
    """Compare rows of files with the same columns: by hash of the whole row, then cell by cell if hashes match."""
    hashes = " UNION ALL ".join(f"SELECT n, hash(period, hash) AS h FROM {part.table}" for part in parts)
    con.execute(f"CREATE OR REPLACE TEMP TABLE row_hash AS {hashes}")
    con.execute(query(__package__, "suspects"))
    if not count(con, "SELECT count(*) FROM suspect"):
        return
    keys = ", ".join(["period", *(f"k{index}" for index in range(len(names)))])
    con.execute(
        f"INSERT INTO pair_of_rows SELECT n, first FROM (SELECT n, min(n) OVER (PARTITION BY {keys}) AS first FROM "
        f"({_rows(parts, names, where='n IN (SELECT n FROM suspect)')})) WHERE n <> first"
    )


def _compare_across(
    con: duckdb.DuckDBPyConnection, shared: Sequence[str], parts: Sequence[_Part], others: Sequence[_Part]
) -> None:
    """Compare rows of files with different columns, by the columns they share."""
    distinctive = [name for name in _DISTINCTIVE if name in shared][:_MOST_DISTINCTIVE] or list(shared)[
        :_MOST_DISTINCTIVE
    ]
    if not distinctive:
        return
    for number, side in enumerate((parts, others)):
        con.execute(f"CREATE OR REPLACE TEMP TABLE side_{number} AS {_rows(side, distinctive, hashed=True)}")
    con.execute(query(__package__, "suspects_of_both"))
    if not count(con, "SELECT count(*) FROM suspect"):
        return
    wanted = "n IN (SELECT n FROM suspect)"
    cells = (f"a.k{index} IS NOT DISTINCT FROM b.k{index}" for index in range(len(shared)))
    same = " AND ".join(["a.period = b.period", *cells])
    con.execute(
        "INSERT INTO pair_of_rows SELECT greatest(a.n, b.n), least(a.n, b.n) "
        f"FROM ({_rows(parts, shared, where=wanted)}) AS a JOIN ({_rows(others, shared, where=wanted)}) AS b ON {same}"
    )


def _rows(parts: Iterable[_Part], names: Sequence[str], *, hashed: bool = False, where: str = "") -> str:
    """SQL for the number of all rows of the parts and what must be equal: `period` and these cells, as k0, k1, …; or
    all of it hashed together as h.
    """

    def cells(part: _Part) -> str:
        found = [part.columns[name] for name in names]
        if hashed:
            return f"hash({', '.join([part.period, *found])}) AS h"
        return ", ".join([f"{part.period} AS period", *(f"{cell} AS k{index}" for index, cell in enumerate(found))])

    every = " UNION ALL ".join(f"SELECT {part.number} AS n, {cells(part)} FROM {part.table}" for part in parts)
    return f"SELECT * FROM ({every}) WHERE {where}" if where else every
