"""`focus-billing review refresh`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import click

from openchargeback.cli.batches import books_of, queue, who_and_when, write_batch
from openchargeback.cli.options import PERIOD, root_of, with_ledger
from openchargeback.cli.report import shown
from openchargeback.ledger.approval_text import Ruling
from openchargeback.problems import UsageFault
from openchargeback.publish.lock import locked
from openchargeback.publish.refreshing import Replacement, replacements


@click.command()
@click.option("--period", type=PERIOD, help="Only the decisions in this period's folder.")
@click.option("--by", help="Who decides; Git's user.email without it.")
@click.option("--on", help="The date; today without it.", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--dry-run", is_flag=True, help="Only print the proposal.")
@with_ledger
def refresh(period: str | None, by: str | None, on: dt.datetime | None, dry_run: bool, named: str | None) -> None:
    """Propose decisions in place of void ones, in a new approval file; the void ones are for you to remove.

    A selector is proposed anew for what it means now. Where charges named by id changed, Git's history tells which
    they were and what they became.

    \b
    Example: focus-billing review refresh --dry-run
    """
    root = root_of(named)
    with locked(root):
        books = books_of(named)
        if period and books.period(period) is None:
            raise UsageFault(f"the ledger has no period {period}")
        found = [each for each in replacements(books, queue(books)) if period in (None, each.period)]
        if not found:
            click.echo("no decision is void")
            return
        who, when = who_and_when(root, by, on.date().isoformat() if on else None)
        for folder in sorted({each.period for each in found}):
            entries = [entry for each in found if each.period == folder for entry in _entries(each, who, when)]
            if dry_run and entries:
                click.echo("decisions:\n" + "".join(entries), nl=False)
            elif entries:
                click.echo(f"{write_batch(root, folder, 'refresh', entries)}: a proposal to look through and commit")
    _say(found)


def _entries(found: Replacement, by: str, on: str) -> list[str]:
    decision = found.decision
    ruling = Ruling(decision.verb, decision.set, decision.reason, by, on, decision.period)
    entries = [ruling.on_group(group, decision.clears[1:]) for group in found.groups]
    return [*entries, ruling.on_charges(found.charges, decision.clears)] if found.charges else entries


def _say(found: Sequence[Replacement]) -> None:
    """What is to be done by hand, to each void decision."""
    for title, some in (
        ("Remove by hand, since they are void:", [each for each in found if each.proposes]),
        ("Void, and nothing to propose:", [each for each in found if not each.proposes]),
    ):
        if some:
            click.echo(title, err=True)
        for each in some:
            click.echo(f"  {each.decision.place}: {each.decision.verb}, {shown(each.decision.reason)}", err=True)
            for remark in each.remarks:
                click.echo(f"    {shown(remark)}", err=True)
