"""The Frictionless Table Schemas of the FOCUS versions and of the simple dialect, and which of them a file follows.

The schemas are JSON files in `schemas/`, generated from the tables of columns by `tools/schemas.py`. They follow the
standard, so that `frictionless validate file.csv --schema focus-1.2.json` works without this program; how severe a
violation is here is decided by `severity_of`.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from importlib import resources
from typing import Any

from openchargeback.focus.columns import (
    CATEGORIES,
    SIMPLE_COLUMNS,
    TABLE,
    VERSIONS,
    Column,
    billing_period,
    invoice_detail,
)
from openchargeback.problems import Severity

SIMPLE = "simple"
DIALECTS = (*(f"focus-{version}" for version in VERSIONS), SIMPLE)
"""The dialects of charge files; also the names of the schema files."""

INVOICE_DETAIL, BILLING_PERIOD = "focus-1.4-invoice-detail", "focus-1.4-billing-period"
"""The schemas of the other datasets."""

SCHEMAS = (*DIALECTS, INVOICE_DETAIL, BILLING_PERIOD)
"""All schema files, by name."""

_FOLDED_CATEGORIES = frozenset(category.lower() for category in CATEGORIES)


def schema_bytes(dialect: str) -> bytes:
    """The schema file of a dialect or another dataset, as shipped and published."""
    if dialect not in SCHEMAS:
        raise ValueError(f"no schema {dialect}")
    return resources.files(__package__).joinpath("schemas", f"{dialect}.json").read_bytes()


@cache
def _parsed(dialect: str) -> Any:
    return json.loads(schema_bytes(dialect))


def schema_for(dialect: str) -> dict[str, Any]:
    """The Table Schema of a name in SCHEMAS, as a descriptor that the caller may change."""
    return {**_parsed(dialect), "fields": [dict(field) for field in _parsed(dialect)["fields"]]}


def table_of(name: str) -> dict[str, Column]:
    """The columns of a name in SCHEMAS."""
    if name == INVOICE_DETAIL:
        return invoice_detail()
    if name == BILLING_PERIOD:
        return billing_period()
    if name == SIMPLE:
        return {column: TABLE[column] for column in SIMPLE_COLUMNS}
    version = name.removeprefix("focus-")
    return {column: each for column, each in TABLE.items() if each.is_in(version)}


def columns_of(dialect: str) -> tuple[str, ...]:
    """The names of a dialect's columns."""
    return tuple(table_of(dialect))


def detect(columns: Collection[str], setting: str = "") -> str:
    """The dialect of a file with these columns (canonical names); the source's setting wins, if it has one.

    Not set: `simple` if the file has no columns beyond the simple dialect. Otherwise, as with the setting `focus`, the
    lowest version of FOCUS that has all FOCUS columns in the file; if none has them all (a removed column next to a
    later one), the lowest of those that have the most. Columns in no version are ignored.
    """
    if setting in DIALECTS:
        return setting
    if not setting and set(columns) <= set(SIMPLE_COLUMNS):
        return SIMPLE
    known = [TABLE[name] for name in columns if name in TABLE]
    # max keeps the first of equals, which is the lowest version.
    version = max(VERSIONS, key=lambda version: sum(column.is_in(version) for column in known))
    return f"focus-{version}"


def severity_of(code: str, column: str, text: str | None, cost_column: str) -> Severity:
    """The severity of a schema violation: an error if billing would have to guess, else a warning.

    code: Frictionless's (`type-error`, `constraint-error`, `missing-label`), or one that `frictionless_check.py` adds.
    text: the cell; None if it is null or the column is missing. cost_column: what the source bills, `BilledCost` or
    `EffectiveCost`.

    BillingPeriodStart and the cost are needed in every row. ChargeCategory and ListCost may be missing or null (usage,
    no discount), but a value must be readable; the case of a category does not matter.
    """
    if column in {"BillingPeriodStart", cost_column}:
        return Severity.ERROR
    if code == "missing-label" or text is None:
        return Severity.WARNING
    if column == "ChargeCategory" and text.lower() not in _FOLDED_CATEGORIES:
        return Severity.ERROR
    if column == "ListCost" and code != "constraint-error":
        return Severity.ERROR
    return Severity.WARNING
