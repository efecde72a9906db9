"""`focus-billing review evidence`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from openchargeback.cli.host import host_record, kept_option, review_options
from openchargeback.cli.options import PERIOD, in_format, root_of, with_ledger
from openchargeback.cli.report import json_text, print_for_others, print_problems, print_table, shown
from openchargeback.cli.reports import repository_prefix
from openchargeback.cli.reports.markdown import evidence_summary
from openchargeback.evidence.gathering import evidence_document, gather_evidence, read_evidence
from openchargeback.ledger.reading import read_ledger
from openchargeback.model import LEVELS, Evidence
from openchargeback.problems import LedgerFault
from openchargeback.publish.gathering import recorded as recorded_months


@click.command("evidence")
@click.option("--period", "periods", type=PERIOD, multiple=True, help="Only this period; repeatable.")
@click.option("--base", default="", metavar="REV", help="The target branch; by default origin/main, else main.")
@click.option("--changed", is_flag=True, help="Only what this branch changes, as a check on a pull request.")
@in_format
@review_options
@kept_option
@with_ledger
def evidence(
    periods: tuple[str, ...],
    base: str,
    changed: bool,
    form: str,
    event: Path | None,
    reviews: Path | None,
    commits: Path | None,
    kept: tuple[Path, ...],
    named: str | None,
) -> None:
    """Show who approved each approval file and each closing, and how strong the evidence is.

    Levels: A, approved in a review recorded by the host; B, signed; C, only named as deciding; unknown, in a shallow
    clone. Exit code 1 if a level is below what `review: evidence:` requires: in the config or, for a closed month, as
    recorded at closing.

    \b
    Example: focus-billing review evidence
             focus-billing review evidence --changed --base origin/main
             focus-billing review evidence --reviews reviews.json --commits commits.json --format json
    """
    root = root_of(named)
    ledger, problems = read_ledger(root)
    if ledger is None:
        raise LedgerFault(problems)
    ledger, _ = recorded_months(ledger)
    host = host_record(event, reviews, commits)
    recorded = [each for path in kept for each in read_evidence(path)]
    found, missing = gather_evidence(ledger, periods=periods, host=host, base=base, recorded=recorded, changed=changed)
    if form == "json":
        print_for_others(root, "the evidence", json_text(evidence_document(found, missing)))
    elif form == "markdown":
        print_for_others(root, "the evidence", evidence_summary(found, repository_prefix(root)))
    else:
        _print(found)
    if missing and form != "json":
        print_problems(missing)
    sys.exit(1 if missing else 0)


def _print(found: Sequence[Evidence]) -> None:
    if not found:
        click.echo("no decisions or closings in Git")
        return
    rows = [(each.path, str(each.level), each.who, ", ".join(each.authors)) for each in found]
    print_table(("File", "Level", "Who", "Written by"), rows)
    for each in found:
        click.echo(shown(f"{each.path}: {each.why}"))
    click.echo(LEVELS)
