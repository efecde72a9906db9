"""Charge files into the table `charge`: every row is read, or its file is refused with the places of its faults.

What stands in the database after `load`:
    raw_<file>  the cells of one file as text, in its order (rowid is the row's number from 0)
    tag         the distinct texts of Tags with what they say about the payer (`tags.sql`)
    charge      one row a charge of the period (`charges.sql`)
    cell        view: one row a charge, with any FOCUS column as text, for stages that look at few of them
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from openchargeback import money
from openchargeback.focus import csv_text
from openchargeback.focus.columns import CATEGORIES, COLUMNS, canonical_name, dialect_of
from openchargeback.focus.csv_text import MAX_PLACES, Header, Place
from openchargeback.focus.database import count as _count
from openchargeback.focus.database import identifier, insert, literal, sql
from openchargeback.focus.tags import FIELDS, read_tags
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Config
from openchargeback.problems import Problem, Severity, has_errors

_NEEDED = (
    "BillingPeriodStart",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "ListCost",
    "ServiceName",
    "Tags",
)
_CATEGORIES = [word.lower() for word in CATEGORIES]
_MAX_LINE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A charge file in the database.

    columns: canonical name → column of `raw_<number>`, for FOCUS columns and others alike.
    order: canonical names in the order of the file. first: the n of its first charge; rows: how many there are.
    """

    number: int
    file: ChargeFile
    columns: dict[str, str]
    order: tuple[str, ...]
    first: int
    rows: int
    dialect: str

    @property
    def table(self) -> str:
        """The table with the file's cells."""
        return f"raw_{self.number}"

    def expression(self, name: str) -> str:
        """SQL for the cell of a column, NULL where the file has no such column."""
        column = self.columns.get(name)
        return column or "NULL::VARCHAR"


def load(
    con: duckdb.DuckDBPyConnection, files: Sequence[ChargeFile], config: Config
) -> tuple[list[LoadedFile], list[Problem]]:
    """Read all charge files of one period. With any error among the problems the tables are not to be used."""
    con.execute(sql(__package__, "macros.sql"))
    con.execute(
        "CREATE TABLE charge (n BIGINT, file INTEGER, source VARCHAR, period_start TIMESTAMP, cost DECIMAL(38, 18), "
        "list DECIMAL(38, 18), currency VARCHAR, category VARCHAR, kind VARCHAR, service VARCHAR, tag BIGINT)"
    )
    loaded: list[LoadedFile] = []
    problems: list[Problem] = []
    first = 0
    for number, file in enumerate(files):
        result, faults = _read_file(con, number, first, file, config)
        problems += faults
        if result:
            loaded.append(result)
            first += result.rows
    problems += _read_tags(con, loaded, config)
    for result in loaded:
        problems += _insert(con, result, config)
    _create_cells(con, loaded)
    return loaded, problems


def _read_file(
    con: duckdb.DuckDBPyConnection, number: int, first: int, file: ChargeFile, config: Config
) -> tuple[LoadedFile | None, list[Problem]]:
    header, problems = csv_text.read_header(file.location, file.path)
    if header is None:
        return None, problems
    names, problems = _names(header, file.path, config.source(file.source).cost)
    if has_errors(problems):
        return None, problems
    rows, faults = _read_rows(con, f"raw_{number}", file, len(names))
    problems += faults
    if has_errors(faults):
        return None, problems
    columns = {name: f"c{index}" for index, name in enumerate(names)}
    return LoadedFile(number, file, columns, tuple(names), first, rows, dialect_of(names)), problems


def _read_tags(con: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile], config: Config) -> list[Problem]:
    """Fill `tag`; a word for each file whose tags were read with tolerance."""
    keys = {name: getattr(config.tags, name) for name in FIELDS}
    texts = [f"SELECT {file.expression('Tags')} AS Tags FROM {file.table}" for file in loaded]
    con.execute(
        sql(__package__, "tags.sql", texts=" UNION ALL ".join(texts) or "SELECT NULL::VARCHAR AS Tags"),
        {
            "paths": ["/" + key.replace("~", "~0").replace("/", "~1") for key in keys.values()],
            "keys": list(keys.values()),
            "folded": [key.strip().lower() for key in keys.values()],
        },
    )
    judged = []
    notes: dict[str, list[int]] = {}
    for id_, text in con.execute("SELECT id, text FROM tag WHERE NOT plain").fetchall():
        values = read_tags(text, keys)
        judged.append((id_, values.pi, values.project, values.fund, values.malformed))
        for note in values.notes:
            notes.setdefault(note, []).append(id_)
    if judged:
        con.execute(
            "CREATE TEMP TABLE judged (id BIGINT, pi VARCHAR, project VARCHAR, fund VARCHAR, malformed BOOLEAN)"
        )
        insert(con, "judged", judged)
        con.execute(
            "UPDATE tag SET pi = judged.pi, project = judged.project, fund = judged.fund, malformed = judged.malformed "
            "FROM judged WHERE judged.id = tag.id"
        )
    return [
        Problem(
            file.file.path,
            note,
            message,
            fix,
            severity=Severity.WARNING,
            count=count,
        )
        for note, ids in sorted(notes.items())
        for message, fix in [_TAG_NOTES[note]]
        for file in loaded
        if (
            count := _count(
                con,
                f"SELECT count(*) FROM {file.table} AS row JOIN tag ON tag.text = {file.expression('Tags')} "
                "WHERE list_contains($ids, tag.id)",
                {"ids": ids},
            )
        )
    ]


_TAG_NOTES = {
    "tags-braces": ("Tags lack their outer braces", "export FOCUS columns, in which Tags is a JSON object"),
    "tags-key-spelling": ("tag keys differ from the configured ones by case or blanks", "spell the keys alike"),
    "tags-not-text": ("tag values are numbers or booleans", "write tag values as text"),
}


def _create_cells(con: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile]) -> None:
    names = sorted({name for file in loaded for name in file.columns if name in COLUMNS})
    parts = [
        ", ".join(
            [f"SELECT {file.first} + rowid AS n", *(f"{file.expression(name)} AS {identifier(name)}" for name in names)]
        )
        + f" FROM {file.table}"
        for file in loaded
    ]
    con.execute(f"CREATE VIEW cell AS {' UNION ALL '.join(parts) or 'SELECT NULL::BIGINT AS n WHERE false'}")


def _names(header: Header, path: str, cost_column: str) -> tuple[list[str], list[Problem]]:
    """The canonical name of each column; problems with the header itself."""
    problems: list[Problem] = []
    names: list[str] = []
    seen: dict[str, str] = {}
    for index, label in enumerate(header.labels):
        name = canonical_name(label)
        if not name:
            problems.append(
                Problem(path, "blank-label", f"column {index + 1} has no name", "name it in the header", header.line)
            )
        elif name in seen:
            problems.append(
                Problem(
                    path,
                    "duplicate-label",
                    f"the header has {label.strip()} twice" + (f", as {seen[name]} too" if seen[name] != label else ""),
                    "keep one of the columns",
                    header.line,
                )
            )
        elif name != label and name in COLUMNS:
            problems.append(
                Problem(
                    path,
                    "label-spelling",
                    f"{label.strip()} is read as {name}",
                    f"name the column {name}",
                    header.line,
                    severity=Severity.WARNING,
                )
            )
        seen.setdefault(name, label)
        names.append(name)
    problems += [
        Problem(
            path,
            "missing-label",
            f"there is no column {needed}",
            "export FOCUS columns with their names in the first line",
            header.line,
            excerpt=",".join(header.labels)[:200],
        )
        for needed in ("BillingPeriodStart", cost_column)
        if needed not in names
    ]
    return names, problems


def _read_rows(con: duckdb.DuckDBPyConnection, table: str, file: ChargeFile, columns: int) -> tuple[int, list[Problem]]:
    """Read a file's rows as text. What DuckDB refuses, or may have read otherwise than it stands, Python judges."""
    try:
        # DuckDB works outside of Python's lock, so the bytes are looked through meanwhile.
        with ThreadPoolExecutor(max_workers=1) as beside:
            looking = beside.submit(csv_text.look_through, file.location)
            rows = _create(con, table, file.location, columns)
            shape = looking.result()
    except (duckdb.Error, *csv_text.UNREADABLE) as error:
        if isinstance(error, duckdb.OutOfMemoryException):
            raise
        problems, readable = csv_text.judge_structure(file.location, file.path, columns)
        if not readable:
            return 0, problems
        with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
            copy = Path(folder) / "plain.csv"
            csv_text.plain_copy(file.location, copy)
            try:
                return _create(con, table, copy, columns, max_line_size=_MAX_LINE), problems
            except duckdb.Error as second:
                reason = str(second).splitlines()[0][:200]
                fault = Problem(file.path, "source-error", f"not readable as CSV: {reason}", "export the file again")
                return 0, [*problems, fault]
    if _plain(con, table, shape, columns, rows):
        return rows, []
    problems, _ = csv_text.judge_structure(file.location, file.path, columns)
    return rows, problems


def _create(
    con: duckdb.DuckDBPyConnection, table: str, path: Path, columns: int, max_line_size: int | None = None
) -> int:
    types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(columns))
    size = f", max_line_size={max_line_size}, buffer_size={2 * max_line_size}" if max_line_size else ""
    con.execute(f"DROP TABLE IF EXISTS {table}")
    # `columns` and `auto_detect = false`: nothing is guessed from a sample; every cell stays the text it is.
    result = con.execute(
        f"CREATE TABLE {table} AS SELECT * FROM read_csv({literal(str(path))}, auto_detect=false, header=true, "
        f"columns={{{types}}}, delim=',', quote='\"', escape='\"', strict_mode=true, "
        f"nullstr=['', 'NULL', 'null']{size})"
    ).fetchone()
    return int(result[0]) if result else 0


def _plain(con: duckdb.DuckDBPyConnection, table: str, shape: csv_text.Shape, columns: int, rows: int) -> bool:
    """Whether each physical line is one row, and no row ends in a comma too many (DuckDB passes over both)."""
    if shape.lines != rows + 1 or shape.nuls:
        return False
    return shape.trailing_commas <= _count(con, f"SELECT count(*) FILTER (c{columns - 1} IS NULL) FROM {table}")


def _insert(con: duckdb.DuckDBPyConnection, loaded: LoadedFile, config: Config) -> list[Problem]:
    """Read the cells that every charge needs as values, into `charge`; the faults that stop the file, all of them."""
    cost_column = config.source(loaded.file.source).cost
    cells = [f"{loaded.expression(name)} AS {identifier(name)}" for name in _NEEDED]
    cells.append(f"{loaded.expression(cost_column)} AS Cost")
    con.execute(f"CREATE OR REPLACE TEMP VIEW file_row AS SELECT rowid, {', '.join(cells)} FROM {loaded.table}")
    con.execute(
        sql(__package__, "charges.sql"),
        {"first": loaded.first, "file": loaded.number, "source": loaded.file.source, "currency": config.currency},
    )
    if _count(
        con,
        "SELECT count(*) FROM charge WHERE file = $file AND (period_start IS NULL OR cost IS NULL OR list IS NULL "
        "OR NOT list_contains($categories, category))",
        {"file": loaded.number, "categories": _CATEGORIES},
    ):
        return _cell_faults(con, loaded, cost_column)
    return _warnings(con, loaded, cost_column)


def _cell_faults(con: duckdb.DuckDBPyConnection, loaded: LoadedFile, cost_column: str) -> list[Problem]:
    found = con.execute(
        sql(__package__, "faults.sql"),
        {"cost_column": cost_column, "categories": _CATEGORIES, "limit": MAX_PLACES},
    ).fetchall()
    indexes = {name: index for index, name in enumerate(loaded.order)}
    wanted: dict[int, set[int]] = {}
    for row, name, _, _ in found:
        wanted.setdefault(row, set()).add(indexes[name])
    places = csv_text.places(loaded.file.location, wanted)
    problems: list[Problem] = []
    listed: dict[str, int] = {}
    totals: dict[str, tuple[int, Problem]] = {}
    for row, name, text, total in found:
        place = places.get((row, indexes[name]), Place(0, 0, ""))
        code, message, fix = explain_cell(name, text)
        problem = Problem(loaded.file.path, code, message, fix, place.line, place.column, place.excerpt[:200])
        problems.append(problem)
        listed[name] = listed.get(name, 0) + 1
        totals[name] = (total, problem)
    for name, (total, problem) in totals.items():
        if total > listed[name]:
            problems.append(csv_text.more(problem, total - listed[name]))
    return problems


def explain_cell(name: str, text: str | None) -> tuple[str, str, str]:
    """Code, message and remedy of a cell that cannot be read."""
    if text is None:
        return "constraint-error", f"{name} is empty", "every charge needs one; export the file again"
    shown = text[:60]
    if name == "ChargeCategory":
        return "constraint-error", f"{name} is {shown}", f"use one of {', '.join(CATEGORIES)}"
    if name == "BillingPeriodStart":
        return "type-error", f"{name} is not a date-time: {shown}", "write it like 2025-01-01T00:00:00Z or 2025-01-01"
    plain = text.replace(",", "").replace("_", "").strip(" \t$€£+")
    value = money.parse(plain)
    if value is None:
        return "type-error", f"{name} is not a number: {shown}", "write a plain number such as 1234.50"
    if plain == text:
        return (
            "type-error",
            f"{name} is beyond what an amount can hold: {shown}",
            "amounts have at most {money.MAX_DIGITS} digits before the point",
        )
    return (
        "type-error",
        f"{name} is not a number: {shown}",
        f"write {plain}: no signs of currency or grouping, no blanks",
    )


def _warnings(con: duckdb.DuckDBPyConnection, loaded: LoadedFile, cost_column: str) -> list[Problem]:
    """What was read with a word: amounts with more than 18 decimals, each counted, with what rounding changed."""
    problems = []
    for name in dict.fromkeys((cost_column, "ListCost")):
        if name not in loaded.columns:
            continue
        column = loaded.columns[name]
        texts = con.execute(
            f"SELECT {column}, count(*) FROM {loaded.table} "
            f"WHERE strlen({column}) > 19 OR contains(lower({column}), 'e') "
            f"GROUP BY {column}"
        ).fetchall()
        lost = [(rest, count) for text, count in texts if (rest := money.beyond_exact(text))]
        if lost:
            total = sum((rest * count for rest, count in lost), money.ZERO)
            problems.append(
                Problem(
                    loaded.file.path,
                    "extra-decimals",
                    f"{name} has more than {money.EXACT_PLACES} decimals; rounding changed the sum by {-total:.2E}",
                    "nothing to do: far below a cent",
                    severity=Severity.WARNING,
                    count=sum(count for _, count in lost),
                )
            )
    return problems
