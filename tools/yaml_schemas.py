"""Write the JSON Schemas of a ledger's files, into the package and into the sample ledger, and of a statement's record.

`make schemas` runs it.
"""

from __future__ import annotations

from pathlib import Path

from openchargeback.ledger.schema_files import FOLDER, KINDS
from openchargeback.portal.statement_record import SCHEMA, schema_text
from openchargeback.record.yaml_schemas import schema_of

ROOT = Path(__file__).parents[1]


def targets() -> dict[Path, bytes]:
    """The expected content of every schema file of this checkout."""
    folders = (ROOT / "src/openchargeback/ledger/schemas", ROOT / "ledger" / FOLDER)
    ledger = {folder / f"{name}.json": schema_of(name) for folder in folders for name in KINDS}
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
