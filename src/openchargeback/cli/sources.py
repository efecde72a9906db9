"""`focus-billing sources`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from openchargeback import money
from openchargeback.cli.listing import Column, count, json_rows, print_rows
from openchargeback.cli.options import as_json, root_of, with_ledger
from openchargeback.cli.report import print_json, progress
from openchargeback.ledger.settings import Config
from openchargeback.model import PeriodTotals, SourceTotals
from openchargeback.publish.books import open_totals


@click.group()
def sources() -> None:
    """List the sources of charges."""


@sources.command("list")
@with_ledger
@as_json
def list_sources(named: str | None, json_: bool) -> None:
    """List the sources of the ledger, with what each delivered.

    \b
    Example: focus-billing sources list
    """
    with progress() as step:
        books = open_totals(root_of(named), step=step)
    config = books.ledger.config
    names = sorted({*config.sources, *(each.source for period in books.periods for each in period.sources)})
    columns = _columns(config, books.periods)
    if json_:
        print_json({"currency": config.currency, "sources": json_rows(columns, names)})
    else:
        print_rows(columns, names)


def _columns(config: Config, periods: Sequence[PeriodTotals]) -> tuple[Column[str], ...]:
    """The columns of the list; each row is the name of a source."""

    def totals(name: str) -> list[SourceTotals]:
        return [each for period in periods for each in period.sources if each.source == name]

    def imported(name: str) -> str:
        return money.exact(money.total(*(each.imported for each in totals(name) if each.currency == config.currency)))

    return (
        Column("source", "Source", str),
        Column("label", "Label", lambda name: config.source(name).label or name),
        Column("cost", "Cost", lambda name: config.source(name).cost),
        Column("credit_fund", "Credit fund", config.credit_fund),
        count("periods", "Periods", lambda name: sum(any(s.source == name for s in each.sources) for each in periods)),
        count("charges", "Charges", lambda name: sum(each.charges for each in totals(name))),
        Column("imported", "", imported),
    )
