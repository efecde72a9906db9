"""The charges of a conversion as a CSV file.

Many charges have the same form (`form.sql`): they differ in numbers and times alone. What the charges of a form share
is most of a line. So it is written once per form, in pieces, and a charge puts its own cells between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, groupby, pairwise
from pathlib import Path

import duckdb

from openchargeback.convert.instants import month_bounds
from openchargeback.convert.kinds import Kind
from openchargeback.convert.settings import Settings
from openchargeback.focus.csv_copy import guarded_sql
from openchargeback.focus.database import count, identifier, literal, sql
from openchargeback.problems import OutsideFault

_NUMBERS = (
    *("BilledCost", "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ContractedCost", "EffectiveCost"),
    *("ListCost", "PricingQuantity", "x_Records", "x_SourceLine", "x_UsageAmount", "x_UsageSeconds"),
)
"""Columns in which the charges of a form differ, whose cells never need quotes."""

_MANY = 4
"""Charges per form from which on texts of forms are numbered before charges are sorted."""


def write_charges(
    con: duckdb.DuckDBPyConnection, kind: Kind, settings: Settings, period: str, rows: str, output: Path
) -> None:
    """Write the charges of a period. rows: what a row stands for. Raises OutsideFault if rows were lost or added."""
    con.execute(sql(__package__, "form.sql"), {"sku": settings.sku})
    constants, parts = _constants(kind, settings, period), _parts(kind, settings, rows)
    own = _own(kind, rows)
    forms = _focus(constants, rows=f"({sql(__package__, 'form_rows.sql')})", further=", id", **parts)
    con.execute(f"CREATE TABLE form_row AS {forms}")
    names = [column[0] for column in con.execute("SELECT * EXCLUDE (id) FROM form_row LIMIT 0").description]
    runs = [(is_own, list(run)) for is_own, run in groupby(names, key=own.__contains__)]
    pieces = [run for is_own, run in runs if not is_own]
    _make_common(con, pieces)
    charges = count(con, "SELECT count(*) FROM charge")
    if charges > _MANY * count(con, "SELECT count(*) FROM form"):
        _number_texts(con, [_joined(piece) for piece in pieces])
    cells = [each for is_own, run in runs for each in ([own[name] for name in run] if is_own else [_joined(run)])]
    # One text: DuckDB looks at each cell that it writes.
    line = "concat(" + ", ',', ".join(cells) + f") AS {_joined(names)}"
    further = "".join(f", {_joined(piece)}" for piece in pieces)
    written = _focus(
        constants, rows=f"({sql(__package__, 'charge_rows.sql', **_rows(rows))})", further=further, **parts
    )
    # In two steps: DuckDB would evaluate the first as often as the second uses it.
    guarded = ", ".join(f"{guarded_sql(name)} AS {name}" for name in _texts(kind, rows))
    guarded = f"SELECT * REPLACE ({guarded}) FROM ({written})" if guarded else written
    copied = con.execute(
        f"COPY (SELECT {line} FROM ({guarded})) TO {literal(str(output))} "
        "(FORMAT csv, HEADER, QUOTE '', ESCAPE '', USE_TMP_FILE false)"
    ).fetchone()
    if copied != (charges,):
        raise OutsideFault(f"rows were lost or added ({charges} of {copied}); report this as a bug in the program")


def _make_common(con: duckdb.DuckDBPyConnection, pieces: Sequence[Sequence[str]]) -> None:
    """Create `common`, one row per form: the pieces of its lines."""
    places = [0, *accumulate(map(len, pieces))]
    texts = ", ".join(f"{name}::VARCHAR" for piece in pieces for name in piece)
    joined = ", ".join(
        f"array_to_string(cells[{since + 1}:{until}], ',') AS {_joined(piece)}"
        for piece, (since, until) in zip(pieces, pairwise(places), strict=True)
    )
    # In lists: the regular expressions of each column would be compiled on their own.
    guarded = f"SELECT id, list_transform([{texts}], lambda text: {guarded_sql('text')}) AS texts FROM form_row"
    cells = f"SELECT id, list_transform(texts, lambda text: cell(text)) AS cells FROM ({guarded})"
    con.execute(f"CREATE TABLE common AS SELECT id, {joined} FROM ({cells})")


def _joined(names: Sequence[str]) -> str:
    """The column that holds a piece of a line, or all of it; its name is that piece of the header."""
    return identifier(",".join(names))


def _texts(kind: Kind, rows: str) -> list[str]:
    """Columns of text in which the charges of a form differ."""
    return ["ResourceId", "ResourceName", "ResourceType", *kind.record_columns, "x_SourceFile"] if rows == "job" else []


def _own(kind: Kind, rows: str) -> dict[str, str]:
    """SQL of the cells in which the charges of a form differ, by column."""
    numbers = [*_NUMBERS, *(("ContractedUnitPrice",) if any(each.unit for each in kind.meters) else ())]
    return {name: name for name in numbers} | {name: f"cell({name})" for name in _texts(kind, rows)}


def _number_texts(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
    """Turn texts into numbers of dictionaries (ENUM): sorting charges then moves few bytes."""
    for number, column in enumerate(columns):
        con.execute(f"CREATE TYPE piece{number} AS ENUM (SELECT DISTINCT {column} FROM common ORDER BY ALL)")
    numbered = ", ".join(f"{column}::piece{number} AS {column}" for number, column in enumerate(columns))
    con.execute(f"CREATE OR REPLACE TABLE common AS SELECT id, {numbered} FROM common")


def _focus(constants: Mapping[str, str], **parts: str) -> str:
    """The query of the columns."""
    # In one pass: a value may look like the name of another.
    return re.sub(r"\$[a-z_]+", lambda found: constants[found[0]], sql(__package__, "focus.sql", **parts))


def _parts(kind: Kind, settings: Settings, rows: str) -> dict[str, str]:
    """The parts of `focus.sql` that depend on the kind and the settings."""
    by_day = rows != "job"
    record = "".join(f"{column} AS {identifier(name)}, " for name, column in kind.record_columns.items())
    return {
        "job_columns": "" if by_day else f"{record}source_file AS x_SourceFile, line AS x_SourceLine,",
        "amount": _amount(kind.decimals),
        # A price may be for a million of what is consumed.
        "consumed": "consumed(amount, divided_by, unit)" if kind.decimals else "quantity",
        "consumed_unit": "counted(unit)" if kind.decimals else "unit",
        "user_column": ", person AS x_user" if settings.users else "",
        "resource": f"concat_ws('/', cluster, {'partition, tier, account' if by_day else 'resource'})",
    }


def _rows(rows: str) -> dict[str, str]:
    """The parts of `charge_rows.sql`."""
    if rows != "job":
        return {"record_columns": "", "record_join": "", "order": "charge.span, form.place, charge.item"}
    return {
        "record_columns": "record.line, record.resource, record.state, input_file.name AS source_file,",
        "record_join": "JOIN record ON record.n = charge.n JOIN input_file ON input_file.number = record.file",
        "order": "charge.n, charge.span, charge.item",
    }


def _constants(kind: Kind, settings: Settings, period: str) -> dict[str, str]:
    """SQL of what is the same in every row, by its name in `focus.sql`."""
    first, last = month_bounds(period)
    values = {
        "billing_account": settings.billing_account,
        "currency": settings.currency,
        "period_start": f"{first:%Y-%m-%dT%H:%M:%SZ}",
        "period_end": f"{last:%Y-%m-%dT%H:%M:%SZ}",
        "provider": settings.provider,
        "service": settings.service,
        "resource_type": kind.resource_type,
    }
    return {f"${name}": literal(value) for name, value in values.items()}


def _amount(decimals: int) -> str:
    """SQL of the column with the exact amount."""
    if not decimals:
        return "amount AS x_UsageSeconds"
    one = 10**decimals
    return (
        f"trimmed((amount // {one})::DECIMAL(29, 0)::DECIMAL(38, {decimals}) "
        f"+ (amount % {one})::DECIMAL({decimals}, 0) * {Decimal(1).scaleb(-decimals):f}) AS x_UsageAmount"
    )
