"""`focus-billing show PI`."""

from __future__ import annotations

import click

from openchargeback import money
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import amount_columns, amount_words, print_json, print_table, progress
from openchargeback.ledger.line_table import amount_values
from openchargeback.problems import UsageFault
from openchargeback.publish.build import open_books


@click.command()
@click.argument("pi")
@click.option("--period", type=PERIOD, help="Only this period.")
@with_ledger
@as_json
def show(pi: str, period: str | None, named: str | None, json_: bool) -> None:
    """What a PI was billed, by period and project.

    \b
    Example: focus-billing show ada.okafor@example.edu --period 2025-01
    """
    with progress() as step:
        books = open_books(root_of(named), wanted=period or "", step=step)
    email = books.ledger.directory.email(pi)
    found = [
        statement
        for billed in books.periods
        if period is None or billed.period == period
        for statement in billed.statements
        if statement.pi.email == email
    ]
    if not found:
        raise UsageFault(f"{pi} has no statement" + (f" in {period}" if period else ""))
    currency = books.ledger.config.currency
    if json_:
        rows = [
            {
                "period": each.period,
                "number": each.number,
                "project": each.project.id,
                "funds": list(each.funds),
                **amount_values(each.amounts, currency),
                "shown": money.plain(each.shown.billed, currency),
            }
            for each in found
        ]
        print_json({"pi": email, "name": found[0].pi.name, "currency": currency, "statements": rows})
        return
    heads, amounts = amount_columns(found, currency)
    print_table(
        ("Period", "Project", "Funds", *heads),
        [
            (each.period, each.project.id, " ".join(each.funds), *cells)
            for each, cells in zip(found, amounts, strict=True)
        ],
        right=(3, 4, 5, 6),
    )
    click.echo(f"{found[0].pi.name}: {amount_words(found, currency)}")
