"""The columns of FOCUS 1.0 to 1.4, and their names in earlier versions and other exports.

Source: the column definitions of the FinOps Open Cost and Usage Specification, focus.finops.org. The table of "Cost and
Usage" is in `columns.csv` next to this file, those of other datasets in files of their own; the table schemas in
`schemas/` are generated from them (`tools/schemas.py`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")
"""The versions of FOCUS that are read as is, ascending."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the standard defines it.

    type: decimal, datetime, json or string. level: mandatory, recommended or conditional (its "feature level").
    nulls: whether a cell may be null. since, until: the first and last versions that have it; until is empty for
    current columns. values: the allowed values; empty if any value is allowed.
    """

    name: str
    type: str
    level: str
    nulls: bool
    since: str
    until: str
    values: tuple[str, ...]
    description: str

    @property
    def required(self) -> bool:
        """Whether a file must have the column with a value in every row."""
        return self.level == "mandatory" and not self.nulls

    def is_in(self, version: str) -> bool:
        """Whether this version of FOCUS has the column."""
        return VERSIONS.index(self.since) <= VERSIONS.index(version) <= VERSIONS.index(self.until or VERSIONS[-1])


def _read_table(name: str) -> dict[str, Column]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    rows: Iterator[dict[str, Any]] = csv.DictReader(text.splitlines())
    return {
        row["name"]: Column(
            **{**row, "nulls": row["nulls"] == "yes", "values": tuple(filter(None, row["values"].split("|")))}
        )
        for row in rows
    }


TABLE: dict[str, Column] = _read_table("columns.csv")
"""Every column of any version of "Cost and Usage", by name."""


@cache
def invoice_detail() -> dict[str, Column]:
    """The columns of "Invoice Detail" of FOCUS 1.4, by name."""
    return _read_table("invoice_detail.csv")


@cache
def billing_period() -> dict[str, Column]:
    """The columns of "Billing Period" of FOCUS 1.4, by name."""
    return _read_table("billing_period.csv")


COLUMNS: dict[str, str] = {name: column.type for name, column in TABLE.items()}
"""Every FOCUS column with its type: decimal, datetime, json or string."""

OLDER_NAMES = {
    "AmortizedCost": "EffectiveCost",
    "ChargeType": "ChargeCategory",
    "InvoiceIssuer": "InvoiceIssuerName",
    "Provider": "ProviderName",
    "Publisher": "PublisherName",
    "Region": "RegionId",
    "UsageQuantity": "ConsumedQuantity",
    "UsageUnit": "ConsumedUnit",
}
"""Names in FOCUS 0.5, 1.0-preview and the older OCI export, with the current name."""

OLDER_VALUES = {"PricingCategory": {"On-Demand": "Standard", "Commitment-Based": "Committed"}}
"""Allowed values of FOCUS 1.0-preview that were renamed in 1.0, by column, with the current value."""

WITHDRAWN = {"ChargeSubcategory": "ChargeClass and CommitmentDiscountStatus"}
"""Columns of earlier versions without a single replacement, and the columns of FOCUS 1.0 to use instead."""

USER_COLUMN = "x_user"
"""Who used what was charged: a column of our converters, for sums by person."""

CATEGORIES = TABLE["ChargeCategory"].values
"""Allowed values of ChargeCategory."""

SIMPLE_COLUMNS = (
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ListCost",
    "ContractedCost",
    "BilledCost",
    "EffectiveCost",
    "ResourceId",
    "ResourceName",
    "ServiceName",
    "Tags",
)
"""The simple dialect of research groups: whole days, ends inclusive, no currency, category or account."""

_FOLDED = {name.casefold(): name for name in (*COLUMNS, *OLDER_NAMES)}


def canonical_name(label: str) -> str:
    """The FOCUS column that a header label means; any other label is returned trimmed.

    Case and spaces are ignored, and names of older versions are mapped.
    """
    trimmed = label.strip()
    known = _FOLDED.get(trimmed.casefold(), trimmed)
    return OLDER_NAMES.get(known, known)
