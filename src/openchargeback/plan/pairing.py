"""Pair the charges of the base with those of the head (`pairing.sql`).

Charges have no key, so they are paired by content. Files with the same content are paired row by row, whatever their
names. The rest is paired by the raw cells, then by the canonical text of the FOCUS columns, and finally without costs,
prices and quantities: a charge that differs only in those is the same charge.

Tables created:
    pair  one row per charge that both revisions have (base, head)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb

from openchargeback.focus.columns import COLUMNS
from openchargeback.focus.database import count, literal, sql
from openchargeback.focus.loaded import Loaded, LoadedFile
from openchargeback.ledger.files import digest_of
from openchargeback.review.ids import canonical_tags, canonical_text

_CONTENT = [name for name, kind in COLUMNS.items() if kind != "decimal"]
"""FOCUS columns without costs, prices and quantities, which are its decimal columns."""

_UNPAIRED = "SELECT count(*) FROM {side}.row_key WHERE n NOT IN (SELECT {side} FROM pair)"

_Key = Callable[[LoadedFile], tuple[str, str]]
"""Returns SQL for the pairing key of charges, and the joins it needs; the file's table is called `row`."""


def pair_charges(con: duckdb.DuckDBPyConnection, base: Loaded, head: Loaded) -> None:
    """Pair the charges of the schemas `base` and `head`; creates `pair` in the current schema, which is neither."""
    con.execute("CREATE TABLE pair (base BIGINT, head BIGINT)")
    same = _same_files(base.files, head.files)
    for old, new in same:
        con.execute(
            "INSERT INTO pair SELECT $old + i, $new + i FROM range($rows) AS every(i)",
            {"old": old.first, "new": new.first, "rows": min(old.rows, new.rows)},
        )
    old_rest = [file for file in base.files if file not in [old for old, _ in same]]
    new_rest = [file for file in head.files if file not in [new for _, new in same]]
    both = {file.file.source for file in old_rest} & {file.file.source for file in new_rest}
    old_rest = [file for file in old_rest if file.file.source in both]
    new_rest = [file for file in new_rest if file.file.source in both]
    if not both:
        return
    place = con.execute("SELECT current_schema()").fetchall()[0][0]
    for key in (_raw(old_rest + new_rest), _canonical(list(COLUMNS)), _canonical(_CONTENT)):
        for name, files in (("base", old_rest), ("head", new_rest)):
            con.execute(f"USE {name}")
            _keys(con, files, key, f"SELECT {name} FROM {place}.pair")
        con.execute(f"USE {place}")
        con.execute(sql(__package__, "pairing.sql"))
        if not all(count(con, _UNPAIRED.format(side=side)) for side in ("base", "head")):
            return


def _same_files(base: Sequence[LoadedFile], head: Sequence[LoadedFile]) -> list[tuple[LoadedFile, LoadedFile]]:
    """Pairs of files of one source with the same bytes, each used at most once."""
    known: dict[tuple[str, str], list[LoadedFile]] = {}
    for file in head:
        known.setdefault((file.file.source, digest_of(file.file.location)), []).append(file)
    result = []
    for file in base:
        others = known.get((file.file.source, digest_of(file.file.location)))
        if others:
            result.append((file, others.pop(0)))
    return result


def _keys(con: duckdb.DuckDBPyConnection, files: Sequence[LoadedFile], key: _Key, paired: str) -> None:
    """Fill `row_key` of the current schema with the keys of the charges that are not paired yet."""
    con.execute("CREATE OR REPLACE TABLE row_key (n BIGINT, source VARCHAR, key UHUGEINT)")
    canonical_tags(con, files)
    for file in files:
        expression, joins = key(file)
        con.execute(
            f"INSERT INTO row_key SELECT n, {literal(file.file.source)}, {expression} "
            f"FROM {file.numbered} AS row {joins} WHERE n NOT IN ({paired})"
        )


def _raw(every: Sequence[LoadedFile]) -> _Key:
    """The raw cells by name, over all FOCUS columns in any file of the source."""

    def key(file: LoadedFile) -> tuple[str, str]:
        names = {name for each in every if each.file.source == file.file.source for name in each.columns}
        cells = (f"{file.expression(name)}" for name in sorted(names & COLUMNS.keys()))
        return f"hash({', '.join(cells)})::UHUGEINT", ""

    return key


def _canonical(names: Sequence[str]) -> _Key:
    def key(file: LoadedFile) -> tuple[str, str]:
        text, joins = canonical_text(file, names)
        return f"md5_number({text})::UHUGEINT", joins

    return key
