"""Reads charge files into the table `charge`: every row is read, or its file is rejected with the places of its faults.

The database after `load`:
    raw_<k>     the cells of files with the same columns, as text (`opening.py`)
    rows_<k>    view: the same, with the n, period, source and key_set of each charge
    charge_file one row per file (`tables.sql`)
    key_set     one row per set of tag keys that sources have
    tag         the distinct texts of tags, with what they say about the payer (`tags.sql`)
    charge      one row per charge (`charges.sql`)
    cell        view: one row per charge, with any FOCUS column and x_user as text, for stages that need few of them
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal

import duckdb

from openchargeback import money
from openchargeback.focus.columns import CATEGORIES, COLUMNS, USER_COLUMN
from openchargeback.focus.database import identifier, sql
from openchargeback.focus.dialects import BACK_REFERENCES, zero_list_is_null
from openchargeback.focus.loaded import Loaded, LoadedFile, LoadedTable, number_rows
from openchargeback.focus.opening import OpenFile, make_macros, open_files
from openchargeback.focus.tag_table import read_tag_texts
from openchargeback.focus.verdict import check_files, with_positions
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import COST_COLUMNS, Config
from openchargeback.problems import Problem, Severity

_NEEDED = (
    "BillingPeriodStart",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "CommitmentDiscountId",
    "ListCost",
    "ServiceName",
)
_OF_CHARGES = {*_NEEDED, *COST_COLUMNS, *(back for back, _ in BACK_REFERENCES)}
"""The columns that `charge` is made of, besides tags."""
_CATEGORIES = [word.lower() for word in CATEGORIES]
_SMALLEST = 30


def load(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[ChargeFile],
    config: Config,
    versions: Sequence[OpenFile] = (),
    *,
    passed: bool = False,
    only_charges: bool = False,
    only_apart: bool = False,
) -> tuple[Loaded, list[Problem]]:
    """Read the charges of one or more months; all files of a month must be among them.

    A file with an error is left out, so the charges of its month (`Loaded.faulty`) must not be used. versions: other
    versions of the files, loaded before into another schema (`Loaded.versions`). passed: the same bytes passed all
    checks before, so only what prevents counting them is reported. only_charges: keep only the cells that `charge` is
    made of, which takes less time and memory; then there is no view `cell`. only_apart: `charge` is to have only rows
    that files do not share with their versions.
    """
    if passed:
        make_macros(con)
        opened, problems = open_files(con, files, config, keep=None, marked=False)
    else:
        keep = _OF_CHARGES if only_charges else None
        opened, problems = _open_files(con, files, config, keep=keep, versions=versions)
    tables = number_rows(con, opened, config)
    problems += read_tag_texts(con, tables, config)
    for table in tables:
        _insert(con, table, config, only_apart=only_apart)
    loaded = Loaded(tables)
    problems += _uncounted(con, loaded.files)
    if not passed:
        problems += _beyond_exact(con, tables)
    if not only_charges:
        _create_cells(con, tables)
    wrong = {each.path for each in problems if each.severity is Severity.ERROR}
    return replace(loaded, faulty=frozenset(each.period for each in files if each.path in wrong)), problems


def check(
    con: duckdb.DuckDBPyConnection, files: Sequence[ChargeFile], config: Config, *, full: bool = False
) -> list[Problem]:
    """Every problem that `load` would find in these files, at less cost: only what checks need is kept.

    full: check every row with Frictionless, not only those that the prefilter does not pass.
    """
    opened, problems = _open_files(con, files, config, keep=(), full=full)
    tables = number_rows(con, opened, config)
    return [*problems, *read_tag_texts(con, tables, config), *_beyond_exact(con, tables)]


def _open_files(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[ChargeFile],
    config: Config,
    *,
    keep: Collection[str] | None,
    full: bool = False,
    versions: Sequence[OpenFile] = (),
) -> tuple[list[OpenFile], list[Problem]]:
    """The files without errors, and all problems."""
    make_macros(con)
    opened, problems = open_files(con, files, config, keep=keep, versions=versions)
    faults = check_files(opened, full=full)
    wrong = {each.path for each in faults if each.severity is Severity.ERROR}
    return [each for each in opened if each.file.path not in wrong], problems + faults


def _create_cells(con: duckdb.DuckDBPyConnection, tables: Sequence[LoadedTable]) -> None:
    names = sorted({name for table in tables for name in table.names if name in (*COLUMNS, USER_COLUMN)})
    parts = []
    for table in tables:
        cells = (f", {table.expression(name)} AS {identifier(name)}" for name in names)
        parts.append(f"SELECT n{''.join(cells)} FROM {table.numbered}")
    con.execute(f"CREATE VIEW cell AS {' UNION ALL '.join(parts) or 'SELECT NULL::BIGINT AS n WHERE false'}")


def _insert(con: duckdb.DuckDBPyConnection, table: LoadedTable, config: Config, *, only_apart: bool) -> None:
    """Insert the charges of a table into `charge`, with the cells that every charge needs read as values."""
    is_shared = only_apart and any(file.common for file in table.files)
    wanted = " OR ".join(file.is_apart for file in table.files) if is_shared else "true"
    source = table.files[0].source
    cells = [f"{table.expression(name)} AS {name}" for name in _NEEDED]
    refers = [f"{table.column(back)} IS NOT NULL" for back, _ in BACK_REFERENCES if back in table.columns]
    cells.append(f"{table.column(source.cost)} AS Cost")
    cells.append(f"{table.tags} AS tags")
    cells.append(f"({' OR '.join(refers) or 'false'}) AS refers_back")
    con.execute(
        sql(
            __package__,
            "charges.sql",
            rows=f"SELECT n, file, period, source, key_set, {', '.join(cells)} FROM {table.numbered} WHERE {wanted}",
        ),
        {
            "currency": config.currency,
            "zero_is_null": zero_list_is_null(table.names, source.dialect),
            "effective": source.cost == "EffectiveCost",
        },
    )


def _uncounted(con: duckdb.DuckDBPyConnection, files: Sequence[LoadedFile]) -> list[Problem]:
    """Errors for what the checks passed but cannot be counted: a bug in this program, which must not cost money."""
    lost = dict(con.execute(sql(__package__, "uncounted.sql"), {"categories": _CATEGORIES}).fetchall())
    return [
        Problem(
            each.file.path,
            "uncounted-rows",
            f"{lost[each.number]:,} rows passed the checks but have no amount, month or category",
            "report this as a bug in the program",
            count=lost[each.number],
        )
        for each in files
        if each.number in lost
    ]


def _beyond_exact(con: duckdb.DuckDBPyConnection, tables: Sequence[LoadedTable]) -> list[Problem]:
    """Warnings about amounts with more than 18 decimals, with their count and what rounding changed."""
    found: dict[int, list[tuple[int, str, Problem]]] = {}
    for table in tables:
        for name in dict.fromkeys((table.files[0].source.cost, "ListCost")):
            if name in table.names:
                for file, row, problem in _extra_decimals(con, table, name):
                    found.setdefault(file.number, []).append((row, name, problem))
    files = [file for table in tables for file in table.files if file.number in found]
    return [problem for file in files for problem in with_positions(file, found[file.number])]


def _extra_decimals(
    con: duckdb.DuckDBPyConnection, table: LoadedTable, name: str
) -> list[tuple[LoadedFile, int, Problem]]:
    """The files of a table with such amounts in one column, each with the first row and the warning."""
    column = table.column(name)
    texts = con.execute(
        f"SELECT file, {column}, count(*), min(n) FROM {table.numbered} "
        f"WHERE many_decimals({column}) GROUP BY file, {column}"
    ).fetchall()
    result = []
    for file in table.files:
        own = [(text, count, n) for number, text, count, n in texts if number == file.number]
        lost = [(rest, count, n) for text, count, n in own if (rest := money.beyond_exact(text))]
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
            result.append((file, min(n for _, _, n in lost) - file.first, problem))
    return result


def _small(amount: Decimal) -> str:
    """A tiny amount in plain decimals with two significant digits; one that would be all zeros, by its bound."""
    if amount and amount.adjusted() < -_SMALLEST:
        return f"less than {Decimal(1).scaleb(-_SMALLEST):f}"
    return money.exact(Decimal(f"{amount:.1e}"))
