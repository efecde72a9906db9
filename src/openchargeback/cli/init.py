"""`focus-billing init`."""

from __future__ import annotations

from pathlib import Path

import click

from openchargeback.ledger import git
from openchargeback.ledger.new import create_ledger


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--organization", default="My University", show_default=True, help="The institution on statements.")
@click.option("--currency", default="USD", show_default=True, help="The ledger's currency (ISO 4217).")
def init(folder: Path, organization: str, currency: str) -> None:
    """Make a new ledger, as a Git repository.

    \b
    Example: focus-billing init ledger --organization "Northfield University"
    """
    for path in create_ledger(folder, organization, currency):
        click.echo(f"  {path}")
    click.echo(f"A new ledger lies in {folder}. Next:")
    if git.inside_repository(folder):
        click.echo(f"  git -C {folder} add . && git -C {folder} commit -m 'A new ledger'")
    click.echo(f"  focus-billing ingest FILE --source NAME --ledger {folder}")
