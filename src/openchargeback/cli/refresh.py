"""`focus-billing review refresh`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import click

from openchargeback.cli.batches import batch_file, books_of, queue, who_and_when
from openchargeback.cli.options import PERIOD, root_of, with_ledger
from openchargeback.cli.report import shown
from openchargeback.files.changes import change_files
from openchargeback.ledger.lock import locked
from openchargeback.problems import UsageFault
from openchargeback.publish.refreshing import Replacement, cleaned_files, replacements
from openchargeback.wording import counted


@click.command()
@click.option("--period", type=PERIOD, help="Only the decisions in this period's folder.")
@click.option("--by", help="Who decides; Git's user.email by default.")
@click.option("--on", help="The date; today by default.", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--dry-run", is_flag=True, help="Print what would be written without writing it.")
@with_ledger
def refresh(period: str | None, by: str | None, on: dt.datetime | None, dry_run: bool, named: str | None) -> None:
    """Replace decisions that no longer match their charges.

    A decision on an item is rewritten for the charges it matches now. If charges named by id changed, Git's history
    shows what they became. The old decisions are removed from their files; flags raised since still hold their charges.

    \b
    Example: focus-billing review refresh --dry-run
    """
    root = root_of(named)
    with locked(root):
        books = books_of(named)
        if period and period not in books.ledger.periods:
            raise UsageFault(f"the ledger has no period {period}")
        found = [each for each in replacements(books, queue(books)) if period in (None, each.period)]
        if not found:
            click.echo("Every decision matches its charges.")
            return
        who, when = who_and_when(root, by, on)
        cleaned = cleaned_files(books.ledger, [each.decision for each in found])
        _print(found)
        changed: dict[str, bytes | None] = {}
        for folder in sorted({each.period for each in found}):
            entries = [entry for each in found if each.period == folder for entry in each.entries(who, when)]
            if entries and dry_run:
                click.echo("decisions:\n" + "".join(entries), nl=False)
            elif entries:
                changed |= batch_file(root, folder, "refresh", entries)
        if dry_run:
            return
        changed |= cleaned
        change_files(root, changed)
        for path, data in changed.items():
            click.echo(f"{'Removed' if data is None else 'Wrote'} {path}")
    click.echo("Review the changes and commit them.")


def _print(found: Sequence[Replacement]) -> None:
    """Print what happens to each decision, and why."""
    for each in found:
        new = len(each.items) if each.items else bool(each.charges)
        done = f"replaced by {counted(new, 'decision')}" if new else "removed: nothing left to decide"
        click.echo(f"{each.decision.place}: {each.decision.verb}, {shown(each.decision.reason)}: {done}")
        for remark in (each.why, *each.remarks):
            click.echo(f"  {shown(remark)}")
