"""What a file added to a source and period has in common with the existing files.

Providers restate days that they exported before. When such an export is added to the first one, equal rows are flagged
as possible duplicates, but rows whose cost has changed are billed in addition to the old ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from openchargeback.focus.columns import COLUMNS
from openchargeback.focus.database import count, database, literal, sql
from openchargeback.focus.loaded import LoadedFile
from openchargeback.focus.reading import load
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.periods import MONTHS
from openchargeback.ledger.settings import COST_COLUMNS, Config
from openchargeback.problems import has_errors
from openchargeback.wording import counted

SHOWN = 5
"""How many rows of each kind are listed."""

_UNIT = "chr(31)"
_NULL = "chr(30)"


@dataclass(frozen=True, slots=True)
class SameRow:
    """A row of the given file and the existing row, both numbered as in a spreadsheet: the header is row 1.

    column, before, after: the first amount that differs, the billed cost first of all; empty if none does.
    """

    row: int
    there: int
    column: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a given file shares with an existing one.

    days: on which charges of both start. twice, changed: how many rows exist already, and how many exist with other
    costs, prices or quantities. rows_twice, rows_changed: the first of them.
    """

    path: str
    days: tuple[dt.date, ...]
    twice: int
    changed: int
    rows_twice: tuple[SameRow, ...] = ()
    rows_changed: tuple[SameRow, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The public JSON form."""
        return {
            "path": self.path,
            "days": [day.isoformat() for day in self.days],
            "twice": self.twice,
            "rows_twice": [{"row": each.row, "there": each.there} for each in self.rows_twice],
            "changed": self.changed,
            "rows_changed": [asdict(each) for each in self.rows_changed],
        }


def overlaps(given: Path, files: Sequence[ChargeFile], source: str, config: Config) -> tuple[Overlap, ...]:
    """What a file has in common with each of these, in order; files that share neither days nor rows are left out."""
    staged = ChargeFile("given", given, "", source, given.stat().st_size, config.limits.charge_file_bytes)
    with database() as con:
        loaded, problems = load(con, [staged, *files], config)
        if has_errors(problems):
            # An existing file cannot be read; every other command reports that.
            return ()
        new, *old = loaded.files
        found = [_overlap(con, new, each, config.source(source).cost) for each in old]
        return tuple(each for each in found if each.days or each.twice or each.changed)


@dataclass(frozen=True, slots=True)
class Repetition:
    """Two files of one delivery that share rows: the same except for costs, prices and quantities.

    one, other: their positions among the files. rows: how many they share. of: the rows of the smaller file.
    """

    one: int
    other: int
    rows: int
    of: int


def repetitions(files: Sequence[Path], source: str, config: Config) -> list[Repetition]:
    """The pairs of files that share most of the rows of the smaller one, as runs of one export do."""
    ceiling = config.limits.charge_file_bytes
    given = [ChargeFile("given", path, "", source, path.stat().st_size, ceiling) for path in files]
    with database() as con:
        loaded, problems = load(con, given, config)
        if has_errors(problems) or len(files) < 2:
            return []
        common = sorted(set.intersection(*(set(file.columns) for file in loaded.files)))
        amounts = [name for name in common if COLUMNS.get(name) == "decimal"]
        dated = "ChargePeriodStart" in common
        rows = " UNION ALL ".join(
            f"SELECT {file.number} AS file, coalesce(rest, whole) AS row "
            f"FROM ({_rows(file, common, amounts, dated=dated)})"
            for file in loaded.files
        )
        found = con.execute(sql(__package__, "repetitions.sql", rows=rows)).fetchall()
    return [Repetition(*each) for each in found]


def _overlap(con: duckdb.DuckDBPyConnection, new: LoadedFile, old: LoadedFile, cost: str) -> Overlap:
    common = sorted(set(new.columns) & set(old.columns))
    dated = "ChargePeriodStart" in common
    decimals = [name for name in common if COLUMNS.get(name) == "decimal"]
    amounts = sorted(decimals, key=lambda name: (name != cost, name != "ListCost", name))
    given, there = (_rows(file, common, amounts, dated=dated) for file in (new, old))
    con.execute(sql(__package__, "overlap.sql", given=given, there=there))

    def found(*, changed: bool) -> tuple[int, tuple[SameRow, ...]]:
        values = {"changed": changed}
        query = f"SELECT * EXCLUDE changed FROM overlap WHERE changed = $changed ORDER BY row LIMIT {SHOWN}"
        rows = []
        for row, row_there, before, after in con.execute(query, values).fetchall():
            pairs = zip(amounts, before, after, strict=False)
            differing = next((each for each in pairs if each[1] != each[2]), ("", "", ""))
            layouts = new.layout, old.layout
            numbers = layouts[0].number(row), layouts[1].number(row_there)
            rows.append(SameRow(*numbers, *(text or "" for text in differing)))
        return count(con, "SELECT count(*) FROM overlap WHERE changed = $changed", values), tuple(rows)

    twice, rows_twice = found(changed=False)
    changed, rows_changed = found(changed=True)
    return Overlap(old.file.path, _days(con, new, old) if dated else (), twice, changed, rows_twice, rows_changed)


def _rows(file: LoadedFile, common: Sequence[str], amounts: Sequence[str], *, dated: bool) -> str:
    """SQL for a file's rows with the digests that `overlap.sql` compares."""
    # A provider's own column may contain an amount, too, which then changes with the cost.
    rest = [
        file.expression(name)
        if name in COLUMNS
        else f"CASE WHEN try_cast({file.expression(name)} AS DOUBLE) IS NULL THEN {file.expression(name)} END"
        for name in common
        if name not in amounts
    ]
    same = [file.expression(name) for name in common]
    listed = f"[{', '.join(file.expression(name) for name in amounts)}]::VARCHAR[]"
    return (
        f"SELECT number AS row, {_digest(same)} AS whole, {_digest(rest) if dated else 'NULL::VARCHAR'} AS rest, "
        f"{listed} AS amounts FROM {file.relation}"
    )


def _digest(cells: Sequence[str]) -> str:
    return f"sha256(concat_ws({_UNIT}, {', '.join(f'coalesce({cell}, {_NULL})' for cell in cells) or literal('')}))"


def _days(con: duckdb.DuckDBPyConnection, new: LoadedFile, old: LoadedFile) -> tuple[dt.date, ...]:
    starts = [
        f"SELECT utc({file.expression('ChargePeriodStart')})::DATE AS day FROM {file.relation}" for file in (new, old)
    ]
    rows = con.execute(f"SELECT day FROM (({starts[0]}) INTERSECT ({starts[1]})) WHERE day IS NOT NULL ORDER BY day")
    return tuple(day for (day,) in rows.fetchall())


def last_days(
    given: Sequence[Path], files: Sequence[ChargeFile], source: str, config: Config
) -> tuple[dt.date | None, dt.date | None]:
    """The last days (UTC) on which usage starts in given files, and in existing ones; None if they do not tell."""
    ceiling = config.limits.charge_file_bytes
    staged = [ChargeFile("given", path, "", source, path.stat().st_size, ceiling) for path in given]
    with database() as con:
        loaded, problems = load(con, [*staged, *files], config)
        if has_errors(problems):
            return None, None
        new, old = loaded.files[: len(staged)], loaded.files[len(staged) :]
        return _last_day(con, new), _last_day(con, old)


def _last_day(con: duckdb.DuckDBPyConnection, files: Sequence[LoadedFile]) -> dt.date | None:
    days = [
        con.execute(
            f"SELECT max(utc({file.expression('ChargePeriodStart')}))::DATE FROM {file.relation} "
            f"WHERE lower(coalesce({file.expression('ChargeCategory')}, 'usage')) = 'usage'"
        ).fetchone()
        for file in files
    ]
    return max((day for (day,) in filter(None, days) if day), default=None)


def in_words(days: Sequence[dt.date]) -> str:
    """Days in runs: `January 1–3, 7`, `January 30–February 2`."""
    runs: list[list[dt.date]] = []
    for day in days:
        if runs and day - runs[-1][1] == dt.timedelta(days=1):
            runs[-1][1] = day
        else:
            runs.append([day, day])
    texts, month = [], 0
    for first, last in runs:
        text = str(first.day) if first.month == month else f"{MONTHS[first.month - 1]} {first.day}"
        if last != first:
            text += f"–{last.day}" if last.month == first.month else f"–{MONTHS[last.month - 1]} {last.day}"
        texts.append(text)
        month = last.month
    return ", ".join(texts)


def overlap_lines(name: str, found: Sequence[Overlap]) -> list[str]:
    """What a person should know of an added file: which of its rows already exist or have changed.

    name: of the file. A line that starts with two spaces belongs to the one before it.
    """
    lines = []
    same = [each for each in found if each.twice or each.changed]
    for each in same:
        days = f": both files cover {in_words(each.days)}" if each.days else ""
        are = "is" if each.twice == 1 else "are"
        counts = [f"{counted(each.twice, 'row')} of {name} {are} already in {each.path}"] if each.twice else []
        if each.changed:
            rows = counted(each.changed, "row")
            counts.append(f"{rows} changed" if counts else f"{rows} of {name} changed since {each.path}")
        lines.append(f"warning: {', '.join(counts)}{days}")
        lines += [f"  row {row.row} is row {row.there} there" for row in each.rows_twice]
        lines += _more(each.twice)
        lines += [f"  row {row.row} is row {row.there} there, changed: {_change(row)}" for row in each.rows_changed]
        lines += _more(each.changed)
    if same:
        lines.append(
            "  if the export restates these days, use `--replace` instead of `--add`; with `--add`, rows that already "
            "exist are flagged possible-duplicate, and changed rows are billed twice"
        )
    beside = [each for each in found if each not in same]
    if beside:
        days = in_words(sorted({day for each in beside for day in each.days}))
        there = beside[0].path if len(beside) == 1 else f"{len(beside)} existing files"
        lines.append(f"note: {name} and {there} both cover {days}; no row is duplicated or changed")
    return lines


def _change(row: SameRow) -> str:
    if not row.column:
        return "in a column of the provider's own"
    # The columns that a source may bill by need no name.
    return f"{'' if row.column in COST_COLUMNS else f'{row.column} '}{row.before or 'empty'} → {row.after or 'empty'}"


def _more(number: int) -> list[str]:
    return [f"  and {number - SHOWN:,} more"] if number > SHOWN else []
