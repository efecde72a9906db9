"""The open data of a build: billing lines as CSV, and the Frictionless Data Package that describes all of it.

    data/datapackage.json             describes the files, with their digests
    data/2025-01/charges.csv(.gz)     every charge (`billing/charges_data.py`)
    data/2025-01/lines.csv            the billing lines

It is data for programs and stays exact, so no cell is protected from being read as a formula.
Source: Data Package v1, specs.frictionlessdata.io.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openchargeback.billing.charges_data import COLUMNS as CHARGE_COLUMNS
from openchargeback.billing.charges_data import reference_columns
from openchargeback.csv_writing import csv_bytes
from openchargeback.ledger.line_table import COLUMNS, line_cells
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod

FORMAT_VERSION = 3
"""Increased when a file of the open data changes its shape, so that a build replaces older files."""


@dataclass(frozen=True, slots=True)
class DataResource:
    """One file of the package: its path below `data/`, size and SHA-256."""

    period: str
    kind: str
    path: str
    size: int
    sha256: str

    @staticmethod
    def of(period: str, kind: str, path: str, content: bytes) -> DataResource:
        """The entry of a file with this content; kind: `charges` or `lines`."""
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
        "description": "Every charge with its disposition, and the billing lines. Amounts are exact decimals.",
        "resources": [_resource(resource, config) for resource in resources],
    }
    text = json.dumps(package, ensure_ascii=False, indent=1) + "\n"
    return text.encode("utf-8", errors="backslashreplace")


def _resource(resource: DataResource, config: Config) -> dict[str, object]:
    packed = {"compression": "gz"} if resource.path.endswith(".gz") else {}
    fields = _charge_fields(config) if resource.kind == "charges" else _line_fields()
    return {
        "name": f"{resource.kind}-{resource.period}",
        "path": resource.path,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        **packed,
        "bytes": resource.size,
        "hash": f"sha256:{resource.sha256}",
        "schema": {"fields": fields, **({"primaryKey": ["charge"]} if resource.kind == "charges" else {})},
    }


def _charge_fields(config: Config) -> list[dict[str, object]]:
    names = config.reference_names
    references = {
        column: ("string", f"The reference “{name}” of the charge")
        for name, column in zip(names, reference_columns(config), strict=True)
    }
    return _fields({**CHARGE_COLUMNS, **references})


def _line_fields() -> list[dict[str, object]]:
    return _fields({column.name: (column.type, column.words) for column in COLUMNS})


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
