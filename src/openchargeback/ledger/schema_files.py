"""The JSON Schemas of a ledger's YAML files, used by editors for completion and checks.

They are generated from the declarations that the program reads by. `tools/yaml_schemas.py` writes them into this
package; `init` copies them into `.schemas/` of a ledger, where editors find them offline.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path, PurePosixPath

from openchargeback.ledger.config import FILE_NAME, LOCAL_FILE_NAME
from openchargeback.ledger.directory import FUNDS_FILE, PEOPLE_FILE, PROJECTS_FILE
from openchargeback.ledger.files import CONVERSIONS, DELIVERIES, POSTINGS, PROFILES
from openchargeback.ledger.periods import INVOICES

FOLDER = ".schemas"
"""The folder of the schemas in a ledger."""

MONTH = "[0-9][0-9][0-9][0-9]-[0-9][0-9]"
KINDS = {
    "config": FILE_NAME,
    "config.local": LOCAL_FILE_NAME,
    "people": PEOPLE_FILE,
    "projects": PROJECTS_FILE,
    "funds": FUNDS_FILE,
    "approvals": "approvals/*/*.yaml",
    "invoices": f"{INVOICES}/*/*.yaml",
    "frozen": f"periods/{MONTH}.frozen.yaml",
    "notes": f"periods/{MONTH}.notes.yaml",
    "period": f"periods/{MONTH}.yaml",
    "conversion": f"{CONVERSIONS}/*.yaml",
    "postings": f"{POSTINGS}/{MONTH}.yaml",
    "deliveries": f"{DELIVERIES}/{MONTH}.yaml",
    "journal-profile": f"templates/{PROFILES}/*.yaml",
}
"""Every kind of YAML file: name of its schema → its files in a ledger (a glob)."""


def shipped_schemas() -> dict[str, bytes]:
    """The schemas shipped with the program, by file name, sorted."""
    folder = resources.files(__package__).joinpath("schemas")
    return {f"{name}.json": folder.joinpath(f"{name}.json").read_bytes() for name in sorted(KINDS)}


def schema_comment(root: Path, relative: str) -> str:
    """The first line of a new file, which names its schema for editors; empty if the ledger has no such schema."""
    path = PurePosixPath(relative)
    name = next((name for name, files in KINDS.items() if path.match(files)), "")
    if not name or not (root / FOLDER / f"{name}.json").is_file():
        return ""
    return f"# yaml-language-server: $schema={'../' * (len(path.parts) - 1)}{FOLDER}/{name}.json\n"
