"""The JSON Schemas of a ledger's YAML files, which editors complete and check by.

They follow from the shapes that the program reads by. `tools/yaml_schemas.py` writes them into this package; `init`
copies them into `.schemas/` of a ledger, where editors find them without a network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath

from openchargeback.ledger.approvals import APPROVALS
from openchargeback.ledger.config import CONFIG, FILE_NAME, LOCAL, LOCAL_FILE_NAME
from openchargeback.ledger.directory import FUNDS, PEOPLE, PROJECTS
from openchargeback.ledger.frozen_shape import FROZEN_FILE
from openchargeback.ledger.notes import NOTES_FILE
from openchargeback.ledger.periods import PERIOD
from openchargeback.ledger.shape import Shape

FOLDER = ".schemas"
"""Where a ledger keeps its schemas."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of YAML file: its shape, a title for editors, and which files of a ledger are of this kind (a glob)."""

    shape: Shape
    title: str
    files: str


KINDS: dict[str, Kind] = {
    "config": Kind(CONFIG, "Settings of a ledger", FILE_NAME),
    "config.local": Kind(LOCAL, "Settings of one machine", LOCAL_FILE_NAME),
    "people": Kind(PEOPLE, "PIs of a ledger", "directory/people.yaml"),
    "projects": Kind(PROJECTS, "Projects of a ledger", "directory/projects.yaml"),
    "funds": Kind(FUNDS, "Funds of a ledger", "directory/funds.yaml"),
    "approvals": Kind(APPROVALS, "Decisions on charges", "approvals/*/*.yaml"),
    "frozen": Kind(FROZEN_FILE, "Record of a closed month", "periods/[0-9][0-9][0-9][0-9]-[0-9][0-9].frozen.yaml"),
    "notes": Kind(NOTES_FILE, "Notes on a closed month", "periods/[0-9][0-9][0-9][0-9]-[0-9][0-9].notes.yaml"),
    "period": Kind(PERIOD, "State of a billing month", "periods/[0-9][0-9][0-9][0-9]-[0-9][0-9].yaml"),
}
"""Every kind by the name of its schema."""


def schema_of(name: str) -> bytes:
    """The text of a schema, made from the shape of that kind (JSON Schema, draft 2020-12)."""
    kind = KINDS[name]
    head = {"$schema": _DIALECT, "$id": f"urn:openchargeback:schema:{name}", "title": kind.title}
    return (json.dumps({**head, **kind.shape.schema()}, indent=2, ensure_ascii=False) + "\n").encode()


def shipped_schemas() -> dict[str, bytes]:
    """The schemas that come with the program, by their file names, sorted."""
    folder = resources.files(__package__).joinpath("schemas")
    return {f"{name}.json": folder.joinpath(f"{name}.json").read_bytes() for name in sorted(KINDS)}


def schema_comment(root: Path, relative: str) -> str:
    """The first line of a new file, which names its schema to editors; empty where the ledger does not keep it."""
    path = PurePosixPath(relative)
    name = next((name for name, kind in KINDS.items() if path.match(kind.files)), "")
    if not name or not (root / FOLDER / f"{name}.json").is_file():
        return ""
    return f"# yaml-language-server: $schema={'../' * (len(path.parts) - 1)}{FOLDER}/{name}.json\n"
