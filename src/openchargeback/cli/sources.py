"""`focus-billing sources`."""

from __future__ import annotations

import click

from openchargeback import money
from openchargeback.cli.options import as_json, root_of, with_ledger
from openchargeback.cli.report import print_json, print_table, progress
from openchargeback.publish.build import open_books


@click.group()
def sources() -> None:
    """Where charges come from."""


@sources.command("list")
@with_ledger
@as_json
def list_sources(named: str | None, json_: bool) -> None:
    """The sources of the ledger, with what each delivered.

    \b
    Example: focus-billing sources list
    """
    with progress() as step:
        books = open_books(root_of(named), step=step)
    config = books.ledger.config
    rows = []
    for name in sorted({*config.sources, *(each.source for period in books.periods for each in period.sources)}):
        found = [(period.period, each) for period in books.periods for each in period.sources if each.source == name]
        own = [each for _, each in found if each.currency == config.currency]
        rows.append(
            {
                "source": name,
                "label": config.source(name).label or name,
                "cost": config.source(name).cost,
                "credit_fund": config.credit_fund(name),
                "periods": len({period for period, _ in found}),
                "charges": sum(each.charges for _, each in found),
                "imported": money.exact(money.total(*(each.imported for each in own))),
            }
        )
    if json_:
        print_json({"currency": config.currency, "sources": rows})
        return
    print_table(
        ("Source", "Label", "Cost", "Credit fund", "Periods", "Charges"),
        [
            (
                str(row["source"]),
                str(row["label"]),
                str(row["cost"]),
                str(row["credit_fund"]),
                str(row["periods"]),
                f"{row['charges']:,}",
            )
            for row in rows
        ],
        right=(4, 5),
    )
