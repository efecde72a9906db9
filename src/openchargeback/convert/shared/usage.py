"""Reads usage tables, which say who used how much of what is shared, into `use`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import duckdb

from openchargeback.convert.documents import unfinished
from openchargeback.convert.findings import Rule, broken
from openchargeback.convert.kinds import Input
from openchargeback.convert.shared.formats import FORMATS
from openchargeback.convert.shared.settings import Pool, Weight
from openchargeback.focus import csv_text, decompression, layout
from openchargeback.focus.database import filled, insert, query
from openchargeback.ledger.shape import did_you_mean
from openchargeback.problems import Problem, has_errors

_MOST = 50
_AGAIN = "export the table again, and check that the command exits with 0"

_RULES = (
    Rule(
        where="text IS NULL AND NOT merged",
        value="named",
        code="shared-number",
        message="{} is empty",
        fix="write 0 if nothing was used",
    ),
    Rule(
        where="text IS NULL AND merged",
        value="named",
        code="shared-number",
        message="{} is empty: a row of an older release is under this header",
        fix="export the month again with one release of OpenCost, or split by TotalCost alone",
    ),
    Rule(
        where="text IS NOT NULL AND amount IS NULL",
        value="named || ': \"' || text || '\"'",
        code="shared-number",
        message="cannot read the number in {}",
        fix="write it like 1234.5 or 1.5e-05: no commas, no units",
    ),
    Rule(
        where="amount < 0",
        value="named || ' ' || text",
        code="shared-negative",
        message="{} is negative",
        fix="correct the table",
    ),
    Rule(
        where="coalesce(resource, '') = ''",
        value="''",
        code="shared-number",
        message="the row does not name the user",
        fix="fill the columns of `resource`",
    ),
    Rule(
        where="dated AND (day IS NULL OR bad_end)",
        value="coalesce(day_text, '')",
        code="shared-date",
        message='"{}" is not a date',
        fix="write it like 2025-01-31, in UTC",
    ),
    Rule(
        where="dated AND day IS NOT NULL AND (strftime(day, '%Y-%m') <> $period OR until > $end::TIMESTAMP)",
        value="strftime(day, '%Y-%m')",
        code="shared-month",
        message="there is usage outside the month, in or after {}",
        fix="export one month at a time: its usage decides who pays for its costs",
    ),
)
_REPEATED = Rule(
    where="first < file * 10000000000 + line",
    value="identity",
    code="shared-repeated",
    message="{} occurs more than once",
    fix="give each export once; if two overlap, export the month again as one file",
)


@dataclass(frozen=True, slots=True)
class Table:
    """A usage table in `use_raw_<number>`. columns: SQL by name."""

    file: Input
    columns: Mapping[str, str]
    line: int


def matching(pool: Pool, inputs: Sequence[Input]) -> list[Input]:
    """The inputs with the use of a pool."""
    return [each for each in inputs if any(fnmatchcase(each.path.name, pattern) for pattern in pool.usage)]


def read_use(
    con: duckdb.DuckDBPyConnection, pools: Sequence[Pool], inputs: Sequence[Input], config: str
) -> list[Problem]:
    """Create `use` for all pools: the faults of the tables and of what pools want of them."""
    for name in ("place", "use"):
        con.execute(query(__package__, name))
    problems: list[Problem] = []
    tables: dict[int, Table | None] = {}
    for number, pool in enumerate(pools):
        found = matching(pool, inputs)
        if not found:
            message = f"no input has the usage of {pool.id}: none is named {' or '.join(pool.usage)}"
            problems.append(
                Problem(config, "shared-no-usage", message, "add its usage table, or correct `usage`", pool.line)
            )
        for file in found:
            if file.number not in tables:
                tables[file.number], faults = _read(con, file)
                problems += faults
            if table := tables[file.number]:
                problems += _use(con, number, pool, table)
    return problems


def check_use(
    con: duckdb.DuckDBPyConnection, pools: Sequence[Pool], files: Mapping[int, str], period: str, end: str
) -> list[Problem]:
    """What no row of a usage table may be. end: the first instant after the period."""
    names = [
        f"WHEN pool = {number} AND weight = {index} THEN '{_named(weight)}'"
        for number, pool in enumerate(pools)
        for index, weight in enumerate(pool.weights)
    ]
    merged = [number for number, pool in enumerate(pools) if FORMATS[pool.format].merged]
    dated = [number for number, pool in enumerate(pools) if pool.date]
    until = [number for number, pool in enumerate(pools) if FORMATS[pool.format].until]
    rows = (
        f"(SELECT *, CASE {' '.join(names)} END AS named, pool IN {_set(merged)} AS merged, "
        f"pool IN {_set(dated)} AS dated, "
        f"pool IN {_set(until)} AND until IS NULL AS bad_end FROM use)"
    )
    problems = broken(con, rows, _RULES, files, {"period": period, "end": end})
    repeated = f"({query(__package__, 'use_repeated').rstrip().rstrip(';')})"
    return problems + broken(con, repeated, (_REPEATED,), files)


def _named(weight: Weight) -> str:
    return (f"{weight.column} × {weight.times}" if weight.times else weight.column).replace("'", "''")


def _set(numbers: Sequence[int]) -> str:
    return f"({', '.join(map(str, numbers)) or 'NULL'})"


def _read(con: duckdb.DuckDBPyConnection, file: Input) -> tuple[Table | None, list[Problem]]:
    """Read a table as text; None with the problems that prevent it."""
    header, problems = csv_text.read_header(file.path, file.name)
    if header is None:
        return None, problems
    names = [each.strip() for each in header.cells]
    if twice := next((each for each in names if names.count(each) > 1), ""):
        fix = "name each column once"
        return None, [Problem(file.name, "usage-columns", f"the column {twice} occurs twice", fix, header.line)]
    surveyed, problems = layout.survey(file.path, file.name, len(names))
    if surveyed is None or has_errors(problems):
        return None, problems
    if faults := [*_uneven(file, surveyed, len(names)), *_cut(file, surveyed)]:
        return None, faults
    if not surveyed.lines:
        fix = f"{_AGAIN}; if there was no usage, remove the pool for this month"
        return None, [Problem(file.name, "usage-empty", "the table has no rows", fix, header.line)]
    relation = csv_text.relation([file.path], len(names))
    try:
        con.execute(f"CREATE TABLE use_raw_{file.number} AS SELECT row_number() OVER () - 1 AS row, * FROM {relation}")
    except duckdb.Error as error:
        message = f"the table cannot be read: {str(error).splitlines()[0][:200]}"
        return None, [Problem(file.name, "usage-cells", message, _AGAIN)]
    if surveyed.lines[-1] != len(surveyed.lines) + 1:
        insert(con, "place", [(file.number, row, line) for row, line in enumerate(surveyed.lines)])
    return Table(file, {name: f"raw.c{index}" for index, name in enumerate(names)}, header.line), problems


def _uneven(file: Input, surveyed: layout.Layout, columns: int) -> Iterator[Problem]:
    for line in surveyed.blank[:_MOST]:
        yield Problem(file.name, "usage-cells", "the line is empty", "remove it, or export the table again", line)
    for row in surveyed.uneven[:_MOST]:
        message = f"the line does not have {columns} cells, as the header has"
        yield Problem(file.name, "usage-cells", message, _AGAIN, surveyed.line(row))


def _cut(file: Input, surveyed: layout.Layout) -> Iterator[Problem]:
    last = b""
    with decompression.binary(file.path) as raw:
        while block := raw.read(1 << 20):
            last = block
    if not last.endswith((b"\n", b"\r")):
        yield unfinished(file.name, surveyed.lines[-1] if surveyed.lines else 1)


def _use(con: duckdb.DuckDBPyConnection, number: int, pool: Pool, table: Table) -> list[Problem]:
    """Add the rows of a table to `use`, for one pool; what columns it lacks."""
    known = FORMATS[pool.format]
    wanted = [*pool.resource, pool.account, *filter(None, (pool.date, known.until))]
    wanted += [name for weight in pool.weights for name in (weight.column, weight.times) if name]
    missing = [name for name in dict.fromkeys(wanted) if name not in table.columns]
    if missing:
        return [
            Problem(
                table.file.name,
                "usage-columns",
                f"{pool.id} needs the column {name}, but the header lacks it",
                did_you_mean(name, list(table.columns)),
                table.line,
            )
            for name in missing
        ]
    cells = table.columns
    identity = [cells[name] for name in known.identity if name in cells]
    parts = {
        "pool": str(number),
        "file": str(table.file.number),
        "resource": f"concat_ws('/', {', '.join(cells[name] for name in pool.resource)})",
        "account": cells[pool.account],
        "day": cells[pool.date] if pool.date else "NULL::VARCHAR",
        "until": cells[known.until] if known.until else "NULL::VARCHAR",
        "identity": f"concat_ws(' ', {', '.join(identity)})" if identity else "NULL",
    }
    for index, weight in enumerate(pool.weights):
        text, amount = _amount(cells, weight)
        con.execute(filled(query(__package__, "use_row"), weight=str(index), cell=text, amount=amount, **parts))
    return []


def _amount(cells: Mapping[str, str], weight: Weight) -> tuple[str, str]:
    """SQL of a weight as written, and as a number: exact to 18 decimals, a product of two to nine decimals each."""
    one = cells[weight.column]
    if not weight.times:
        return one, f"amount({one})"
    other = cells[weight.times]
    rounded = [f"try_cast(amount({each}) AS DECIMAL(18, 9))" for each in (one, other)]
    return f"{one} || ' × ' || {other}", f"({rounded[0]} * {rounded[1]})"
