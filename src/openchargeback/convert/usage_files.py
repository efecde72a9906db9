"""Checks the ledger's files of billed usage, `usage/PERIOD/SOURCE.parquet`, which `intervals.py` writes.

What must hold for every file is in the statistics at its end, so no row is read. In open months, the charges are
compared with what was converted, and the records of the files with each other. In closed months neither can change
unnoticed: the closing record guards the charges, and intervals of other months cannot overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePosixPath

import duckdb

from openchargeback.convert.instants import month_bounds, seconds
from openchargeback.convert.intervals import COLUMNS
from openchargeback.convert.shared.charges import rows_split
from openchargeback.focus.database import count, database, file_literal, named_rows, sql
from openchargeback.focus.equal_files import content_digest, content_size
from openchargeback.ledger.files import USAGE, ChargeFile, Gate, intervals_path, listed, source_name
from openchargeback.ledger.periods import is_period
from openchargeback.ledger.reading import Ledger
from openchargeback.model import State
from openchargeback.problems import Problem
from openchargeback.wording import counted

_AGAIN = "convert its usage again with `focus-billing convert`, or restore the file from Git"


@dataclass(frozen=True, slots=True)
class _File:
    """A file of billed usage. charges, split: as `write_intervals` notes them; None if it did not write the file."""

    path: str
    period: str
    source: str
    rows: int
    columns: str | None
    first: int | None
    last: int | None
    odd: int
    charges: str | None
    split: str


def usage_problems(ledger: Ledger) -> list[Problem]:
    """Every problem of the files in `usage/`."""
    if not (ledger.root / USAGE).is_dir():
        return []
    problems: list[Problem] = []
    gate = Gate(ledger.root)
    paths: list[str] = []
    for relative in listed(ledger.root, USAGE, problems, gate):
        if fault := gate.fault(relative) or _misplaced(relative):
            problems.append(fault)
        else:
            paths.append(relative)
    with database() as con:
        files, faults = _read(con, ledger, paths)
        problems += faults
        good = []
        for file in files:
            faults = list(_faults(file, ledger))
            problems += faults
            good += [] if faults else [file]
        for period in sorted({file.period for file in good}):
            if ledger.period_file(period).state is State.OPEN:
                problems += _of_open_month(con, ledger, [file for file in good if file.period == period])
    return problems


def _misplaced(relative: str) -> Problem | None:
    parts = PurePosixPath(relative).parts
    if len(parts) == 3 and is_period(parts[1]) and parts[2].endswith(".parquet"):
        source = source_name(parts[2].removesuffix(".parquet"))
        if source is not None and intervals_path(parts[1], source) == relative:
            return None
    message = f"is not where `convert` keeps what it has billed ({intervals_path('PERIOD', 'SOURCE')})"
    return Problem(relative, "usage-file", message, "move it out of the ledger")


def _read(con: duckdb.DuckDBPyConnection, ledger: Ledger, paths: Sequence[str]) -> tuple[list[_File], list[Problem]]:
    """What the end of each file says; files that cannot be read are told one by one."""
    if not paths:
        return [], []
    try:
        return _ends(con, ledger, paths), []
    except duckdb.Error as error:
        if len(paths) == 1:
            reason = " ".join(str(error).split())[:120]
            message = f"cannot be read, so it is not known what is billed already ({reason})"
            return [], [Problem(paths[0], "unreadable", message, _AGAIN)]
    files, problems = [], []
    for path in paths:
        found, faults = _read(con, ledger, [path])
        files += found
        problems += faults
    return files, problems


def _ends(con: duckdb.DuckDBPyConnection, ledger: Ledger, paths: Sequence[str]) -> list[_File]:
    places = {str(ledger.root / path): path for path in paths}
    query = sql(__package__, "usage_files.sql", files=", ".join(file_literal(ledger.root / path) for path in paths))
    found = []
    for row in named_rows(con, query):
        path = places[row.pop("place")]
        parts = PurePosixPath(path)
        found.append(_File(path=path, period=parts.parts[1], source=parts.stem, **row))
    return found


def _faults(file: _File, ledger: Ledger) -> Iterator[Problem]:
    """What is wrong with a file by itself."""
    if file.columns != COLUMNS or file.charges is None or file.odd:
        yield Problem(file.path, "usage-file", "is not a file that `convert` has written", _AGAIN)
        return
    first, last = map(seconds, month_bounds(file.period))
    if file.rows and (file.first is None or file.last is None or file.first < first or file.last > last):
        yield Problem(file.path, "usage-file", f"has usage outside {file.period}", _AGAIN)
    if not any(charges.source == file.source for charges in ledger.charge_files.get(file.period, ())):
        message = f"there are no charges of {file.source} in {file.period} for the usage that it says is billed"
        yield Problem(file.path, "usage-unbilled", message, "remove it, or convert the usage again")


def _of_open_month(con: duckdb.DuckDBPyConnection, ledger: Ledger, files: Sequence[_File]) -> Iterator[Problem]:
    """Charges that are not those that were converted; what is billed twice."""
    charges = ledger.charge_files.get(files[0].period, ())
    for file in files:
        own = [each for each in charges if each.source == file.source]
        if not any(content_digest(each.location, each.ceiling) == file.charges for each in own):
            message = f"{own[0].path} is not what was converted from the usage in {file.path}"
            fix = f"convert the usage again, or remove {file.path} if the charges are from elsewhere"
            yield Problem(own[0].path, "usage-unbilled", message, fix)
        yield from _unsplit(ledger, file, charges)
    for one, other in combinations(files, 2):
        yield from _twice(con, ledger, one, other)


def _unsplit(ledger: Ledger, file: _File, charges: Sequence[ChargeFile]) -> Iterator[Problem]:
    """Charge files with the very costs that were split, or with a later export of them."""
    parts = [part.partition(" ") for part in filter(None, file.split.split(","))]
    for each in charges if parts else ():
        size, same = str(content_size(each.location, each.ceiling)), False
        for known, _, digest in parts:
            same = same or (known == size and content_digest(each.location, each.ceiling) == digest)
        if same:
            message = f"its shared costs are also billed split, in the charges of {file.source}"
            fix = f"remove it, and convert with `other_rows: keep` so that {file.source} has its other rows as well"
            yield Problem(each.path, "shared-unsplit", message, fix)
        elif each.source != file.source and (rows := rows_split(each, ledger.config, ledger.root / file.path)):
            what = "is for a cost that is" if rows == 1 else "are for costs that are"
            message = f"{counted(rows, 'row')} {what} also billed split, in the charges of {file.source}"
            how = f"convert it again with `other_rows: keep` into the charges of {file.source}, and remove it"
            yield Problem(each.path, "shared-unsplit", message, f"if it is a later export, {how}", count=rows)


def _twice(con: duckdb.DuckDBPyConnection, ledger: Ledger, one: _File, other: _File) -> Iterator[Problem]:
    places = {name: file_literal(ledger.root / file.path) for name, file in (("one", one), ("other", other))}
    try:
        records = count(con, sql(__package__, "billed_twice.sql", **places))
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:120]
        yield Problem(other.path, "unreadable", f"it or {one.path} cannot be read ({reason})", _AGAIN)
        return
    if records:
        message = f"bills {counted(records, 'record')} that {one.path} bills as well, for some of the same time"
        fix = f"keep the charges and the usage of one of the sources {one.source} and {other.source}"
        yield Problem(other.path, "usage-billed-already", message, fix, count=records)
