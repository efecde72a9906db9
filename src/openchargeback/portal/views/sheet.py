"""A page of figures: a status line, perhaps what to do next and a headline with a chart, and tables."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from openchargeback.model import PeriodAmounts
from openchargeback.portal import charts
from openchargeback.portal.shell import Link
from openchargeback.portal.views.next_steps import NextStep
from openchargeback.portal.views.tables import Cell, Column, CsvFile, Kind, Table, money_column, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line beside a headline: an amount of cents or a text, and the page that shows what it is made of."""

    label: str
    amount: Decimal | None = None
    text: str = ""
    path: str = ""
    total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The amount that answers what a page is about, with the lines that lead to it, and a sentence."""

    label: str
    amount: Decimal
    facts: tuple[Fact, ...] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A page of figures, in reading order.

    window: its title in windows and search results, if another. status: parts of the line below the title. draft:
    whether its amounts may still change. lead: what the figures are. history: the chart's, newest month first.
    downloads: files to offer first. empty: what to say if there is nothing to show yet.
    """

    title: str
    window: str = ""
    status: tuple[str, ...] = ()
    draft: bool = False
    lead: str = ""
    next: tuple[NextStep, ...] = ()
    headline: Headline | None = None
    chart: charts.Chart | None = None
    history: Table | None = None
    downloads: tuple[Link, ...] = ()
    tables: tuple[Table, ...] = ()
    empty: str = ""

    @property
    def files(self) -> tuple[CsvFile | None, ...]:
        """What the page offers."""
        return tuple(each.csv for each in self.tables)


def history_table(history: tuple[PeriodAmounts, ...], currency: str, due: str) -> Table:
    """The figures of a chart of list price and amount due, newest month first."""
    columns = (
        Column("Month", Kind.PERIOD),
        money_column("List", currency),
        money_column(due, currency),
    )
    rows = ((Cell(each.period), Cell(each.amounts.list), Cell(each.amounts.billed)) for each in reversed(history))
    return table("history-figures", "The figures of the chart", columns, rows)
