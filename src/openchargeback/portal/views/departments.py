"""Departments: a list, and a page for each with its months, fiscal years, PIs, funds and services.

A PI belongs to the department that the statement of the month names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from openchargeback.billing.span_statements import SpanStatement, SubjectKind
from openchargeback.ledger.periods import first_day, fiscal
from openchargeback.model import Amounts, BillingLine
from openchargeback.money import ZERO
from openchargeback.portal import paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book, state_view
from openchargeback.portal.views.funds import Funds, by_fund
from openchargeback.portal.views.sheet import Sheet
from openchargeback.portal.views.spending import (
    Spender,
    by_money,
    by_pi,
    by_service,
    due_word,
    list_columns,
    list_row,
    part_table,
    spender_sheet,
    summed,
)
from openchargeback.portal.views.tables import (
    DESCENDING,
    LIST_ROWS,
    Cell,
    Column,
    Cut,
    Kind,
    Table,
    money_column,
    table,
)
from openchargeback.templating.filters import period_human
from openchargeback.wording import counted

NO_DEPARTMENT = "No department"


MonthPages = Mapping[str, Mapping[str, str]]
"""The pages of departments' statements over a month, by department and month."""


def month_pages(spans: Iterable[SpanStatement]) -> MonthPages:
    """The pages of those of these statements over a span that are of departments."""
    found: dict[str, dict[str, str]] = {}
    for each in spans:
        if each.request.subject.kind is SubjectKind.DEPARTMENT:
            found.setdefault(each.request.subject.id, {})[each.request.period] = paths.span_page(each)
    return found


def department_list(book: Book, pages: MonthPages) -> Sheet:
    """All departments, by what is due for the latest month."""
    lines = book.by_department
    if not lines:
        empty = "Departments appear here once directory/people.yaml names one for a PI."
        return Sheet(title="Departments", empty=empty)
    latest = book.months[book.current]
    months = set(book.year(latest))
    rows = [
        list_row(book, _spender(name, own, pages), (Cell(len({line.pi for line in own if line.period in months})),))
        for name, own in lines.items()
    ]
    found = table(
        "departments",
        "What each department uses",
        list_columns(book, "Department", "", (Column("PIs", Kind.COUNT),)),
        by_money(rows),
        note="An amount leads to the department’s statement of the month",
        total=counted(sum(map(bool, lines)), "department"),
        cut=Cut(paths.table_file(f"departments-{latest}"), LIST_ROWS),
    )
    state = state_view(book.periods[book.current])
    return Sheet(
        title="Departments",
        window=f"Departments, {period_human(latest)}",
        status=(period_human(latest), state.word if state.kind != "open" else "Open, draft"),
        draft=state.kind == "open",
        tables=(found,),
    )


def department_view(book: Book, name: str, pages: MonthPages, funds: Funds) -> Sheet:
    """The page of one department. funds: those of the directory."""
    lines = book.by_department[name]
    spender = _spender(name, lines, pages)
    tables = [
        _years(book, lines),
        part_table(book, spender, by_pi(book), paths.table_file("pis", "department", name)),
        part_table(book, spender, by_service(book), paths.table_file("services", "department", name)),
        part_table(book, spender, by_fund(book, funds), paths.table_file("funds", "department", name)),
    ]
    verb = "Value," if book.showback else "Amount due,"
    return spender_sheet(book, spender, name or NO_DEPARTMENT, tables, kind="Department", verb=verb)


def _spender(name: str, lines: list[BillingLine], pages: MonthPages) -> Spender:
    return Spender(
        id=name,
        name=Link(name or NO_DEPARTMENT, paths.department_page(name)),
        detail="",
        lines=lines,
        facts=(),
        facet={},
        months=pages.get(name, {}),
    )


def _years(book: Book, lines: list[BillingLine]) -> Table:
    """The fiscal years of a department, newest first, each with the report of the year."""
    starts = book.config.fiscal_year_starts
    found = summed(lines, lambda line: fiscal(first_day(line.period), starts)[0])
    columns = (
        Column("Fiscal year", order=DESCENDING),
        money_column("List", book.currency),
        money_column("Discount", book.currency),
        money_column(due_word(book), book.currency),
    )

    def cells(year: int, amounts: Amounts) -> tuple[Cell, ...]:
        page = paths.report_page(year)
        return Cell(f"FY{year}", page), Cell(amounts.list), Cell(ZERO - amounts.discount), Cell(amounts.billed)

    rows = [cells(year, found[year]) for year in sorted(found, reverse=True)]
    return table("years", "By fiscal year", columns, rows, note="The year leads to its report")
