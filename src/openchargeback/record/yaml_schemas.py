"""The JSON Schemas of a ledger's YAML files (draft 2020-12), generated from the same declarations as the readers."""

from __future__ import annotations

import json

from openchargeback.ledger.approvals import APPROVALS
from openchargeback.ledger.directory import FUNDS, PEOPLE, PROJECTS
from openchargeback.ledger.journal_profiles import PROFILE
from openchargeback.ledger.notes import NOTES_FILE
from openchargeback.ledger.periods import PERIOD
from openchargeback.ledger.postings import POSTINGS
from openchargeback.ledger.settings import CONFIG, LOCAL
from openchargeback.ledger.shape import Record
from openchargeback.record.closing_record import FROZEN_FILE

FILES: dict[str, tuple[str, Record]] = {
    "config": ("Settings of a ledger", CONFIG),
    "config.local": ("Settings of one machine", LOCAL),
    "people": ("PIs of a ledger", PEOPLE),
    "projects": ("Projects of a ledger", PROJECTS),
    "funds": ("Funds of a ledger", FUNDS),
    "approvals": ("Decisions on charges", APPROVALS),
    "frozen": ("Record of a closed month", FROZEN_FILE),
    "notes": ("Notes on a closed month", NOTES_FILE),
    "period": ("State of a billing month", PERIOD),
    "postings": ("Postings of a month's journal", POSTINGS),
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
