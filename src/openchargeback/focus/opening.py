"""Reads charge files into DuckDB tables of their cells as text, row by row as in the files, marked by conditions.

Small files with the same columns and conditions share a table and are read together, since planning a query takes
longer than reading a small file. Each column c0, c1, … is text, NULL for what means null; `file` is the file's number;
mask0, mask1, … say which conditions of `RowConditions` a row meets. `hash`, of a table with every cell, is equal in
rows with equal cells, if their files have the same columns in any order. The rows of a file are in order by rowid.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass, field, replace
from itertools import islice
from pathlib import Path

import duckdb

from openchargeback.focus import csv_text, decompression, layout, parquet, prefilter
from openchargeback.focus.common_lines import CommonLines
from openchargeback.focus.csv_positions import Record
from openchargeback.focus.database import literals, make_room, sql, unoptimized
from openchargeback.focus.header import names_of
from openchargeback.focus.layout import ByteCounts, Layout
from openchargeback.focus.row_conditions import RowConditions, row_conditions
from openchargeback.focus.sizes import too_large
from openchargeback.focus.tags import TAG_COLUMNS
from openchargeback.focus.versions import read_version
from openchargeback.ledger.files import TOGETHER, ChargeFile
from openchargeback.ledger.settings import Config, Source
from openchargeback.problems import Problem, has_errors

_BLOCK = 10_000
_SMALL = 8 << 20
"""The most bytes of a file that is read together with others."""
_LARGE = 128 << 20
"""The fewest bytes of a file that is read in larger pieces, enough of them for several cores."""
_PLANNED = 32 << 20
"""From how many bytes optimizing the query saves more time, at common parts of conditions, than it takes."""


MakeConditions = Callable[[ChargeFile, Sequence[str], Sequence[str]], RowConditions]
"""Makes the conditions for a file from its labels and the canonical names of its columns; equal ones as one object."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: its number from 0, its cells, and (for text files) its record."""

    number: int
    cells: Sequence[str | None]
    record: Record | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """A table with the rows of one or more files. names: the canonical names of their columns."""

    con: duckdb.DuckDBPyConnection
    name: str
    names: tuple[str, ...]
    conditions: RowConditions

    @property
    def tag_texts(self) -> str:
        """The table of the distinct texts (`text`) of Tags in each `file`, of which there are few."""
        return f"{self.name}_tag_texts"

    @property
    def columns(self) -> dict[str, str]:
        """The columns by canonical name, FOCUS columns and others."""
        return {name: f"c{index}" for index, name in enumerate(self.names)}

    def column(self, name: str) -> str:
        """The column for a canonical name; empty if the files have none."""
        return f"c{self.names.index(name)}" if name in self.names else ""

    def expression(self, name: str) -> str:
        """SQL for the cell of a canonical name; NULL if the files have no such column."""
        return self.column(name) or "NULL::VARCHAR"

    @property
    def tags(self) -> str:
        """SQL for the text that says who pays for a row: its own tags, never those of a shared resource."""
        present = [self.column(name) for name in TAG_COLUMNS if name in self.names]
        return f"coalesce({', '.join(present)})" if len(present) > 1 else next(iter(present), "NULL::VARCHAR")


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A charge file in a table. number: its value of `file` there. start: the rowid of its first row.

    labels: its columns as in the file. header: None for Parquet, whose rows have no lines; its layout is plain.
    common: what it shares with the version that it was read from; None if it was read alone.
    """

    table: RawTable
    number: int
    start: int
    file: ChargeFile
    source: Source
    labels: tuple[str, ...]
    rows: int
    layout: Layout
    header: Record | None
    common: CommonLines | None = None

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The database."""
        return self.table.con

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical names of its columns."""
        return self.table.names

    @property
    def conditions(self) -> RowConditions:
        """What each of its rows is checked for."""
        return self.table.conditions

    @property
    def relation(self) -> str:
        """SQL for its rows: those of the table, with the row's `number` from 0."""
        return f"(SELECT rowid - {self.start} AS number, * FROM {self.table.name} WHERE file = {self.number})"

    @property
    def tag_texts(self) -> str:
        """SQL for the distinct texts (`text`) of its Tags."""
        return f"(SELECT text FROM {self.table.tag_texts} WHERE file = {self.number})"

    @property
    def columns(self) -> dict[str, str]:
        """The table's columns by canonical name, FOCUS columns and others."""
        return self.table.columns

    def column(self, name: str) -> str:
        """The table's column for a canonical name; empty if the file has none."""
        return self.table.column(name)

    def expression(self, name: str) -> str:
        """SQL for the cell of a canonical name; NULL if the file has no such column."""
        return self.table.expression(name)

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


def open_files(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[ChargeFile],
    config: Config,
    *,
    keep: Collection[str] | None,
    versions: Sequence[OpenFile] = (),
    make: MakeConditions | None = None,
    marked: bool = True,
) -> tuple[list[OpenFile], list[Problem]]:
    """Read the rows of files into tables raw_0, raw_1, …; those with problems that prevent it are left out.

    keep: the columns whose cells are kept; None for all. Without any, only the marks and the few cells that checks need
    are kept, which takes little memory whatever the size of the files. versions: files read whole before, perhaps in
    another schema; what a file shares with its version is not read again. make: mark rows by these conditions instead
    of those for billing; then no column is needed. marked: False for files that need not be checked; planning the marks
    takes longer than reading a file.
    """
    whole = keep is None
    make_room(con, sum(file.text_size for file in files))
    known = _Conditions(make, keep or (), marked=marked)
    ready: list[Described] = []
    problems: list[Problem] = []
    for number, file in enumerate(files):
        described, faults = _describe(con, number, file, config.source(file.source), known)
        problems += faults
        ready += [described] if described else []
    opened: list[OpenFile] = []
    for group in _groups(ready):
        found, alone = _read_together(con, f"raw_{group[0].number}", group, whole=whole)
        opened += found
        for each in alone:
            # A group that was read in part keeps its table.
            name = f"raw_{each.number}{'_alone' * bool(found)}"
            one, faults = _read_alone(con, name, each, whole=whole, versions=versions)
            problems += faults
            opened += [one] if one else []
    opened.sort(key=lambda each: each.number)
    for table in tables_of(opened):
        tags = table.column("Tags") or "NULL"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {table.tag_texts} AS "
            f"SELECT DISTINCT file, {tags}::VARCHAR AS text FROM {table.name} WHERE {tags} IS NOT NULL"
        )
    return opened, problems


def tables_of(files: Iterable[OpenFile]) -> list[RawTable]:
    """The tables that these files are in, each once."""
    return list({each.table.name: each.table for each in files}.values())


@dataclass(frozen=True, slots=True)
class Described:
    """A file whose columns are known. relation: SQL for the rows of a Parquet file, which has no header."""

    number: int
    file: ChargeFile
    source: Source
    labels: tuple[str, ...]
    names: tuple[str, ...]
    header: Record | None
    relation: str
    conditions: RowConditions

    def opened(self, table: RawTable, start: int, rows: int, found: Layout) -> OpenFile:
        """The file in a table."""
        return OpenFile(table, self.number, start, self.file, self.source, self.labels, rows, found, self.header)


@dataclass(slots=True)
class _Conditions:
    """The conditions of files; equal ones as one object. make, keep, marked: as for `open_files`."""

    make: MakeConditions | None
    keep: Collection[str]
    _: KW_ONLY
    marked: bool
    _known: dict[object, RowConditions] = field(default_factory=dict)

    def of(self, file: ChargeFile, source: Source, labels: Sequence[str], names: Sequence[str]) -> RowConditions:
        """The conditions of a file with these columns."""
        if self.make:
            return self.make(file, labels, names)
        days = _usual_days(file, names) if file.text_size >= _PLANNED else ()
        key = (*names, source.cost, source.dialect, *sorted(source.severity.items()), days)
        if key not in self._known:
            made = row_conditions(names, source, self.keep, days)
            self._known[key] = made if self.marked else replace(made, sql=())
        return self._known[key]


def _usual_days(file: ChargeFile, names: Sequence[str]) -> tuple[str, ...]:
    """How a text file probably spells most of its dates, by the billing period of its first row."""
    if parquet.is_parquet(file.location) or "BillingPeriodStart" not in names:
        return ()
    try:
        with decompression.text(file.location) as text:
            filled = (record.cells for record in csv_text.records(text) if record.cells)
            cells = next(islice(filled, 1, None), [])
    except decompression.UNREADABLE:
        return ()
    place = names.index("BillingPeriodStart")
    return prefilter.days_like(cells[place]) if place < len(cells) else ()


def _describe(
    con: duckdb.DuckDBPyConnection, number: int, file: ChargeFile, source: Source, known: _Conditions
) -> tuple[Described | None, list[Problem]]:
    """A file with its columns; None with the problems that prevent reading it."""
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
    if known.make:
        # Which columns a file must have is for its conditions to say.
        problems = [each for each in problems if each.code != "missing-label"]
    if has_errors(problems):
        return None, problems
    conditions = known.of(file, source, labels, names)
    return Described(number, file, source, tuple(labels), tuple(names), header, relation, conditions), problems


def _groups(files: Sequence[Described]) -> list[list[Described]]:
    """Files that can be read together: small ones with the same columns and conditions."""
    groups: list[list[Described]] = []
    current: dict[int, list[Described]] = {}
    for each in files:
        group = current.get(id(each.conditions), [])
        if each.header is None or each.file.text_size > _SMALL:
            groups.append([each])
        elif group and sum(other.file.text_size for other in group) + each.file.text_size <= TOGETHER:
            group.append(each)
        else:
            current[id(each.conditions)] = [each]
            groups.append(current[id(each.conditions)])
    return groups


def _read_together(
    con: duckdb.DuckDBPyConnection, name: str, group: Sequence[Described], *, whole: bool
) -> tuple[list[OpenFile], Sequence[Described]]:
    """Read files into one table. Also returns those about which there is any doubt; they must be read alone."""
    if len(group) == 1:
        return [], group
    size = sum(each.file.text_size for each in group)
    target = _Target(con, RawTable(con, name, group[0].names, group[0].conditions), whole, size)
    paths = [each.file.location for each in group]
    numbers, places = [each.number for each in group], literals(map(str, paths))
    # DuckDB runs outside Python's lock, so the bytes are counted at the same time.
    with ThreadPoolExecutor(max_workers=1) as beside:
        looking = [beside.submit(layout.count_bytes, path) for path in paths]
        relation = csv_text.relation(paths, target.width)
        _, error = target.fill(relation, f"{numbers}[list_position([{places}], filename)]")
    if error is not None:
        return [], group
    found = target.counts()
    opened, doubtful = [], []
    for each, look in zip(group, looking, strict=True):
        start, rows, *open_rows = found.get(each.number, (0, 0, 0, 0))
        counted = _counted(look)
        if counted and not counted.conflict and counted.agrees_with(rows, target.width, *open_rows):
            opened.append(each.opened(target.table, start, rows, Layout()))
        else:
            doubtful.append(each)
    return opened, doubtful


def _counted(look: Future[ByteCounts]) -> ByteCounts | None:
    try:
        return look.result()
    except decompression.UNREADABLE:
        return None


def _read_alone(
    con: duckdb.DuckDBPyConnection, name: str, each: Described, *, whole: bool, versions: Sequence[OpenFile] = ()
) -> tuple[OpenFile | None, list[Problem]]:
    def read(part: str, text: Path) -> OpenFile | None:
        one, faults = _read_alone(con, part, replace(each, file=replace(each.file, location=text)), whole=whole)
        return None if faults else one

    version = read_version(name, each, versions, read)
    if version is not None:
        return version, []
    target = _Target(con, RawTable(con, name, each.names, each.conditions), whole, each.file.text_size)
    reading = _Reading(target, each.file, each.number)
    rows, found, problems = reading.csv() if each.header else reading.parquet(each.relation)
    return (each.opened(target.table, 0, rows, found) if found is not None else None), problems


@dataclass(frozen=True, slots=True)
class _Target:
    """The table that rows go into. size: how many bytes of text they have."""

    con: duckdb.DuckDBPyConnection
    table: RawTable
    whole: bool
    size: int

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.table.names)

    def fill(self, relation: str, file: str) -> tuple[int, duckdb.Error | None]:
        """Create the table from a relation with columns c0, c1, …; returns its row count, or DuckDB's error.

        file: SQL for the number of a row's file.
        """
        conditions = self.table.conditions
        kept = self._cells() if self.whole else list(conditions.kept)
        marks = [f"({mask}) AS mask{number}" for number, mask in enumerate(prefilter.masks(conditions.sql))]
        marks += [f"{layout.commas_where_open(self.width)} AS commas", f"({file})::INTEGER AS file"]
        self.con.execute(f"DROP TABLE IF EXISTS {self.table.name}")
        try:
            with unoptimized(self.con) if self.size < _PLANNED else nullcontext():
                made = self.con.execute(
                    f"CREATE TABLE {self.table.name} AS SELECT {', '.join([*kept, *marks])} "
                    f"FROM (SELECT *, {conditions.named} FROM {relation})"
                ).fetchone()
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            return 0, error
        return (int(made[0]) if made else 0), None

    def _cells(self) -> list[str]:
        """SQL for every cell, and for their hash."""
        columns = self.table.columns
        return [*columns.values(), f"hash({', '.join(columns[name] for name in sorted(columns))}) AS hash"]

    def counts(self) -> dict[int, tuple[int, ...]]:
        """By file: the first rowid, the number of rows, how many end in a null cell, and the commas in their cells."""
        query = (
            "SELECT file, min(rowid), count(*), count(commas), coalesce(sum(commas), 0)::BIGINT "
            f"FROM {self.table.name} GROUP BY file"
        )
        return {file: tuple(rest) for file, *rest in self.con.execute(query).fetchall()}


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads one file into a table: the number of rows and their layout, or None with the problems that prevent it."""

    target: _Target
    file: ChargeFile
    number: int

    def parquet(self, relation: str) -> tuple[int, Layout | None, list[Problem]]:
        rows, error = self._fill(relation)
        if error is None:
            return rows, Layout(), []
        path = self.file.location
        try:
            found = parquet.no_utf_8(self.target.con, path, self.file.path)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            found = []
        return 0, None, found or [parquet.broken(path, self.file.path, error)]

    def csv(self) -> tuple[int, Layout | None, list[Problem]]:
        """Read rows as text. Python surveys what DuckDB rejects or may have read differently."""
        path, relative, width = self.file.location, self.file.path, self.target.width
        with ThreadPoolExecutor(max_workers=1) as beside:
            looking = beside.submit(layout.count_bytes, path)
            rows, error = self._fill(csv_text.relation([path], width, large=self.file.text_size >= _LARGE))
        refused = error is not None
        found = _counted(looking)
        if found is None:
            refused = True
        elif found.conflict:
            return 0, None, [layout.conflict_left(path, relative)]
        else:
            open_rows = self.target.counts().get(self.number, (0, 0, 0, 0))[2:] if not refused else ()
            if open_rows and found.agrees_with(rows, width, *open_rows):
                return rows, Layout(), []
            refused = refused or found.strange
        surveyed, problems = layout.survey(path, relative, width)
        if surveyed is None or (not refused and len(surveyed.lines) == rows and not surveyed.uneven):
            return rows, surveyed, problems
        rows, faults = self._even(len(surveyed.lines))
        # A survey without lines would mean that every line is a row.
        return rows, None if faults else surveyed, [*problems, *faults]

    def _even(self, expected: int) -> tuple[int, list[Problem]]:
        """Read a copy of the file in which each row has as many cells as the header."""
        with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
            copy = Path(folder) / "even.csv"
            layout.write_even(self.file.location, copy, self.target.width)
            rows, error = self._fill(csv_text.relation([copy], self.target.width, max_line=csv_text.MAX_LINE))
        if error is not None:
            message = f"not readable as CSV: {str(error).splitlines()[0][:200]}"
            return 0, [Problem(self.file.path, "source-error", message, "export the file again")]
        if rows != expected:
            message = f"ambiguous CSV: read as {rows:,} rows and as {expected:,}"
            fix = "export the file again, with every text quoted"
            return 0, [Problem(self.file.path, "source-error", message, fix)]
        return rows, []

    def _fill(self, relation: str) -> tuple[int, duckdb.Error | None]:
        return self.target.fill(relation, str(self.number))
