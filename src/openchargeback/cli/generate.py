"""`focus-billing generate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from openchargeback.cli.listing import Column, cents, json_rows, print_rows
from openchargeback.cli.options import PERIOD, as_json, keep_apart, root_of, with_ledger
from openchargeback.cli.report import amount_words, note_problems, print_json, progress
from openchargeback.cli.send import UNSENT, print_result, result_json
from openchargeback.cli.span import generate_span
from openchargeback.model import Statement
from openchargeback.problems import UsageFault
from openchargeback.wording import counted


@click.command()
@click.option("--period", type=PERIOD, help="The month.")
@click.option("--project", metavar="ID", help="One statement for a project.")
@click.option("--fund", metavar="ID", help="One statement for a fund.")
@click.option("--pi", metavar="EMAIL", help="One statement for a PI, over all projects.")
@click.option("--department", metavar="NAME", help="One statement for the PIs of a department.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="The first day of its charges, in UTC.")
@click.option("--until", "last", type=click.DateTime(["%Y-%m-%d"]), help="The last day of its charges.")
@click.option("--fiscal-year", type=click.IntRange(1900, 9000), help="The fiscal year of its charges.")
@click.option(
    "--by-person/--not-by-person",
    default=None,
    help="With a table by person, where charge files name users (x_user); unless told otherwise, only on a PI's month.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("statements"), show_default=True
)
@click.option("--dry-run", is_flag=True, help="Only list the statements.")
@click.option("--send", "mail", is_flag=True, help="Then email them, as `focus-billing send` does.")
@with_ledger
@as_json
def generate(
    period: str | None, output: Path, dry_run: bool, mail: bool, named: str | None, json_: bool, **span: Any
) -> None:
    """Write the PDF statements of a period to its folder below the output, all or nothing.

    With --project, --fund, --pi or --department: write one statement that sums up monthly ones, for a month, a fiscal
    year or any days. A charge counts for the day on which it starts.

    \b
    Examples:
      focus-billing generate --period 2025-01 --dry-run
      focus-billing generate --period 2025-01 --send
      focus-billing generate --project climate-model --from 2024-09-01 --until 2025-08-31
      focus-billing generate --department Chemistry --fiscal-year 2025
    """
    root = root_of(named)
    keep_apart(root, output)
    if any(value for value in span.values()):
        generate_span(root, {**span, "period": period, "dry_run": dry_run, "json_": json_}, output)
        return
    if period is None:
        raise UsageFault("say which month with --period, or name a project, fund, PI or department")
    with progress(lines=True) as step:
        from openchargeback.portal.paths import STATEMENTS, statement_pdf
        from openchargeback.publish.books import open_books
        from openchargeback.publish.build import write_statements
        from openchargeback.publish.month_charges import Wanted

        keep = () if dry_run else (Wanted.STATEMENTS,)
        books = open_books(root, wanted=period, keep=keep, step=step)
        billed = books.period(period)
        if billed is None:
            raise UsageFault(f"the ledger has no period {period}")
        paths = {each.number: statement_pdf(each).removeprefix(f"{STATEMENTS}/") for each in billed.statements}
        if mail:
            from openchargeback.deliver.parcels import Request
            from openchargeback.deliver.statements import Office, Result, plan_statements, send_statements

            # Refused before anything is written, if the month cannot be sent.
            plan = plan_statements(books, period, Request())
        if not dry_run:
            write_statements(books, period, output, step=step)
        if mail and dry_run:
            result = Result(plan.messages, plan.open)
        elif mail:
            result = send_statements(books, period, Request(), Office(environment=os.environ, step=step))
    currency = billed.currency
    columns: list[Column[Statement]] = [
        Column("number", "Statement", lambda each: each.number),
        Column("pi", "PI", lambda each: each.pi.email, lambda each: each.pi.name),
        Column("project", "Project", lambda each: each.project.id),
        *cents(billed.statements, currency),
        Column("pdf", "", lambda each: str(output / paths[each.number])),
    ]
    if json_:
        rows = json_rows(columns, billed.statements)
        sent = {"send": result_json(result)} if mail else {}
        print_json({"period": period, "dry_run": dry_run, "statements": rows, **sent})
        _exit_unless(not mail or result.outcome.complete)
        return
    note_problems(books.warnings)
    print_rows(columns, billed.statements)
    done = "would be written below" if dry_run else "written below"
    count = len(billed.statements)
    click.echo(f"{counted(count, 'statement')}, {amount_words(billed.statements, currency)}, {done} {output}")
    if mail:
        print_result(root, period, result, dry_run)
        _exit_unless(result.outcome.complete)


def _exit_unless(complete: bool) -> None:
    """Exit with the code for messages that did not go out."""
    if not complete:
        raise SystemExit(UNSENT)
