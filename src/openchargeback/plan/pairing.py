"""Pair the charges of the base with those of the head (`pairing.sql`).

Charges have no key, so they are paired by content. Files with the same content are paired row by row, whatever their
names. The rest is paired by the raw cells, then by the canonical text of the FOCUS columns, and finally without costs,
prices and quantities: a charge that differs only in those is the same charge.

Two versions of a file have most lines in common (`runs.py`). Paired in order, without keys, their charges get the same
partners as by the raw cells, except those that equal a charge on another line (`contested.sql`).

Tables created:
    pair      one row per charge that both revisions have (base, head)
    row_key   in both schemas: one row per charge that has no partner so far, with its key
    unpaired  in both schemas: the charges that still have none after pairing by this key
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

import duckdb

from openchargeback.focus.columns import COLUMNS
from openchargeback.focus.database import count, insert, literal, query, sql
from openchargeback.focus.loaded import Loaded, LoadedFile
from openchargeback.plan.runs import Run, common_runs, same_files
from openchargeback.review.ids import canonical_tags, canonical_text

_CONTENT = [name for name, kind in COLUMNS.items() if kind != "decimal"]
"""FOCUS columns without costs, prices and quantities, which are its decimal columns."""

_FEW = 1000
"""Up to how many charges are found by their numbers alone, without reading the cells of others."""

_Key = Callable[[LoadedFile], tuple[str, str]]
"""Returns SQL for the pairing key of charges, and the joins it needs; the file's table is called `row`."""


def pair_charges(con: duckdb.DuckDBPyConnection, base: Loaded, head: Loaded) -> list[Run]:
    """Pair the charges of the schemas `base` and `head`; creates `pair` in the current schema, which is neither.

    It takes less time if the base was read from the versions of its files in the head. Returns the runs of charges that
    are known to have the same cells on both sides.
    """
    con.execute("CREATE TABLE pair (base BIGINT, head BIGINT)")
    con.execute(query(__package__, "contested"))
    same = same_files(base.files, head.files)
    equal = [Run(old.first, new.first, min(old.rows, new.rows)) for old, new in same]
    _pair_runs(con, equal)
    old_rest = [file for file in base.files if file not in [old for old, _ in same]]
    new_rest = [file for file in head.files if file not in [new for _, new in same]]
    both = {file.file.source for file in old_rest} & {file.file.source for file in new_rest}
    old_rest = [file for file in old_rest if file.file.source in both]
    new_rest = [file for file in new_rest if file.file.source in both]
    if not both:
        return equal
    place = con.execute("SELECT current_schema()").fetchall()[0][0]
    sides = {"base": old_rest, "head": new_rest}
    runs = [*equal, *_pair_by_cells(con, place, sides)]
    for names in (list(COLUMNS), _CONTENT):
        for side in sides:
            con.execute(query(__package__, "unpaired").format(side=side))
        if not all(count(con, f"SELECT count(*) FROM {side}.unpaired") for side in sides):
            return runs
        for side, files in sides.items():
            con.execute(f"USE {side}")
            unpaired = _unpaired(con)
            canonical_tags(con, files, unpaired)
            _make_keys(con, files, _canonical(names), unpaired)
        con.execute(f"USE {place}")
        con.execute(sql(__package__, "pairing.sql"))
    return runs


def _unpaired(con: duckdb.DuckDBPyConnection) -> str:
    """SQL for whether a charge (`row`) of the current schema is in `unpaired`."""
    numbers = con.execute(f"SELECT n FROM unpaired LIMIT {_FEW + 1}").fetchall()
    few = len(numbers) <= _FEW
    return f"row.n IN ({', '.join(str(n) for (n,) in numbers) if few else 'SELECT n FROM unpaired'})"


def _pair_by_cells(con: duckdb.DuckDBPyConnection, place: str, sides: Mapping[str, Sequence[LoadedFile]]) -> list[Run]:
    """Pair the charges of both sides by their raw cells; returns their runs. place: the schema of `pair`."""
    runs = list(common_runs(sides["base"], sides["head"]))
    raw = _raw([file for files in sides.values() for file in files])
    for side, files in sides.items():
        con.execute(f"USE {side}")
        _make_keys(con, files, raw, " AND ".join(["true", *(f"NOT ({run.has('row.n', side)})" for run in runs)]))
    # The current schema is that of the head, which has the same cells in all runs.
    con.execute(query(__package__, "run"))
    insert(con, "run", [(run.base, run.head, run.rows) for run in runs])
    keys = " UNION ALL ".join(_keys(file, raw, "true") for file in sides["head"])
    con.execute(sql(__package__, "contested.sql", keys=keys if runs else "FROM head.row_key WHERE false"))
    con.execute(f"USE {place}")
    for side in sides:
        con.execute(f"INSERT INTO {side}.row_key SELECT {side}, source, key FROM contested")
    _pair_runs(con, runs, "$head + i NOT IN (SELECT head FROM contested)")
    con.execute(sql(__package__, "pairing.sql"))
    return runs


def _pair_runs(con: duckdb.DuckDBPyConnection, runs: Iterable[Run], where: str = "true") -> None:
    for run in runs:
        con.execute(
            f"INSERT INTO pair SELECT $base + i, $head + i FROM range($rows) AS every(i) WHERE {where}", asdict(run)
        )


def _make_keys(con: duckdb.DuckDBPyConnection, files: Sequence[LoadedFile], key: _Key, where: str) -> None:
    """Create `row_key` in the current schema with the keys of the charges that meet a condition."""
    con.execute("CREATE OR REPLACE TABLE row_key (n BIGINT, source VARCHAR, key UHUGEINT)")
    for file in files:
        con.execute(f"INSERT INTO row_key {_keys(file, key, where)}")


def _keys(file: LoadedFile, key: _Key, where: str) -> str:
    """SQL for the rows of `row_key` for the charges of a file that meet a condition."""
    expression, joins = key(file)
    source = literal(file.file.source)
    return f"SELECT n, {source} AS source, {expression} AS key FROM {file.numbered} AS row {joins} WHERE {where}"


def _raw(every: Sequence[LoadedFile]) -> _Key:
    """The raw cells by name, over all FOCUS columns in any file of the source."""

    def key(file: LoadedFile) -> tuple[str, str]:
        alike = [each for each in every if each.file.source == file.file.source]
        names = {name for each in alike for name in each.names} & COLUMNS.keys()
        if all(names == set(each.names) for each in alike):
            return "hash::UHUGEINT", ""
        cells = (f"{file.expression(name)}" for name in sorted(names))
        return f"hash({', '.join(cells)})::UHUGEINT", ""

    return key


def _canonical(names: Sequence[str]) -> _Key:
    def key(file: LoadedFile) -> tuple[str, str]:
        text, joins = canonical_text(file.columns, names)
        return f"md5_number({text})::UHUGEINT", joins

    return key
