"""`focus-billing generate`."""

from __future__ import annotations

from pathlib import Path

import click

from openchargeback.cli.listing import Column, cents, json_rows, print_rows
from openchargeback.cli.options import PERIOD, as_json, keep_apart, root_of, with_ledger
from openchargeback.cli.report import amount_words, note_problems, print_json, progress
from openchargeback.model import Statement
from openchargeback.problems import UsageFault
from openchargeback.wording import counted


@click.command()
@click.option("--period", required=True, type=PERIOD)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("statements"), show_default=True
)
@click.option("--dry-run", is_flag=True, help="Only list the statements.")
@with_ledger
@as_json
def generate(period: str, output: Path, dry_run: bool, named: str | None, json_: bool) -> None:
    """Write the PDF statements of a period to its folder below the output, all or nothing.

    \b
    Example: focus-billing generate --period 2025-01 --dry-run
    """
    root = root_of(named)
    keep_apart(root, output)
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
        if not dry_run:
            write_statements(books, period, output, step=step)
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
        print_json({"period": period, "dry_run": dry_run, "statements": rows})
        return
    note_problems(books.warnings)
    print_rows(columns, billed.statements)
    done = "would be written below" if dry_run else "written below"
    count = len(billed.statements)
    click.echo(f"{counted(count, 'statement')}, {amount_words(billed.statements, currency)}, {done} {output}")
