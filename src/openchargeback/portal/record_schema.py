"""The JSON Schema of `statement.json`, which ships with the program and is published by every portal."""

from __future__ import annotations

import json
from importlib import resources

from openchargeback.portal.span_record import SPAN_STATEMENT
from openchargeback.portal.statement_record import FORMAT, STATEMENT, VERSION

SCHEMA = f"{FORMAT}-{VERSION}"
"""Its name."""


def shipped_schema() -> bytes:
    """The JSON Schema as it ships with the program, written by `tools/yaml_schemas.py`."""
    return resources.files(__package__).joinpath("schemas", f"{SCHEMA}.json").read_bytes()


def schema_text() -> bytes:
    """The text of the JSON Schema (draft 2020-12): of monthly statements, or of those over a span."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:openchargeback:schema:{SCHEMA}",
        "title": "Statement of OpenChargeback",
        "description": "The record embedded in the PDF of a statement. Amounts are decimal numbers, written as text.",
        "oneOf": [
            {"title": "Monthly statement", **STATEMENT.schema},
            {"title": "Statement over a span", **SPAN_STATEMENT.schema},
        ],
    }
    return (json.dumps(schema, indent=2, ensure_ascii=False) + "\n").encode()
