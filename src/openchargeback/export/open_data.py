"""The open data of a build: billing lines as CSV, and the Frictionless Data Package that describes all of it.

    data/datapackage.json                          describes the files, with their digests
    data/2025-01/charges.csv(.gz)                  every charge (`billing/charges_data.py`)
    data/2025-01/lines.csv                         the billing lines
    data/2025-01/focus-cost-and-usage.csv(.gz)     what was charged to PIs, as FOCUS (`billing/focus_charges.py`)
    data/2025-01/focus-invoice-detail.csv          the lines of statements, as FOCUS (`focus_books.py`)
    data/focus-billing-period.csv                  the months, as FOCUS

Text that a spreadsheet would run has an apostrophe in front (`csv_writing`); everything else stays exact.
Source: Data Package v1, specs.frictionlessdata.io.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openchargeback.billing import focus_charges
from openchargeback.billing.charges_data import COLUMNS as CHARGE_COLUMNS
from openchargeback.billing.charges_data import reference_columns
from openchargeback.csv_writing import csv_bytes
from openchargeback.export.focus_books import DETAIL_COLUMNS, OWN_DETAIL_COLUMNS, PERIOD_COLUMNS
from openchargeback.focus.schema import BILLING_PERIOD, INVOICE_DETAIL, schema_for
from openchargeback.ledger.line_table import COLUMNS, line_cells
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod

FORMAT_VERSION = 4
"""Increased when a file of the open data changes its shape, so that a build replaces older files."""


class DataKind(enum.StrEnum):
    """The kind of a file of the package; the start of its name there."""

    CHARGES = "charges"
    LINES = "lines"
    COST_AND_USAGE = "focus-cost-and-usage"
    INVOICE_DETAIL = "focus-invoice-detail"
    BILLING_PERIOD = "focus-billing-period"

    @property
    def words(self) -> tuple[str, str]:
        """Its name for people, and what one row is."""
        return _WORDS[self]


_WORDS = {
    DataKind.CHARGES: ("Charges", "One charge as received: what became of it, who pays, and its share in cents."),
    DataKind.LINES: ("Billing lines", "The charges of one PI, project, fund, source and service, exact and in cents."),
    DataKind.COST_AND_USAGE: (
        "FOCUS Cost and Usage",
        "One charge to a PI, as if this service were the provider (FOCUS 1.4).",
    ),
    DataKind.INVOICE_DETAIL: ("FOCUS Invoice Detail", "One line of a statement, as a line of an invoice (FOCUS 1.4)."),
    DataKind.BILLING_PERIOD: ("FOCUS Billing Period", "One month and whether it is final (FOCUS 1.4)."),
}
_KEYS = {
    DataKind.CHARGES: ["charge"],
    DataKind.INVOICE_DETAIL: ["InvoiceId", "InvoiceDetailId"],
    DataKind.BILLING_PERIOD: ["BillingPeriodStart"],
}


@dataclass(frozen=True, slots=True)
class DataResource:
    """One file of the package: its path below `data/`, size and SHA-256. period: empty if it is about all of them."""

    period: str
    kind: DataKind
    path: str
    size: int
    sha256: str

    @staticmethod
    def of(period: str, kind: DataKind, path: str, content: bytes) -> DataResource:
        """The entry of a file with this content."""
        return DataResource(period, kind, path, len(content), hashlib.sha256(content).hexdigest())


def lines_csv(period: BilledPeriod) -> bytes:
    """The billing lines of a period in their order, exact and in cents."""
    numbers = {(each.pi.email, each.project.id): each.number for each in period.statements}
    rows = (line_cells(line, numbers[line.pi, line.project], period.currency) for line in period.lines)
    return csv_bytes([column.name for column in COLUMNS], rows)


def datapackage(resources: Sequence[DataResource], config: Config) -> bytes:
    """`datapackage.json` of these files, in their order."""
    package = {
        "name": "openchargeback-data",
        "title": f"Charges and billing lines of {config.organization.name}",
        "description": (
            "Every charge with its disposition, the billing lines, and what was charged to PIs as FOCUS 1.4: Cost and "
            "Usage, Invoice Detail and Billing Period. Amounts are exact decimals."
        ),
        "resources": [_resource(resource, config) for resource in resources],
    }
    text = json.dumps(package, ensure_ascii=False, indent=1) + "\n"
    return text.encode("utf-8", errors="backslashreplace")


def _resource(resource: DataResource, config: Config) -> dict[str, object]:
    packed = {"compression": "gz"} if resource.path.endswith(".gz") else {}
    key = {"primaryKey": _KEYS[resource.kind]} if resource.kind in _KEYS else {}
    return {
        "name": "-".join(filter(None, (resource.kind, resource.period))),
        "path": resource.path,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        **packed,
        "bytes": resource.size,
        "hash": f"sha256:{resource.sha256}",
        "schema": {"fields": fields_of(resource.kind, config), **key},
    }


def fields_of(kind: DataKind, config: Config) -> list[dict[str, object]]:
    """The columns of a kind of file as fields of a Table Schema."""
    match kind:
        case DataKind.CHARGES:
            return _charge_fields(config)
        case DataKind.LINES:
            return _fields({column.name: (column.type, column.words) for column in COLUMNS})
        case DataKind.COST_AND_USAGE:
            return [*_focus_fields("focus-1.4", focus_charges.FOCUS_COLUMNS), *_fields(focus_charges.OWN_COLUMNS)]
        case DataKind.INVOICE_DETAIL:
            return [*_focus_fields(INVOICE_DETAIL, DETAIL_COLUMNS), *_fields(OWN_DETAIL_COLUMNS)]
    return _focus_fields(BILLING_PERIOD, PERIOD_COLUMNS)


def _focus_fields(schema: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The fields of a schema of FOCUS for those of these columns that it has, in order."""
    fields = {field["name"]: field for field in schema_for(schema)["fields"]}
    return [fields[name] for name in columns if name in fields]


def _charge_fields(config: Config) -> list[dict[str, object]]:
    names = config.reference_names
    references = {
        column: ("string", f"The reference “{name}” of the charge")
        for name, column in zip(names, reference_columns(config), strict=True)
    }
    return _fields({**CHARGE_COLUMNS, **references})


def _fields(columns: Mapping[str, tuple[str, str]]) -> list[dict[str, object]]:
    """The fields of a Table Schema, from columns: name → type and description."""
    return [
        {
            "name": name,
            "type": kind,
            **({"trueValues": ["yes"], "falseValues": ["no"]} if kind == "boolean" else {}),
            "description": words,
        }
        for name, (kind, words) in columns.items()
    ]
