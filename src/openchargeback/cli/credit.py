"""`focus-billing review credit`: credits charges that a closed period billed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import click

from openchargeback import money
from openchargeback.billing.crediting import Selection, credit_entry, sums_by_statement
from openchargeback.billing.credits import Billed, BilledFilter
from openchargeback.cli.batches import ledger_of, who_and_when, write_batch
from openchargeback.cli.decide import CHARGE, setting, with_options, writing
from openchargeback.cli.options import PERIOD, root_of
from openchargeback.cli.report import shown
from openchargeback.ledger.approval_text import Proposal
from openchargeback.ledger.approvals import Verb
from openchargeback.ledger.lock import locked
from openchargeback.ledger.settings import Payer
from openchargeback.problems import UsageFault
from openchargeback.wording import counted, shortened


@click.command()
@click.option("--period", required=True, type=PERIOD, help="The open period whose statement carries the credit.")
@click.option("--of", required=True, type=PERIOD, help="The closed period of the charges.")
@click.option("--charge", "charges", multiple=True, type=CHARGE, help="Credit this charge, by id; repeatable.")
@click.option("--resource", "resources", multiple=True, help="Credit all charges of this resource; repeatable.")
@click.option("--statement", "statements", multiple=True, help="Credit all charges of this statement; repeatable.")
@click.option("--project", "projects", multiple=True, help="Credit all charges of this project; repeatable.")
@click.option("--source", "sources", multiple=True, help="Credit all charges from this source; repeatable.")
@with_options(*setting, *writing)
def credit(
    period: str,
    of: str,
    charges: tuple[str, ...],
    resources: tuple[str, ...],
    statements: tuple[str, ...],
    projects: tuple[str, ...],
    sources: tuple[str, ...],
    set_pi: str,
    set_project: str,
    set_fund: str,
    reason: str,
    by: str | None,
    on: dt.datetime | None,
    name: str | None,
    named: str | None,
) -> None:
    """Credit charges of a closed period; with --set-…, bill them again to the right payer.

    Options narrow the selection: --project with --source selects what the project was billed from that source.

    \b
    Example: focus-billing review credit --period 2025-02 --of 2025-01 --charge 7f3a9c21d0b41e66 --reason "billed twice"
             focus-billing review credit --period 2025-02 --of 2025-01 --source hpc --reason "wrong export"
    """
    wanted = BilledFilter(
        resources=resources, statements=statements, projects=projects, sources=tuple(each.lower() for each in sources)
    )
    if not charges and wanted == BilledFilter():
        raise UsageFault("no charges selected: use --charge, --resource, --statement, --project or --source")
    root = root_of(named)
    with locked(root):
        ledger = ledger_of(root)
        payer, (who, when) = Payer(set_pi, set_project, set_fund), who_and_when(root, by, on)
        credit = Proposal(Verb.CREDIT, payer, reason, who, when, of)
        entry, billed = credit_entry(ledger, Selection(period, of, charges, wanted), credit)
        _print_summary(of, billed, ledger.config.currency)
        path = write_batch(root, period, name or f"credit-{of}", [entry])
    click.echo(f"Wrote {path}. The credit takes effect once you commit it.")


def _print_summary(of: str, billed: Sequence[Billed], currency: str) -> None:
    """Print what is credited, by statement."""
    total = sum((each.amounts.billed for each in billed), money.ZERO)
    click.echo(f"Credit {counted(len(billed), 'charge')} of {of}, {money.human(total, currency)} {currency}:")
    lines = [
        f"{money.human(amount, currency)} {currency}  {first.corrects}, {first.pi}, {first.project}, "
        f"{counted(number, 'charge')}"
        for first, number, amount in sums_by_statement(billed)
    ]
    for line in shortened(lines):
        click.echo(shown(line))
