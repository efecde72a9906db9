"""Reads a charge file into a DuckDB table of its cells as text, row by row as in the file, marked by conditions.

Each column c0, c1, … of the file is text, NULL for what means null; rowid is the row's number from 0. mask0, mask1, …
say which conditions of the file's `RowConditions` a row meets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from openchargeback.focus import csv_text, decompression, layout, parquet, prefilter
from openchargeback.focus.csv_positions import Record
from openchargeback.focus.database import sql
from openchargeback.focus.header import names_of
from openchargeback.focus.layout import Layout
from openchargeback.focus.row_conditions import RowConditions, row_conditions
from openchargeback.focus.sizes import too_large
from openchargeback.focus.tags import TAG_COLUMNS
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Source
from openchargeback.problems import Problem, has_errors

_BLOCK = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: its number from 0, its cells, and (for text files) its record."""

    number: int
    cells: Sequence[str | None]
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A charge file in the table `table` of a database.

    names, labels: its columns, by canonical name and as in the file. header: None for Parquet, whose rows have no
    lines; its layout is plain.
    """

    con: duckdb.DuckDBPyConnection
    table: str
    file: ChargeFile
    source: Source
    names: tuple[str, ...]
    labels: tuple[str, ...]
    conditions: RowConditions
    rows: int
    layout: Layout
    header: Record | None

    @property
    def tag_texts(self) -> str:
        """The table of the distinct texts (`text`) of its Tags, of which there are few, so each is checked once."""
        return f"{self.table}_tag_texts"

    @property
    def columns(self) -> dict[str, str]:
        """The table's columns by canonical name, FOCUS columns and others."""
        return {name: f"c{index}" for index, name in enumerate(self.names)}

    def column(self, name: str) -> str:
        """The table's column for a canonical name; empty if the file has none."""
        return f"c{self.names.index(name)}" if name in self.names else ""

    def expression(self, name: str) -> str:
        """SQL for the cell of a canonical name; NULL if the file has no such column."""
        return self.column(name) or "NULL::VARCHAR"

    @property
    def tags(self) -> str:
        """SQL for the text that says who pays for a row: its own tags, never those of a shared resource."""
        present = [self.column(name) for name in TAG_COLUMNS if name in self.names]
        return f"coalesce({', '.join(present)})" if len(present) > 1 else next(iter(present), "NULL::VARCHAR")

    def picked_rows(self, wanted: Sequence[int]) -> Iterator[Row]:
        """Some rows as in the file, ascending."""
        if self.header is None:
            picked = parquet.picked_rows(self.con, self.file.location, wanted) if wanted else ()
            return (Row(number, cells) for number, cells in picked)
        records = layout.picked_rows(self.file.location, self.layout, wanted)
        return (Row(number, record.cells, record) for number, record in records)

    def all_rows(self) -> Iterator[Row]:
        """Every row as in the file."""
        if self.header is None:
            for start in range(0, self.rows, _BLOCK):
                yield from self.picked_rows(range(start, min(start + _BLOCK, self.rows)))
            return
        for number, record in layout.all_rows(self.file.location):
            yield Row(number, record.cells, record)


def make_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Create the macros that conditions use."""
    for name in ("macros.sql", "rules.sql"):
        con.execute(sql(__package__, name))


def open_file(
    con: duckdb.DuckDBPyConnection, table: str, file: ChargeFile, source: Source, *, whole: bool
) -> tuple[OpenFile | None, list[Problem]]:
    """Read a file's rows into a table; None with the problems that prevent it.

    whole: keep every cell; otherwise only the marks and the few cells that later checks need, which takes little memory
    whatever the size of the file.
    """
    unfit = csv_text.stored_elsewhere(file.location, file.path) or too_large(con, file)
    if unfit:
        return None, [unfit]
    header, relation = None, ""
    if parquet.is_parquet(file.location):
        try:
            labels, relation = parquet.text_relation(con, file.location)
        except duckdb.Error as error:
            return None, [parquet.broken(file.location, file.path, error)]
    else:
        header, problems = csv_text.read_header(file.location, file.path)
        if header is None:
            return None, problems
        labels = header.cells
    names, problems = names_of(labels, file.path, header, source.cost)
    if has_errors(problems):
        return None, problems
    target = _Target(con, table, file, row_conditions(names, source), whole)
    rows, found, faults = target.read_csv() if header else target.read_parquet(relation)
    problems += faults
    if found is None:
        return None, problems
    opened = OpenFile(con, table, file, source, tuple(names), tuple(labels), target.conditions, rows, found, header)
    tags = opened.column("Tags") or "NULL"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {opened.tag_texts} AS "
        f"SELECT DISTINCT {tags}::VARCHAR AS text FROM {table} WHERE {tags} IS NOT NULL"
    )
    return opened, problems


@dataclass(frozen=True, slots=True)
class _Target:
    """The table that the rows of a file go into.

    Reading returns the number of rows and their layout, or None with the problems that prevent it.
    """

    con: duckdb.DuckDBPyConnection
    table: str
    file: ChargeFile
    conditions: RowConditions
    whole: bool

    @property
    def columns(self) -> int:
        return len(self.conditions.fields)

    def read_parquet(self, relation: str) -> tuple[int, Layout | None, list[Problem]]:
        rows, error = self._fill(relation)
        if error is None:
            return rows, Layout(), []
        path = self.file.location
        try:
            found = parquet.no_utf_8(self.con, path, self.file.path)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            found = []
        return 0, None, found or [parquet.broken(path, self.file.path, error)]

    def read_csv(self) -> tuple[int, Layout | None, list[Problem]]:
        """Read rows as text. Python surveys what DuckDB rejects or may have read differently."""
        path, relative = self.file.location, self.file.path
        # DuckDB runs outside Python's lock, so the bytes are counted at the same time.
        with ThreadPoolExecutor(max_workers=1) as beside:
            looking = beside.submit(layout.count_bytes, path)
            rows, error = self._fill(csv_text.relation(path, self.columns))
        refused = error is not None
        try:
            found = looking.result()
        except decompression.UNREADABLE:
            refused = True
        else:
            if found.conflict:
                return 0, None, [layout.conflict_left(path, relative)]
            if not refused and found.agrees_with(rows, self.columns, *self._open_rows()):
                return rows, Layout(), []
            refused = refused or found.strange
        surveyed, problems = layout.survey(path, relative, self.columns)
        if surveyed is None or (not refused and len(surveyed.lines) == rows and not surveyed.uneven):
            return rows, surveyed, problems
        rows, faults = self._read_even(len(surveyed.lines))
        # A survey without lines would mean that every line is a row.
        return rows, None if faults else surveyed, [*problems, *faults]

    def _read_even(self, expected: int) -> tuple[int, list[Problem]]:
        """Read a copy of the file in which each row has as many cells as the header."""
        with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
            copy = Path(folder) / "even.csv"
            layout.write_even(self.file.location, copy, self.columns)
            rows, error = self._fill(csv_text.relation(copy, self.columns, max_line=csv_text.MAX_LINE))
        if error is not None:
            message = f"not readable as CSV: {str(error).splitlines()[0][:200]}"
            return 0, [Problem(self.file.path, "source-error", message, "export the file again")]
        if rows != expected:
            message = f"ambiguous CSV: read as {rows:,} rows and as {expected:,}"
            fix = "export the file again, with every text quoted"
            return 0, [Problem(self.file.path, "source-error", message, fix)]
        return rows, []

    def _fill(self, relation: str) -> tuple[int, duckdb.Error | None]:
        """Create the table from a relation with columns c0, c1, …; returns its row count, or DuckDB's error."""
        kept = [f"c{index}" for index in range(self.columns)] if self.whole else list(self.conditions.kept)
        marks = [f"({mask}) AS mask{number}" for number, mask in enumerate(prefilter.masks(self.conditions.sql))]
        marks.append(f"{layout.commas_where_open(self.columns)} AS commas")
        self.con.execute(f"DROP TABLE IF EXISTS {self.table}")
        try:
            made = self.con.execute(
                f"CREATE TABLE {self.table} AS SELECT {', '.join([*kept, *marks])} "
                f"FROM (SELECT *, {self.conditions.named} FROM {relation})"
            ).fetchone()
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            return 0, error
        return (int(made[0]) if made else 0), None

    def _open_rows(self) -> tuple[int, int]:
        """How many rows end in a null cell, and how many commas their cells contain."""
        query = f"SELECT count(commas), coalesce(sum(commas), 0)::BIGINT FROM {self.table}"
        return self.con.execute(query).fetchone() or (0, 0)
