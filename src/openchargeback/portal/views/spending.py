"""Billing lines by whom they belong to: what funds, departments and sources have in common.

On these pages an amount is due, or, in a ledger in which nothing is charged, the value of the usage.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Generic, TypeVar

from openchargeback.model import Amounts, BillingLine
from openchargeback.money import ZERO
from openchargeback.portal import charts, paths
from openchargeback.portal.shell import Link
from openchargeback.portal.statement_parts import OTHER_SERVICE
from openchargeback.portal.views.common import Book, state_view
from openchargeback.portal.views.sheet import Fact, Headline, Sheet, history_table
from openchargeback.portal.views.tables import (
    DESCENDING,
    NOTHING,
    PART_ROWS,
    Cell,
    Column,
    Cut,
    Kind,
    Row,
    Table,
    money_column,
    table,
)
from openchargeback.templating.filters import period_human, period_short

_K = TypeVar("_K", bound=Hashable)


def summed(lines: Iterable[BillingLine], key: Callable[[BillingLine], _K]) -> dict[_K, Amounts]:
    """The amounts of each key, added up in one pass, without an object for every step."""
    sums: dict[_K, list[Decimal]] = {}
    for line in lines:
        own = sums.setdefault(key(line), [ZERO, ZERO, ZERO, ZERO])
        amounts = line.amounts
        own[0] += amounts.list
        own[1] += amounts.discount
        own[2] += amounts.covered
        own[3] += amounts.billed
    return {
        name: Amounts(list=listed, discount=discount, covered=covered, billed=billed)
        for name, (listed, discount, covered, billed) in sums.items()
    }


def shown_month(book: Book, found: Collection[str]) -> str:
    """The month that a page shows of those found: the one that pages show, else the last one."""
    current = book.months[book.current]
    return current if current in found else max(found)


def due_word(book: Book) -> str:
    """What the last column of amounts is called."""
    return "Value" if book.showback else "Due"


@dataclass(frozen=True, slots=True)
class Spender:
    """A fund or a department with its lines, ascending. name: its page; detail: what stands beside it.

    facts: what is known about it. facet: how the charge browser selects its charges; empty if it cannot.
    months: the page of what it has in a month, if it is another than the charges.
    """

    id: str
    name: Link
    detail: str
    lines: Sequence[BillingLine]
    facts: tuple[Fact, ...]
    facet: dict[str, str]
    months: Mapping[str, str]

    def leads(self, period: str) -> str:
        """The page that shows what a month's amount is made of."""
        if period in self.months or not self.facet:
            return self.months.get(period, paths.period_page(period))
        return paths.charges_view(period, **self.facet)


def by_money(rows: Iterable[tuple[Decimal, Row]]) -> list[Row]:
    """Rows with the amount that they are sorted by, largest first; equal ones by their first cell."""

    def order(item: tuple[Decimal, Row]) -> tuple[Decimal, str, str]:
        first = item[1][0]
        return -item[0], getattr(first.value, "label", str(first.value)).casefold(), first.path

    return [row for _, row in sorted(rows, key=order)]


def list_columns(book: Book, first: str, note: str, more: Sequence[Column]) -> tuple[Column, ...]:
    """The columns of a list of spenders: the latest month, twelve months, and a line."""
    currency, due, latest = book.currency, due_word(book), book.months[book.current]
    return (
        Column(first, note=note),
        *more,
        money_column(f"List, {period_short(latest)}", currency),
        money_column(f"{due}, {period_short(latest)}", currency, order=DESCENDING),
        money_column(f"{due}, 12 months", currency),
        Column("Twelve months", Kind.LINE),
    )


def list_row(book: Book, spender: Spender, more: Sequence[Cell]) -> tuple[Decimal, Row]:
    """A spender in a list, with the amount to sort it by."""
    months = book.year(book.months[book.current])
    by_month = summed(spender.lines, lambda line: line.period)
    amounts = {month: by_month.get(month, Amounts()) for month in months}
    now = amounts[months[-1]]
    year = sum((each.billed for each in amounts.values()), ZERO)
    line = charts.small_line({month: each.billed for month, each in amounts.items()}, book.currency)
    has_charges = months[-1] in by_month
    return now.billed, (
        Cell(spender.name.label, spender.name.path, spender.detail),
        *more,
        Cell(now.list),
        Cell(now.billed, spender.leads(months[-1]) if has_charges else ""),
        Cell(year, spender.name.path),
        Cell(line),
    )


def spender_sheet(book: Book, spender: Spender, title: str, tables: Sequence[Table], *, kind: str, verb: str) -> Sheet:
    """The page of a spender: its last month, twelve months as a chart, and tables.

    kind: what it is. verb: how the headline starts, which the month follows.
    """
    by_month = summed(spender.lines, lambda line: line.period)
    csv = paths.table_file("months", kind.lower(), spender.id)
    last = shown_month(book, by_month)
    now, period = by_month[last], book.periods[book.months.index(last)]
    history = book.history(by_month, last)
    state = state_view(period)
    facts = (
        Fact(label="List price", amount=now.list),
        Fact(label="Discounts", amount=ZERO - now.discount),
        Fact(label=due_word(book), amount=now.billed, path=spender.leads(last), total=True),
        *spender.facts,
    )
    return Sheet(
        title=title,
        window=f"{kind} {spender.name.label}, {period_human(last)}",
        status=(period_human(last), state.word if state.kind != "open" else "Open, draft"),
        draft=state.kind == "open",
        headline=Headline(
            label=f"{verb} {period_human(last)}", amount=now.billed, facts=facts, sentence=book.sentence(now)
        ),
        chart=charts.twelve_months(history, last, book.currency, title, only_shown=book.showback),
        history=history_table(history, book.currency, due_word(book)),
        tables=(months_table(book, spender, by_month, csv), *tables),
    )


def months_table(book: Book, spender: Spender, by_month: dict[str, Amounts], csv: str) -> Table:
    """The months of a spender, newest first, each with its state. csv: the path of the file that has all."""
    columns = (
        Column("Month", Kind.PERIOD, order=DESCENDING),
        Column("State", Kind.STATE),
        money_column("List", book.currency),
        money_column("Discount", book.currency),
        money_column(due_word(book), book.currency),
    )
    rows = (
        (
            Cell(period.period, paths.period_page(period.period)),
            Cell(state_view(period)),
            Cell(amounts.list),
            Cell(ZERO - amounts.discount),
            Cell(amounts.billed, spender.leads(period.period)),
        )
        for period in reversed(book.periods)
        if (amounts := by_month.get(period.period)) is not None
    )
    return table("months", "By month", columns, rows, total="All months", cut=Cut(csv, PART_ROWS))


@dataclass(frozen=True, slots=True)
class Part(Generic[_K]):
    """A way to split the amounts of a spender. select: how the charge browser selects the charges of one key."""

    heading: str
    column: Column
    key: Callable[[BillingLine], _K]
    cell: Callable[[_K], Cell]
    select: Callable[[_K], dict[str, str]]


def part_table(book: Book, spender: Spender, part: Part[_K], csv: str) -> Table:
    """What a spender's last twelve months are made of. csv: the path of the file with all rows if they are many."""
    last = shown_month(book, {line.period for line in spender.lines})
    months = set(book.year(last))
    lines = [line for line in spender.lines if line.period in months]
    now = summed((line for line in lines if line.period == last), part.key)
    due, currency = due_word(book), book.currency
    columns = (
        part.column,
        money_column("List, 12 months", currency),
        money_column("Discount, 12 months", currency),
        money_column(f"{due}, 12 months", currency, order=DESCENDING),
        money_column(f"{due}, {period_short(last)}", currency),
    )

    def row(name: _K, year: Amounts) -> Row:
        latest, selected = now.get(name), part.select(name)
        # The charges of a department can only be selected by its PIs.
        known = spender.facet or "pi" in selected
        path = paths.charges_view(last, **spender.facet, **selected) if known else ""
        return (
            part.cell(name),
            Cell(year.list),
            Cell(ZERO - year.discount),
            Cell(year.billed),
            Cell(latest.billed, path) if latest else NOTHING,
        )

    rows = by_money((year.billed, row(name, year)) for name, year in summed(lines, part.key).items())
    note = f"Twelve months to {period_human(last)}"
    return table(
        part.column.label.lower(), part.heading, columns, rows, note=note, total="Total", cut=Cut(csv, PART_ROWS)
    )


def by_project(book: Book) -> Part[str]:
    """By project, with its award or else its title."""

    def cell(id_: str) -> Cell:
        link, project = book.project_link(id_), book.project(id_)
        note = project.award or ("" if project.title == id_ else project.title)
        return Cell(link.label or "No project", link.path, note)

    column = Column("Project", note="Award or title")
    return Part("By project", column, lambda line: line.project, cell, lambda id_: {"project": id_})


def by_pi(book: Book) -> Part[str]:
    """By PI, with the department."""

    def cell(email: str) -> Cell:
        link = book.pi_link(email)
        return Cell(link.label, link.path, book.person(email).department)

    column = Column("PI", note="Department")
    return Part("By PI", column, lambda line: line.pi, cell, lambda email: {"pi": email})


def by_service(book: Book) -> Part[tuple[str, str]]:
    """By service of a source, with the source."""
    return Part(
        "By service",
        Column("Service", note="Source"),
        lambda line: (line.source, line.service),
        partial(service_cell, book),
        lambda place: {"source": place[0], "service": place[1]},
    )


def service_cell(book: Book, place: tuple[str, str]) -> Cell:
    """A service with its source and that source's page."""
    source, service = place
    return Cell(service or OTHER_SERVICE, paths.source_page(source), book.source_label(source))
