"""`focus-billing review credit`: credits charges that a closed period billed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import click

from openchargeback import money
from openchargeback.billing.credits import Billed, BilledFilter, billed_charges, creditable
from openchargeback.billing.period_review import new_errors
from openchargeback.cli.batches import ledger_of, original_of, refuse_faulty, who_and_when, write_batch
from openchargeback.cli.decide import CHARGE, setting, with_options, writing
from openchargeback.cli.options import PERIOD, root_of
from openchargeback.cli.report import shown
from openchargeback.ledger.approval_text import Proposal
from openchargeback.ledger.approvals import Verb
from openchargeback.ledger.lock import locked
from openchargeback.ledger.settings import Payer
from openchargeback.problems import UsageFault
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.wording import counted

_LISTED = 20


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
        original_of(ledger, period, of)
        who, when = who_and_when(root, by, on)
        ids = list(dict.fromkeys((*charges, *_selected(ledger, of, wanted))))
        billed = _creditable(ledger, of, period, ids)
        entry = Proposal(Verb.CREDIT, Payer(set_pi, set_project, set_fund), reason, who, when, of).on_charges(ids)
        refuse_faulty(new_errors(ledger, period, [entry]))
        _print_summary(ledger, of, billed)
        path = write_batch(root, period, name or f"credit-{of}", [entry])
    click.echo(f"Wrote {path}. The credit takes effect once you commit it.")


def _selected(ledger: RecordedLedger, of: str, wanted: BilledFilter) -> list[str]:
    """The ids of the charges that the options select. Raises UsageFault if there are none."""
    if wanted == BilledFilter():
        return []
    numbers = {each.number for each in ledger.records[of].statements}
    unknown = next((each for each in wanted.statements if each not in numbers), "")
    if unknown:
        raise UsageFault(f"{of} has no statement {unknown}")
    found = billed_charges(ledger, of, wanted)
    if not found:
        raise UsageFault(f"nothing billed in {of} matches all of these options")
    return found


def _creditable(ledger: RecordedLedger, of: str, period: str, ids: Sequence[str]) -> list[Billed]:
    billed, faults = creditable(ledger, of, period, ids)
    if faults:
        more = f"\n  and {len(faults) - _LISTED:,} more" if len(faults) > _LISTED else ""
        raise UsageFault(f"these charges of {of} cannot be credited\n  " + "\n  ".join(faults[:_LISTED]) + more)
    return billed


def _print_summary(ledger: RecordedLedger, of: str, billed: Sequence[Billed]) -> None:
    """Print what is credited, by statement."""
    currency = ledger.config.currency
    sums: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for each in billed:
        key = (each.corrects, each.pi, each.project)
        number, amount = sums.get(key, (0, money.ZERO))
        sums[key] = (number + 1, amount + each.amounts.billed)
    total = sum((each.amounts.billed for each in billed), money.ZERO)
    click.echo(f"Credit {counted(len(billed), 'charge')} of {of}, {money.human(total, currency)} {currency}:")
    ordered = sorted(sums.items(), key=lambda item: (-abs(item[1][1]), item[0]))
    for (statement, pi, project), (number, amount) in ordered[:_LISTED]:
        what = f"{money.human(amount, currency)} {currency}  {statement}, {pi}, {project}, {counted(number, 'charge')}"
        click.echo(f"  {shown(what)}")
    if len(ordered) > _LISTED:
        click.echo(f"  and {counted(len(ordered) - _LISTED, 'more statement')}")
