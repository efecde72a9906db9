"""The DuckDB connection of one period's work, and SQL kept in files.

In memory, spilling to a private folder: nothing persists, so there is nothing to migrate or corrupt.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from openchargeback.problems import OutsideFault

MEMORY_LIMIT = "1200MB"
"""DuckDB's memory before it spills; with Python and the CSV buffers, the process stays below 2 GB."""
_LARGE = 1_000_000_000
_MEMORY_FOR_LARGE = "3000MB"


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that installs and loads nothing, keeps the order of rows, and reads times as UTC."""
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as spill:
        connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": spill,
                "preserve_insertion_order": "true",
            },
        )
        # When not run from a script, DuckDB would draw its own progress bar into the output.
        connection.execute("SET enable_progress_bar = false")
        try:
            yield connection
        except RuntimeError as error:
            # On Ctrl-C in the middle of a query, DuckDB raises its own error.
            if "interrupted" in str(error):
                raise KeyboardInterrupt from None
            raise
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise OutsideFault(f"DuckDB failed: {str(error).splitlines()[0]}") from error
        finally:
            connection.close()


def make_room(con: duckdb.DuckDBPyConnection, size: int) -> None:
    """Before a text of this many bytes is loaded: let DuckDB keep more of a large one in memory, which saves time.

    At most half of the machine's memory, and so much that the process stays below 4 GB.
    """
    if size > _LARGE:
        con.execute("SET memory_limit = '50%'")
        con.execute(
            "SET memory_limit = greatest(parse_formatted_bytes($usual), least(parse_formatted_bytes($most), "
            "parse_formatted_bytes(current_setting('memory_limit')))) || 'B'",
            {"usual": MEMORY_LIMIT, "most": _MEMORY_FOR_LARGE},
        )


@contextmanager
def unoptimized(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run statements as they are written: for those that only compute cells, of which there is nothing to optimize.

    Looking for it in the conditions on a file with many columns takes longer than reading a small file.
    """
    con.execute("PRAGMA disable_optimizer")
    try:
        yield
    finally:
        con.execute("PRAGMA enable_optimizer")


@cache
def _text(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def sql(package: str, name: str, **parts: str) -> str:
    """The SQL file `name` of a room, with its `{parts}` filled in. Parts are SQL; values are bound, never filled in."""
    return filled(_text(package, name), **parts)


def filled(text: str, **parts: str) -> str:
    """SQL with its `{parts}` filled in; for statements of `queries.sql`."""
    for part, replacement in parts.items():
        text = text.replace("{" + part + "}", replacement)
    return text


def query(package: str, name: str) -> str:
    """A statement of `queries.sql` of a room, by its name there: `-- name: what one row is`."""
    return _queries(package)[name]


@cache
def _queries(package: str) -> dict[str, str]:
    parts = re.split(r"^-- (\w+): ", _text(package, "queries.sql"), flags=re.MULTILINE)
    return {name: f"-- {text}" for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def identifier(name: str) -> str:
    """A column or table name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Text as a SQL literal, for places where DuckDB does not accept a parameter."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Texts as SQL literals with commas between them."""
    return ", ".join(map(literal, texts))


def file_literal(path: Path) -> str:
    """A path as a SQL literal that names one file, even if its name looks like a pattern."""
    return literal("".join(f"[{char}]" if char in "*?[" else char for char in str(path)))


def named_rows(
    con: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a query by column name, so that no two amounts can be swapped by mistake."""
    cursor = con.execute(query, values)
    names = [column[0] for column in cursor.description or ()]
    for row in cursor.fetchall():
        yield dict(zip(names, row, strict=True))


def count(con: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any] | None = None) -> int:
    """The single number that a query gives; 0 for NULL."""
    row = con.execute(query, values).fetchone()
    return int(row[0] or 0) if row else 0


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add any number of rows to a table in one statement."""
    if not rows:
        return
    places = ", ".join(f"unnest(${index + 1})" for index in range(len(rows[0])))
    con.execute(f"INSERT INTO {table} SELECT {places}", [list(column) for column in zip(*rows, strict=True)])
