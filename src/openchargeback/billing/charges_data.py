"""Every charge of a period with its attribution and outcome, as `charges.csv` of the open data.

DuckDB writes the file directly from its tables, so a million charges are never held in Python memory.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from openchargeback.focus.cells import cells, resource_columns
from openchargeback.focus.csv_copy import copy_csv
from openchargeback.focus.database import identifier, literal, sql
from openchargeback.ledger.settings import Config
from openchargeback.review.charges import Charges
from openchargeback.review.ids import number_rest

_VIA = "tag, match (directory claims account or resource), project (its entry), default (of the source) or decision"

COLUMNS = {
    "charge": ("string", "Id of the charge: the first 16 hex digits of a SHA-256 of its content"),
    "source": ("string", "Where the charge comes from"),
    "file": ("string", "The charge file, as a path in the ledger"),
    "row": ("integer", "The row in the file; the header is row 1"),
    "period": ("yearmonth", "The billing month"),
    "pi": ("string", "Email address of the principal investigator; empty if none was found"),
    "project": ("string", "Id of the project; empty if none was found"),
    "fund": ("string", "The accounting string that pays; empty if none was found"),
    "pi_via": ("string", f"How the PI was found: {_VIA}"),
    "project_via": ("string", f"How the project was found: {_VIA}"),
    "fund_via": ("string", f"How the fund was found: {_VIA}"),
    "service": ("string", "ServiceName of the charge"),
    "resource_id": ("string", "ResourceId of the charge; AllocatedResourceId of an allocated share"),
    "resource_name": (
        "string",
        "ResourceName of the charge; for an allocated share, the resource that received it and what was shared",
    ),
    "category": ("string", "ChargeCategory of the charge; empty if the file has none, which counts as Usage"),
    "class": ("string", "ChargeClass of the charge"),
    "list": ("number", "List price, exact, in the row's currency"),
    "billed": ("number", "The cost for billing, exact, in the row's currency, whatever its disposition"),
    "currency": ("string", "ISO 4217 currency code"),
    "disposition": ("string", "billed, held or rejected; billed charges of a source that does not post are only shown"),
    "flags": ("string", "The flags that called for review, separated by semicolons"),
    "decisions": ("string", "The decisions on it, by path and line in the approval files, separated by semicolons"),
}
"""The columns of `charges.csv` except references: name → type in a Frictionless Table Schema, and description."""

_CELLS = {
    "category": "ChargeCategory",
    "class": "ChargeClass",
}


def reference_columns(config: Config) -> tuple[str, ...]:
    """The columns of the configured references; they follow the fixed columns."""
    return tuple(f"reference_{name}" for name in config.reference_names)


def write_charges(charges: Charges, period: str, path: Path) -> None:
    """Write every charge of a period to a CSV file, regardless of its outcome.

    The stages up to statements must have run. Computes ids for the sources that have none yet.
    """
    number_rest(charges)
    copy_csv(charges.con, _query(charges.con, period, charges.config), path, few=charges.are_few)


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
