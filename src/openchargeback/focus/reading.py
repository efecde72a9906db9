"""Reads charge files into the table `charge`: every row is read, or its file is rejected with the places of its faults.

The database after `load`:
    raw_<file>  the cells of one file as text, in file order (rowid is the row's number from 0)
    key_set     one row per set of tag keys that sources have
    tag         the distinct texts of tags, with what they say about the payer (`tags.sql`)
    charge      one row per charge of the period (`charges.sql`)
    cell        view: one row per charge, with any FOCUS column as text, for stages that need few of them
    charge_file one row per file: its path, the n of its first charge, and whether its days are whole (simple dialect)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

import duckdb

from openchargeback import money
from openchargeback.focus.columns import CATEGORIES, COLUMNS
from openchargeback.focus.database import count, identifier, insert, sql
from openchargeback.focus.dialects import BACK_REFERENCES, zero_list_is_null
from openchargeback.focus.opening import OpenFile, make_macros, open_file
from openchargeback.focus.schema import SIMPLE
from openchargeback.focus.tag_table import read_tag_texts
from openchargeback.focus.tags import key_sets
from openchargeback.focus.verdict import check_rows, with_positions
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Config
from openchargeback.problems import Problem, Severity, has_errors

_NEEDED = (
    "BillingPeriodStart",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "CommitmentDiscountId",
    "ListCost",
    "ServiceName",
)
_CATEGORIES = [word.lower() for word in CATEGORIES]
_SMALLEST = 30


@dataclass(frozen=True, slots=True)
class LoadedFile(OpenFile):
    """An open file of a period. first: the n of its first charge."""

    number: int
    first: int


def load(
    con: duckdb.DuckDBPyConnection, files: Sequence[ChargeFile], config: Config
) -> tuple[list[LoadedFile], list[Problem]]:
    """Read all charge files of one period. If any problem is an error, the tables must not be used."""
    loaded, problems = _open_files(con, files, config, whole=True)
    con.execute(sql(__package__, "tables.sql"))
    problems += read_tag_texts(con, loaded, config)
    for file in loaded:
        problems += _insert(con, file, config)
    _create_cells(con, loaded)
    return loaded, problems


def check(
    con: duckdb.DuckDBPyConnection, files: Sequence[ChargeFile], config: Config, *, full: bool = False
) -> list[Problem]:
    """Every problem that `load` would find in these files, at less cost: only what checks need is kept.

    full: check every row with Frictionless, not only those that the prefilter does not pass.
    """
    loaded, problems = _open_files(con, files, config, whole=False, full=full)
    problems += read_tag_texts(con, loaded, config)
    for file in loaded:
        problems += _beyond_exact(con, file)
    return problems


def _open_files(
    con: duckdb.DuckDBPyConnection, files: Sequence[ChargeFile], config: Config, *, whole: bool, full: bool = False
) -> tuple[list[LoadedFile], list[Problem]]:
    make_macros(con)
    loaded: list[LoadedFile] = []
    problems: list[Problem] = []
    first = 0
    for number, file in enumerate(files):
        opened, faults = open_file(con, f"raw_{number}", file, config.source(file.source), whole=whole)
        if opened:
            faults += check_rows(opened, full=full)
            con.execute(f"DROP TABLE {opened.tag_texts}")
        problems += faults
        if opened and not has_errors(faults):
            values = {each.name: getattr(opened, each.name) for each in fields(opened)}
            loaded.append(LoadedFile(**values, number=number, first=first))
            first += opened.rows
    return loaded, problems


def _create_cells(con: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile]) -> None:
    rows = [(each.number, each.file.path, each.first, each.conditions.dialect == SIMPLE) for each in loaded]
    insert(con, "charge_file", rows)
    names = sorted({name for file in loaded for name in file.columns if name in COLUMNS})
    parts = []
    for file in loaded:
        cells = (f", {file.expression(name)} AS {identifier(name)}" for name in names)
        parts.append(f"SELECT {file.first} + rowid AS n{''.join(cells)} FROM {file.table}")
    con.execute(f"CREATE VIEW cell AS {' UNION ALL '.join(parts) or 'SELECT NULL::BIGINT AS n WHERE false'}")


def _insert(con: duckdb.DuckDBPyConnection, file: LoadedFile, config: Config) -> list[Problem]:
    """Insert the charges of a file into `charge`, with the cells that every charge needs read as values."""
    source = file.source
    cells = [f"{file.expression(name)} AS {identifier(name)}" for name in _NEEDED]
    refers = " OR ".join(f"{file.expression(name)} IS NOT NULL" for name, _ in BACK_REFERENCES)
    cells += [f"{file.expression(source.cost)} AS Cost", f"{file.tags} AS tags", f"({refers}) AS refers_back"]
    con.execute(
        sql(__package__, "charges.sql", rows=f"SELECT rowid, {', '.join(cells)} FROM {file.table}"),
        {
            "first": file.first,
            "file": file.number,
            "source": file.file.source,
            "key_set": key_sets(config)[1].get(file.file.source, 0),
            "currency": config.currency,
            "zero_is_null": zero_list_is_null(file.names, source.dialect),
            "effective": source.cost == "EffectiveCost",
        },
    )
    lost = count(con, sql(__package__, "uncounted.sql"), {"file": file.number, "categories": _CATEGORIES})
    if not lost:
        return _beyond_exact(con, file)
    # The checks passed what cannot be counted: a bug in this program, which must not cost anyone money.
    message = f"{lost:,} rows passed the checks but have no amount, month or category"
    return [Problem(file.file.path, "uncounted-rows", message, "report this as a bug in the program", count=lost)]


def _beyond_exact(con: duckdb.DuckDBPyConnection, file: LoadedFile) -> list[Problem]:
    """Warnings about amounts with more than 18 decimals, with their count and what rounding changed."""
    problems = []
    for name in dict.fromkeys((file.source.cost, "ListCost")):
        column = file.column(name)
        if not column:
            continue
        texts = con.execute(
            f"SELECT {column}, count(*), min(rowid) FROM {file.table} "
            f"WHERE strlen({column}) > 19 OR contains(lower({column}), 'e') GROUP BY {column}"
        ).fetchall()
        lost = [(rest, count, first) for text, count, first in texts if (rest := money.beyond_exact(text))]
        if lost:
            total = sum((rest * count for rest, count, _ in lost), money.ZERO)
            problem = Problem(
                file.file.path,
                "extra-decimals",
                f"{name} has more than {money.EXACT_PLACES} decimals; rounding changed the sum by {_small(-total)}",
                "nothing to do: far below a cent",
                severity=Severity.WARNING,
                count=sum(count for _, count, _ in lost),
            )
            problems.append((min(first for _, _, first in lost), name, problem))
    return with_positions(file, problems)


def _small(amount: Decimal) -> str:
    """A tiny amount in plain decimals with two significant digits; one that would be all zeros, by its bound."""
    if amount and amount.adjusted() < -_SMALLEST:
        return f"less than {Decimal(1).scaleb(-_SMALLEST):f}"
    return money.exact(Decimal(f"{amount:.1e}"))
