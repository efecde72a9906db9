"""The charge files in a database, and the numbers of their charges across all of them.

The view `rows_<k>` has the cells of a table of files with the n, file, period, source and key_set of each charge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from openchargeback.focus.database import insert, literal, sql
from openchargeback.focus.opening import OpenFile, RawTable, tables_of
from openchargeback.focus.schema import SIMPLE
from openchargeback.focus.tags import key_sets
from openchargeback.ledger.settings import Config
from openchargeback.model import field_values


@dataclass(frozen=True, slots=True)
class SharedRows:
    """Consecutive charges of another version of a file that the file (by its number) shares.

    first: the n of the first one there. shift: what must be added to an n there for the n in this file.
    """

    file: int
    first: int
    rows: int
    shift: int

    def has(self, n: str) -> str:
        """SQL for whether a charge of the other version, by its n, is one of them."""
        return f"({n} >= {self.first} AND {n} < {self.first + self.rows})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFile(OpenFile):
    """An open file. first: the n of its first charge."""

    first: int

    @property
    def apart(self) -> range:
        """The rows, from 0, that it does not share with the version that it was read from; all if it was read alone."""
        if self.common is None:
            return range(self.rows)
        if self.common.whole:
            return range(self.rows, self.rows)
        return range(self.common.start_lines - 1, self.rows - self.common.end_lines)

    def shared(self, version: LoadedFile) -> Iterator[SharedRows]:
        """The charges that it shares with the version that it was read from, in order."""
        start, stop = self.apart.start, self.apart.stop
        yield SharedRows(self.number, version.first, start, self.first - version.first)
        after = version.first + version.rows - (self.rows - stop)
        yield SharedRows(self.number, after, self.rows - stop, self.first + stop - after)

    @property
    def is_apart(self) -> str:
        """SQL for whether the charge with a number `n` is on one of these rows."""
        return f"(n >= {self.first + self.apart.start} AND n < {self.first + self.apart.stop})"

    @property
    def numbered(self) -> str:
        """SQL for its cells, with the n of each charge."""
        return f"(SELECT rowid + {self.first - self.start} AS n, * FROM {self.table.name} WHERE file = {self.number})"


@dataclass(frozen=True, slots=True, eq=False)
class LoadedTable(RawTable):
    """Files with the same columns in the view `numbered`: their cells with n, file, period, source and key_set."""

    numbered: str
    files: tuple[LoadedFile, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Charge files in a database. faulty: the months that lack a file because of errors."""

    tables: Sequence[LoadedTable] = ()
    faulty: frozenset[str] = field(default_factory=frozenset)

    @property
    def files(self) -> list[LoadedFile]:
        """All files, in order."""
        return sorted((file for table in self.tables for file in table.files), key=lambda each: each.number)

    def versions(self, schema: str) -> list[LoadedFile]:
        """All files as they are called from other schemas than their own."""
        return [replace(file, table=replace(file.table, name=f"{schema}.{file.table.name}")) for file in self.files]

    @property
    def columns(self) -> set[str]:
        """The canonical names of the columns that any file has."""
        return {name for table in self.tables for name in table.names}


LoadedRows = LoadedTable | LoadedFile
"""Cells of charges with their n, in `numbered`."""


def number_rows(con: duckdb.DuckDBPyConnection, opened: Sequence[OpenFile], config: Config) -> list[LoadedTable]:
    """Number the charges of these files in order: creates `charge`, `charge_file` and the views."""
    con.execute(sql(__package__, "tables.sql"))
    first, files = 0, []
    for each in opened:
        files.append(LoadedFile(**field_values(each), first=first))
        first += each.rows
    sets = key_sets(config)[1]
    rows, tables = [], []
    for part, table in enumerate(tables_of(files)):
        inside = tuple(each for each in files if each.table is table)
        for each in inside:
            place = each.file.period, each.file.source, each.file.path
            keys = sets.get(each.file.source, 0), each.conditions.dialect == SIMPLE
            rows.append((each.number, part, *place, each.first, each.first - each.start, *keys))
        con.execute(f"CREATE VIEW rows_{part} AS {_numbered(part, table, inside, sets)}")
        tables.append(LoadedTable(**field_values(table), numbered=f"rows_{part}", files=inside))
    insert(con, "charge_file", rows)
    return tables


def _numbered(part: int, table: RawTable, files: Sequence[LoadedFile], sets: Mapping[str, int]) -> str:
    """SQL for the rows of a table with what `charge_file` says about them; for a single file, that is constant."""
    if len(files) == 1:
        (one,) = files
        keys = sets.get(one.file.source, 0)
        named = f"{literal(one.file.period)} AS period, {literal(one.file.source)} AS source, {keys} AS key_set"
        return f"SELECT n, {named}, * EXCLUDE (n) FROM {one.numbered}"
    return (
        f"SELECT raw.rowid + shift AS n, period, source, key_set, raw.* FROM {table.name} AS raw "
        f"JOIN charge_file ON charge_file.file = raw.file AND charge_file.part = {part}"
    )
