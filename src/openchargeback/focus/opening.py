"""A charge file into a DuckDB table of its cells as text, row by row as it stands, with the marks of the sieve.

Each column c0, c1, … of the file is text, NULL for what means null; rowid is the row's number from 0. mask0, mask1, …
say which conditions of the `Screen` a row meets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from openchargeback.focus import csv_text, parquet, prefilter
from openchargeback.focus.csv_positions import Record
from openchargeback.focus.database import file_literal, literal, sql
from openchargeback.focus.header import names_of
from openchargeback.focus.layout import MISSING, Bytes, Layout, conflict_left, look_through, survey, write_even
from openchargeback.focus.row_conditions import TAG_TEXT, Screen, screen_of
from openchargeback.focus.sizes import too_large
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Source
from openchargeback.problems import Problem, has_errors


@dataclass(frozen=True, slots=True)
class Opened:
    """A charge file in the table `table`: its columns by canonical name, in order, and how its rows lie.

    layout, header: None for Parquet, whose rows have no lines.
    """

    file: ChargeFile
    table: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    screen: Screen
    rows: int
    layout: Layout | None
    header: Record | None = None

    def column(self, name: str) -> str:
        """The table's column with the cells of a canonical name, empty where the file has none."""
        return f"c{self.names.index(name)}" if name in self.names else ""


def make_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Give a connection the macros that conditions are written in."""
    for name in ("macros.sql", "rules.sql"):
        con.execute(sql(__package__, name))


def open_file(
    con: duckdb.DuckDBPyConnection, table: str, file: ChargeFile, source: Source, *, whole: bool
) -> tuple[Opened | None, list[Problem]]:
    """Read a file's rows into a table; None with the problems that prevent it.

    whole: keep every cell; otherwise only the marks and the few cells that checks look at afterwards, which takes
    little memory whatever the size of the file.
    """
    absent = csv_text.stored_elsewhere(file.location, file.path) or too_large(con, file)
    if absent:
        return None, [absent]
    if parquet.is_parquet(file.location):
        return _open_parquet(con, table, file, source, whole=whole)
    header, problems = csv_text.read_header(file.location, file.path)
    if header is None:
        return None, problems
    names, problems = names_of(header.cells, file.path, header, source.cost)
    if has_errors(problems):
        return None, problems
    screen = screen_of(names, source)
    rows, layout, faults = _read_rows(con, table, file, screen, whole=whole)
    problems += faults
    if layout is None:
        return None, problems
    opened = Opened(file, table, tuple(names), tuple(header.cells), screen, rows, layout, header)
    _list_tags(con, opened)
    return opened, problems


def _open_parquet(
    con: duckdb.DuckDBPyConnection, table: str, file: ChargeFile, source: Source, *, whole: bool
) -> tuple[Opened | None, list[Problem]]:
    try:
        labels, cells = parquet.columns(con, file.location)
    except duckdb.Error as error:
        return None, [parquet.broken(file.location, file.path, error)]
    names, problems = names_of(labels, file.path, None, source.cost)
    if has_errors(problems):
        return None, problems
    screen = screen_of(names, source)
    relation = f"(SELECT {', '.join(cells)} FROM {parquet.relation(file.location)})"
    try:
        rows = _create(con, table, relation, screen, whole=whole)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        return None, [*problems, *_unreadable_parquet(con, file, error)]
    opened = Opened(file, table, tuple(names), tuple(labels), screen, rows, None)
    _list_tags(con, opened)
    return opened, problems


def _unreadable_parquet(con: duckdb.DuckDBPyConnection, file: ChargeFile, error: duckdb.Error) -> list[Problem]:
    """Why DuckDB does not read the rows of a Parquet file whose columns it knows."""
    try:
        found = parquet.no_utf_8(con, file.location, file.path)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        found = []
    return found or [parquet.broken(file.location, file.path, error)]


def _list_tags(con: duckdb.DuckDBPyConnection, opened: Opened) -> None:
    column = opened.column("Tags") or "NULL"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {TAG_TEXT} AS "
        f"SELECT DISTINCT {column}::VARCHAR AS text FROM {opened.table} WHERE {column} IS NOT NULL"
    )


def _read_rows(
    con: duckdb.DuckDBPyConnection, table: str, file: ChargeFile, screen: Screen, *, whole: bool
) -> tuple[int, Layout | None, list[Problem]]:
    """Read a file's rows as text. What DuckDB refuses, or may have read otherwise than it stands, Python surveys."""
    columns = len(screen.names)
    # DuckDB works outside of Python's lock, so the bytes are looked through meanwhile.
    with ThreadPoolExecutor(max_workers=1) as beside:
        looking = beside.submit(look_through, file.location)
        try:
            rows = _create(con, table, csv_relation(file.location, columns), screen, whole=whole)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            rows = -1
    try:
        found = looking.result()
    except csv_text.UNREADABLE:
        rows = -1
    else:
        if found.conflict:
            return 0, None, [conflict_left(file.location, file.path)]
        if rows >= 0 and _is_plain(con, table, found, rows, columns):
            return rows, Layout(), []
        rows = -1 if found.strange else rows
    layout, problems = survey(file.location, file.path, columns)
    if layout is None or (len(layout.lines) == rows and not layout.uneven):
        return rows, layout, problems
    return _read_even(con, table, file, screen, layout, problems, whole=whole)


def _read_even(
    con: duckdb.DuckDBPyConnection,
    table: str,
    file: ChargeFile,
    screen: Screen,
    layout: Layout,
    problems: list[Problem],
    *,
    whole: bool,
) -> tuple[int, Layout | None, list[Problem]]:
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        copy = Path(folder) / "even.csv"
        write_even(file.location, copy, len(screen.names))
        try:
            relation = csv_relation(copy, len(screen.names), max_line=csv_text.MAX_LINE)
            rows = _create(con, table, relation, screen, whole=whole)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            reason = str(error).splitlines()[0][:200]
            fault = Problem(file.path, "source-error", f"not readable as CSV: {reason}", "export the file again")
            return 0, None, [*problems, fault]
    if rows != len(layout.lines):
        message = f"read as {rows:,} rows and as {len(layout.lines):,}"
        fault = Problem(file.path, "source-error", message, "export the file again, with every text quoted")
        return 0, None, [*problems, fault]
    # A survey without lines would mean that every line is a row.
    return rows, layout, problems


def csv_relation(path: Path, columns: int, max_line: int = 0, nulls: Sequence[str] = MISSING) -> str:
    """SQL that reads a CSV file as text, `nulls` as null.

    `columns` and `auto_detect=false`: nothing is guessed from a sample.
    """
    types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(columns))
    size = f", max_line_size={max_line}, buffer_size={2 * max_line}" if max_line else ""
    missing = ", ".join(literal(text) for text in nulls)
    return (
        f"read_csv({file_literal(path)}, auto_detect=false, header=true, columns={{{types}}}, delim=',', quote='\"', "
        f"escape='\"', strict_mode=true, nullstr=[{missing}]{size})"
    )


def _create(con: duckdb.DuckDBPyConnection, table: str, relation: str, screen: Screen, *, whole: bool) -> int:
    kept = [f"c{index}" for index in range(len(screen.names))] if whole else list(screen.kept)
    marks = [f"({mask}) AS mask{number}" for number, mask in enumerate(prefilter.masks(screen.conditions))]
    marks.append(f"{_commas(len(screen.names))} AS commas")
    con.execute(f"DROP TABLE IF EXISTS {table}")
    result = con.execute(
        f"CREATE TABLE {table} AS SELECT {', '.join([*kept, *marks])} FROM (SELECT *, {screen.named} FROM {relation})"
    ).fetchone()
    return int(result[0]) if result else 0


def _commas(columns: int) -> str:
    """SQL of the commas within the cells of a row whose last cell is null; null for any other row.

    Every column is named, also where it is never looked at: DuckDB passes over rows with too few cells where it need
    not read all columns.
    """
    every = f"concat({', '.join(f'c{index}' for index in range(columns))})"
    return f"CASE WHEN c{columns - 1} IS NULL THEN strlen({every}) - strlen(replace({every}, ',', '')) END"


def _is_plain(con: duckdb.DuckDBPyConnection, table: str, found: Bytes, rows: int, columns: int) -> bool:
    """Whether each physical line is one row, and no row has a null cell too many (DuckDB passes over both).

    Lines that end in a null cell must be the rows whose last cell is null, and have the commas of just their cells.
    """
    if found.lines != rows + 1 or found.strange:
        return False
    query = f"SELECT count(commas), coalesce(sum(commas), 0) + count(commas) * {columns - 1} FROM {table}"
    return con.execute(query).fetchone() == (found.open_lines, found.commas)


def picked_cells(
    con: duckdb.DuckDBPyConnection, opened: Opened, wanted: Sequence[int]
) -> list[tuple[int, tuple[str | None, ...]]]:
    """Rows of a Parquet file by number, ascending, with their cells as text."""
    labels, cells = parquet.columns(con, opened.file.location)
    numbered = f"SELECT {parquet.row_number(labels)} AS n, {', '.join(cells)}"
    rows = con.execute(
        f"FROM ({numbered} FROM {parquet.relation(opened.file.location)}) WHERE list_contains($wanted, n) ORDER BY n",
        {"wanted": list(wanted)},
    ).fetchall()
    return [(row[0], tuple(row[1:])) for row in rows]
