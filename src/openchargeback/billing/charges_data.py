"""Every charge of a period with what was found out about it, as `charges.csv` of the open data.

Written by DuckDB from its tables to the disk, so that a million charges never stand in Python's memory.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from openchargeback.focus.cells import cells, resource_columns
from openchargeback.focus.database import identifier, literal, sql
from openchargeback.ledger.settings import Config
from openchargeback.review.ids import number_rest
from openchargeback.review.month import Month

COLUMNS = {
    "charge": "string",
    "source": "string",
    "file": "string",
    "row": "integer",
    "period": "yearmonth",
    "pi": "string",
    "project": "string",
    "fund": "string",
    "pi_via": "string",
    "project_via": "string",
    "fund_via": "string",
    "service": "string",
    "resource_id": "string",
    "resource_name": "string",
    "category": "string",
    "class": "string",
    "list": "number",
    "billed": "number",
    "currency": "string",
    "disposition": "string",
    "flags": "string",
    "decisions": "string",
}
"""The columns of `charges.csv` with their types in a Frictionless Table Schema; the references follow."""

_CELLS = {
    "category": "ChargeCategory",
    "class": "ChargeClass",
}


def reference_columns(config: Config) -> tuple[str, ...]:
    """The columns of the configured references, after those that are always there."""
    return tuple(f"reference_{name}" for name in config.reference_names)


def write_charges(month: Month, path: Path) -> None:
    """Write the charges of a month to a CSV file, every one of them, whatever became of it.

    The stages up to statements must have run. Ids are computed for the sources that have none yet.
    """
    number_rest(month)
    query = _query(month.con, month.period, month.config)
    month.con.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT csv, HEADER true)")


def _query(con: duckdb.DuckDBPyConnection, period: str, config: Config) -> str:
    names = config.reference_names
    columns = zip(names, reference_columns(config), strict=True)
    joins = [
        f"LEFT JOIN reference AS r{number} ON r{number}.tag = payer.tag AND r{number}.name = {literal(name)}"
        for number, name in enumerate(names)
    ]
    return sql(
        __package__,
        "charges_data.sql",
        period=literal(period),
        references="".join(f", r{number}.value AS {identifier(name)}" for number, (_, name) in enumerate(columns)),
        reference_joins="\n".join(joins),
        **{**cells(con, **_CELLS), **resource_columns(con)},
    )
