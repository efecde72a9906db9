"""`focus-billing bundle`."""

from __future__ import annotations

from pathlib import Path

import click

from openchargeback.cli.options import PERIOD, as_json, keep_apart, root_of, with_ledger
from openchargeback.cli.report import amount_words, note_problems, print_json, progress
from openchargeback.model import State
from openchargeback.money import plain
from openchargeback.problems import UsageFault
from openchargeback.wording import counted


@click.command()
@click.argument("periods", nargs=-1, type=PERIOD, metavar="[PERIOD]...")
@click.option("--changed", "base", metavar="BASE", help="Every month that is open or has changed since this commit.")
@click.option("--all", "every", is_flag=True, help="Every month of the ledger.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("finance"), show_default=True
)
@click.option("--zip/--no-zip", "zipped", default=True, show_default=True, help="Also write a zip of it.")
@with_ledger
@as_json
def bundle(
    periods: tuple[str, ...],
    base: str | None,
    every: bool,
    output: Path,
    zipped: bool,
    named: str | None,
    json_: bool,
) -> None:
    """Write a month for finance: one folder with its statements, journal files and control totals, and a zip of it.

    Open its index.html: it says what to do next. It works from the folder alone, without a network. The zip has the
    same bytes each time.

    \b
    Example: focus-billing bundle 2025-01
             focus-billing bundle --changed HEAD~1 -o finance
    """
    if (bool(periods), base is not None, every).count(True) != 1:
        raise UsageFault("name one or more periods, or use either --changed or --all")
    root = root_of(named)
    keep_apart(root, output)
    with progress(lines=True) as step:
        from openchargeback.publish.books import open_books
        from openchargeback.publish.bundle import changed_months, no_period, write_bundle

        books = open_books(root, wanted=max(periods, default=""), step=step)
        if base is not None:
            chosen = {each.period: each.finalized for each in changed_months(books.ledger, base)}
        else:
            # Of all months, whatever is final has become so since the beginning.
            chosen = {each.period: every and each.state is State.FINALIZED for each in books.periods}
            chosen = {period: chosen.get(period, False) for period in periods or chosen}
        missing = [period for period in chosen if books.period(period) is None]
        if missing:
            raise no_period(books.ledger, missing[0])
        made = [write_bundle(books, period, output, zipped=zipped, step=step) for period in chosen]
    if json_:
        rows = [
            {
                "period": each.period.period,
                "state": each.period.state,
                "finalized_since": chosen[each.period.period],
                "folder": str(each.folder),
                "zip": str(each.archive) if each.archive else None,
                "files": each.files,
                "statements": len(each.period.statements),
                "due": plain(each.period.amounts.billed, each.period.currency),
                "currency": each.period.currency,
            }
            for each in made
        ]
        print_json({"bundles": rows})
        return
    note_problems([*books.warnings, *(warning for each in made for warning in each.warnings)])
    for each in made:
        count = counted(len(each.period.statements), "statement")
        words = amount_words(each.period.statements, each.period.currency)
        click.echo(f"{each.period.period} ({each.period.state}): {count}, {words}: {each.archive or each.folder}")
    if not made:
        click.echo("no month is open or has changed")
