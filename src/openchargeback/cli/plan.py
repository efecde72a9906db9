"""`focus-billing plan`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from openchargeback.cli.host import host_record, review_options
from openchargeback.cli.options import in_format, root_of, with_ledger
from openchargeback.cli.report import json_text, print_for_others, print_problems, progress


@click.command()
@click.argument("base", required=False)
@click.option("--head", metavar="REV", help="Compare a commit instead of the work tree, as CI does.")
@in_format
@review_options
@with_ledger
def plan(
    base: str | None,
    head: str | None,
    form: str,
    event: Path | None,
    reviews: Path | None,
    commits: Path | None,
    named: str | None,
) -> None:
    """Show what merging this branch would change, in money.

    BASE is a branch, tag or commit; by default origin/main, else main. As in a pull request, the comparison is with
    the commit where this branch left BASE. Exit code 1 for errors in the ledger, or if more than `plan: fail:` changes.

    \b
    Example: focus-billing plan
             focus-billing plan origin/main --head HEAD --format markdown
    """
    with progress(lines=True) as step:
        from openchargeback.plan.document import document
        from openchargeback.problems import has_errors
        from openchargeback.publish.plan import make_plan

        root = root_of(named)
        found = make_plan(root, base, head, host=host_record(event, reviews, commits), step=step)
    if form == "text":
        from openchargeback.cli.plan_text import print_plan

        print_plan(found)
    else:
        from openchargeback.cli.reports import repository_prefix
        from openchargeback.cli.reports.markdown import plan_comment

        text = json_text(document(found)) if form == "json" else plan_comment(found, repository_prefix(root))
        print_for_others(root, "the plan", text)
    if found.problems and form != "json":
        print_problems(found.problems)
    sys.exit(1 if has_errors(found.problems) else 0)
