"""Charge files into the table `charge`: every row is read, or its file is refused with the places of its faults.

The database after `load`:
    raw_<file>  the cells of one file as text, in its order (rowid is the row's number from 0)
    key_set     one row a set of tag keys that sources have
    tag         the distinct texts of tags with what they say about the payer (`tags.sql`)
    charge      one row a charge of the period (`charges.sql`)
    cell        view: one row a charge, with any FOCUS column as text, for stages that look at few of them
    charge_file one row a file: its path, the n of its first charge, and whether its days are whole (simple dialect)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from openchargeback import money
from openchargeback.focus.columns import CATEGORIES, COLUMNS
from openchargeback.focus.database import count, identifier, insert, sql
from openchargeback.focus.dialects import BACK_REFERENCES, zero_list_is_null
from openchargeback.focus.opening import OpenFile, make_macros, open_file
from openchargeback.focus.schema import SIMPLE
from openchargeback.focus.tags import FIELDS, TAG_COLUMNS, folded, json_pointer, key_sets, keys_by_field, read_tags
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
class LoadedFile:
    """A charge file in the database. first: the n of its first charge."""

    number: int
    opened: OpenFile
    first: int

    @property
    def file(self) -> ChargeFile:
        """The file itself."""
        return self.opened.file

    @property
    def rows(self) -> int:
        """How many charges it holds."""
        return self.opened.rows

    @property
    def table(self) -> str:
        """The table with the file's cells."""
        return self.opened.table

    @property
    def columns(self) -> dict[str, str]:
        """Canonical name → column of `table`, for FOCUS columns and others alike."""
        return {name: f"c{index}" for index, name in enumerate(self.opened.names)}

    def expression(self, name: str) -> str:
        """SQL for the cell of a column, NULL where the file has no such column."""
        return self.opened.column(name) or "NULL::VARCHAR"

    @property
    def tags(self) -> str:
        """SQL for the text that says who pays for a row: its own tags, never those of a resource that it shares."""
        present = [self.opened.column(name) for name in TAG_COLUMNS if name in self.opened.names]
        return f"coalesce({', '.join(present)})" if len(present) > 1 else next(iter(present), "NULL::VARCHAR")


def load(
    con: duckdb.DuckDBPyConnection, files: Sequence[ChargeFile], config: Config
) -> tuple[list[LoadedFile], list[Problem]]:
    """Read all charge files of one period. With any error among the problems the tables are not to be used."""
    loaded, problems = _open_files(con, files, config, whole=True)
    con.execute(sql(__package__, "tables.sql"))
    problems += _read_tags(con, loaded, config)
    for file in loaded:
        problems += _insert(con, file, config)
    _create_cells(con, loaded)
    return loaded, problems


def check(
    con: duckdb.DuckDBPyConnection, files: Sequence[ChargeFile], config: Config, *, full: bool = False
) -> list[Problem]:
    """Every problem that `load` would find in these files, at less cost: nothing is kept that no check looks at.

    full: let Frictionless check every row, not only those that the prefilter does not pass.
    """
    loaded, problems = _open_files(con, files, config, whole=False, full=full)
    problems += _read_tags(con, loaded, config)
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
            loaded.append(LoadedFile(number, opened, first))
            first += opened.rows
    return loaded, problems


def _read_tags(con: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile], config: Config) -> list[Problem]:
    """Fill `tag`; a warning for each file whose tags were read with tolerance."""
    sets, numbers = key_sets(config)
    texts = [
        f"SELECT {numbers.get(file.file.source, 0)} AS key_set, {file.tags} AS tags FROM {file.table}"
        for file in loaded
    ]
    make_tag_table(con, [keys_by_field(tags) for tags in sets], " UNION ALL ".join(texts))
    odd = con.execute("SELECT id, key_set, text FROM tag WHERE NOT plain").fetchall()
    values = {id_: read_tags(text, keys_by_field(sets[number])) for id_, number, text in odd}
    con.execute(
        sql(__package__, "tags_update.sql"),
        {
            "ids": list(values),
            **{name: [getattr(each, name) for each in values.values()] for name in (*FIELDS, "malformed")},
            "fault": [each.fault or None for each in values.values()],
        },
    )
    notes: dict[str, list[int]] = {}
    for id_, each in values.items():
        for note in each.notes:
            notes.setdefault(note, []).append(id_)
    return [problem for file in loaded for problem in _tag_warnings(con, file, numbers.get(file.file.source, 0), notes)]


def make_tag_table(con: duckdb.DuckDBPyConnection, sets: Sequence[Mapping[str, Sequence[str]]], texts: str) -> None:
    """Fill `key_set` and `tag`. sets: the keys of each set by field; texts: SQL for key_set and tags of every row."""
    con.execute(sql(__package__, "key_sets.sql"))
    every = list(dict.fromkeys(key for keys in sets for name in FIELDS for key in keys[name]))
    places = {key: place for place, key in enumerate(every, 1)}
    rows = []
    for number, keys in enumerate(sets):
        wanted = list(dict.fromkeys(key for name in FIELDS for key in keys[name]))
        of_field = ([places[key] for key in keys[name]] for name in FIELDS)
        rows.append((number, wanted, [folded(key) for key in wanted], [places[key] for key in wanted], *of_field))
    insert(con, "key_set", rows)
    con.execute(
        sql(__package__, "tags.sql", texts=texts or "SELECT 0 AS key_set, NULL::VARCHAR AS tags"),
        {"paths": [json_pointer(key) for key in every]},
    )


def _tag_warnings(
    con: duckdb.DuckDBPyConnection, file: LoadedFile, key_set: int, notes: dict[str, list[int]]
) -> list[Problem]:
    """What was tolerated in the tags of a file, each counted, at the first row that has it."""
    found = []
    read = {"AllocatedTags": "true", "Tags": f"{file.expression('AllocatedTags')} IS NULL"}
    for note, ids in sorted(notes.items()):
        message, fix = _TAG_NOTES[note]
        for name, condition in read.items():
            query = (
                f"SELECT min(row.rowid), count(*) FROM {file.table} AS row "
                f"JOIN tag ON tag.text = {file.expression(name)} AND tag.key_set = {key_set} "
                f"WHERE list_contains($ids, tag.id) AND {condition}"
            )
            first, count = con.execute(query, {"ids": ids}).fetchone() or (0, 0)
            if count:
                text = message.format(column=name)
                problem = Problem(file.file.path, note, text, fix, severity=Severity.WARNING, count=count)
                found.append((first, name, problem))
    return with_positions(file.opened, found)


_TAG_NOTES = {
    "tags-braces": ("{column} lack their outer braces", "export FOCUS columns, in which tags are a JSON object"),
    "tags-key-spelling": (
        "tag keys differ from the configured ones by case or blanks",
        "spell each key as config.yaml does",
    ),
    "tags-not-text": ("tag values are numbers or booleans", "write tag values as text"),
}


def _create_cells(con: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile]) -> None:
    rows = [(each.number, each.file.path, each.first, each.opened.conditions.dialect == SIMPLE) for each in loaded]
    insert(con, "charge_file", rows)
    names = sorted({name for file in loaded for name in file.columns if name in COLUMNS})
    parts = []
    for file in loaded:
        cells = (f", {file.expression(name)} AS {identifier(name)}" for name in names)
        parts.append(f"SELECT {file.first} + rowid AS n{''.join(cells)} FROM {file.table}")
    con.execute(f"CREATE VIEW cell AS {' UNION ALL '.join(parts) or 'SELECT NULL::BIGINT AS n WHERE false'}")


def _insert(con: duckdb.DuckDBPyConnection, file: LoadedFile, config: Config) -> list[Problem]:
    """Read the cells that every charge needs as values, into `charge`."""
    source = file.opened.source
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
            "zero_is_null": zero_list_is_null(file.opened.names, source.dialect),
            "effective": source.cost == "EffectiveCost",
        },
    )
    lost = count(con, sql(__package__, "uncounted.sql"), {"file": file.number, "categories": _CATEGORIES})
    if not lost:
        return _beyond_exact(con, file)
    # The checks pass what cannot be counted: a fault of this program, which must not cost anybody money.
    message = f"{lost:,} rows passed the checks and still have no amount, month or category"
    return [Problem(file.file.path, "uncounted-rows", message, "tell the makers of this program", count=lost)]


def _beyond_exact(con: duckdb.DuckDBPyConnection, file: LoadedFile) -> list[Problem]:
    """Warnings about amounts with more than 18 decimals, each counted, with what rounding changed."""
    problems = []
    for name in dict.fromkeys((file.opened.source.cost, "ListCost")):
        column = file.opened.column(name)
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
    return with_positions(file.opened, problems)


def _small(amount: Decimal) -> str:
    """A tiny amount in plain decimals, two digits of it; what would be a line of zeros by its bound."""
    if amount and amount.adjusted() < -_SMALLEST:
        return f"less than {Decimal(1).scaleb(-_SMALLEST):f}"
    return money.exact(Decimal(f"{amount:.1e}"))
