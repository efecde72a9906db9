"""Write the JSON Schemas of a ledger's files, into the package and into the sample ledger, and of a statement's record.

The schemas (draft 2020-12) are generated from the declarations by which the program reads the files.
`make schemas` runs it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

from openchargeback.convert.config import ANY_CONFIG
from openchargeback.ledger.approvals import APPROVALS
from openchargeback.ledger.deliveries import DELIVERIES
from openchargeback.ledger.directory import FUNDS, PEOPLE, PROJECTS
from openchargeback.ledger.journal_profiles import PROFILE
from openchargeback.ledger.notes import NOTES_FILE
from openchargeback.ledger.periods import PERIOD
from openchargeback.ledger.postings import POSTINGS
from openchargeback.ledger.provider_invoices import INVOICES
from openchargeback.ledger.schema_files import FOLDER
from openchargeback.ledger.settings import CONFIG, LOCAL
from openchargeback.portal.record_schema import SCHEMA, schema_text
from openchargeback.record.closing_record import FROZEN_FILE

ROOT = Path(__file__).parents[1]


class Declared(Protocol):
    """The shape of a file."""

    @property
    def help(self) -> str:
        """What the file is."""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what it may contain."""


FILES: dict[str, tuple[str, Declared]] = {
    "config": ("Settings of a ledger", CONFIG),
    "config.local": ("Settings of one machine", LOCAL),
    "people": ("PIs of a ledger", PEOPLE),
    "projects": ("Projects of a ledger", PROJECTS),
    "funds": ("Funds of a ledger", FUNDS),
    "approvals": ("Decisions on charges", APPROVALS),
    "frozen": ("Record of a closed month", FROZEN_FILE),
    "notes": ("Notes on a closed month", NOTES_FILE),
    "period": ("State of a billing month", PERIOD),
    "conversion": ("Config of a conversion", ANY_CONFIG),
    "invoices": ("Invoices of a provider", INVOICES),
    "postings": ("Postings of a month's journal", POSTINGS),
    "deliveries": ("Emails of a month", DELIVERIES),
    "journal-profile": ("Profile of a journal format", PROFILE),
}
"""The title and the shape of every kind of YAML file, by the name of its schema."""


def schema_of(name: str) -> bytes:
    """The text of a schema."""
    title, shape = FILES[name]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:openchargeback:schema:{name}",
        "title": title,
    }
    return (json.dumps({**head, **shape.schema()}, indent=2, ensure_ascii=False) + "\n").encode()


def targets() -> dict[Path, bytes]:
    """The expected content of every schema file of this checkout."""
    folders = (ROOT / "src/openchargeback/ledger/schemas", ROOT / "ledger" / FOLDER)
    ledger = {folder / f"{name}.json": schema_of(name) for folder in folders for name in FILES}
    return {**ledger, ROOT / f"src/openchargeback/portal/schemas/{SCHEMA}.json": schema_text()}


def main() -> None:
    """Write all of them, and remove obsolete ones."""
    wanted = targets()
    for folder in {path.parent for path in wanted}:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.json"):
            if path not in wanted:
                path.unlink()
    for path, data in wanted.items():
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
