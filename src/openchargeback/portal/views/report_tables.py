"""The tables of a fiscal year's report: who funded it, by month, department, PI, service and source."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from decimal import Decimal
from typing import TypeVar

from openchargeback import money
from openchargeback.characters import one_line
from openchargeback.model import BillingLine
from openchargeback.money import ZERO
from openchargeback.portal import paths
from openchargeback.portal.views.common import Book, state_view
from openchargeback.portal.views.departments import NO_DEPARTMENT
from openchargeback.portal.views.fiscal_years import Year
from openchargeback.portal.views.funds import Funds, sponsor_words
from openchargeback.portal.views.spending import by_money, by_pi, by_service, summed
from openchargeback.portal.views.tables import (
    DESCENDING,
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
from openchargeback.portal.views.worth import Worth, worths
from openchargeback.review.held_sums import in_total
from openchargeback.templating.filters import period_human
from openchargeback.wording import listed

_K = TypeVar("_K", bound=Hashable)

_VENDORS, _COVERED, _FREE, _INVOICED = "vendors", "covered", "free", "invoiced"
"""Who pays besides funds."""

_MONTHS_NAMED = 6


class ReportTables:
    """What the tables of a report share: its lines and those of the months that they are compared with."""

    def __init__(self, book: Book, year: Year) -> None:
        self._book, self._year, self._lines = book, year, year.lines
        self._earlier = [line for period in year.before for line in period.lines]
        self._shows = any(not line.posted for line in self._lines)
        self._covers = any(line.amounts.covered for line in (*self._lines, *self._earlier))
        self._who = one_line(book.config.organization.name) or "the institution"

    def all(self, funds: Funds) -> tuple[Table, ...]:
        """All tables, in reading order. funds: those of the directory."""
        book = self._book

        def department(line: BillingLine) -> str:
            return book.departments.get((line.period, line.pi), "")

        def department_cell(name: str) -> Cell:
            page = paths.department_page(name) if name in book.by_department else ""
            return Cell(name or NO_DEPARTMENT, page)

        def source_cell(name: str) -> Cell:
            return Cell(book.source_label(name), paths.source_page(name))

        pi, service = by_pi(book), by_service(book)
        return (
            self._funding(funds),
            self._months(),
            self._by("departments", "By department", Column("Department"), department, department_cell),
            self._by("pis", pi.heading, pi.column, pi.key, pi.cell),
            self._by("services", service.heading, service.column, service.key, service.cell),
            self._by(
                "sources", "Discounts by source", Column("Source"), lambda line: line.source, source_cell, self._why
            ),
        )

    def _why(self, source: str) -> str:
        """What the settings say about the discount of a source."""
        return self._book.config.source(source).note

    def _columns(self, order: str = "") -> tuple[Column, ...]:
        """The columns of amounts; one that is zero for the whole year is left out."""
        currency = self._book.currency
        return (
            money_column("Value", currency, order=order),
            money_column("Vendor discount", currency),
            *((money_column(f"Covered by {self._who}", currency),) if self._covers else ()),
            *((money_column("Not charged", currency),) if self._shows else ()),
            *(() if self._book.showback else (money_column("Due", currency),)),
        )

    def _cells(self, worth: Worth) -> Row:
        """The amounts of a row, as printed: discounts negative."""
        return (
            Cell(worth.value),
            Cell(ZERO - worth.vendor),
            *((Cell(ZERO - worth.covered),) if self._covers else ()),
            *((Cell(worth.free),) if self._shows else ()),
            *(() if self._book.showback else (Cell(worth.due),)),
        )

    def _by(
        self,
        id_: str,
        heading: str,
        first: Column,
        key: Callable[[BillingLine], _K],
        cell: Callable[[_K], Cell],
        why: Callable[[_K], str] | None = None,
    ) -> Table:
        """What was delivered by some key, the most valuable first, with the change from the year before.

        why: explains the discount of a row.
        """
        compared = bool(self._year.before)
        now, before = worths(self._lines, key), worths(self._earlier, key)
        columns = [first, *self._columns(DESCENDING)]
        if compared:
            columns.append(Column("Change in value", Kind.CHANGE, self._book.currency, adds=True))
        if why:
            columns.append(Column("Why", Kind.LONG))

        def row(name: _K, worth: Worth) -> Row:
            change = Cell(worth.value - before.get(name, Worth()).value)
            return (
                cell(name),
                *self._cells(worth),
                *((change,) if compared else ()),
                *((Cell(why(name)),) if why else ()),
            )

        gone = {name: Worth() for name in before if name not in now}
        rows = by_money((worth.value, row(name, worth)) for name, worth in {**now, **gone}.items())
        cut = Cut(paths.table_file(id_, "report", self._year.name.lower()), PART_ROWS)
        return table(id_, heading, columns, rows, total="Total", cut=cut)

    def _funding(self, funds: Funds) -> Table:
        """Who paid for the value delivered; the rows add up to it."""
        found: dict[str, Decimal] = {}
        sums = summed(self._lines, lambda line: (_payer(line, funds), line.posted))
        for (payer, posted), amounts in sums.items():
            worth = Worth.of(amounts, posted=posted)
            parts = {payer: worth.due, _FREE: worth.free, _COVERED: worth.covered, _VENDORS: worth.vendor}
            for name, amount in parts.items():
                found[name] = found.get(name, ZERO) + amount
        page, who = f"{paths.report_page(self._year.year)}#sources", self._who[:1].upper() + self._who[1:]
        words = {
            _VENDORS: Cell("Vendors", page, "discounts off the list price"),
            _COVERED: Cell(who, page, "discounts and subsidies"),
            _FREE: Cell(who, page, "not charged"),
            _INVOICED: Cell("External payers", paths.fund_page(""), "invoiced"),
            "": Cell("Funds", paths.FUNDS, "without a sponsor in the directory" if funds else ""),
        }
        columns = (
            Column("Who", note="How"),
            Column("Share", Kind.PERCENT),
            money_column("Amount", self._book.currency, order=DESCENDING),
        )
        total = sum(found.values(), ZERO)
        rows = by_money(
            (amount, (words.get(name) or Cell(f"{name}s", paths.FUNDS), Cell(_share(amount, total)), Cell(amount)))
            for name, amount in found.items()
            if amount
        )
        return table("funding", f"Who funded it, {self._year.name}", columns, rows, total="Value delivered")

    def _months(self) -> Table:
        """The months of the year with their state, ascending, and what is held of each."""
        book, year = self._book, self._year
        columns = (
            Column("Month", Kind.PERIOD, order="ascending"),
            Column("State", Kind.STATE),
            *self._columns(),
            money_column("Held", book.currency, kind=Kind.EXACT),
        )
        found = worths(self._lines, lambda line: line.period)
        rows = (
            (
                Cell(period.period, paths.period_page(period.period)),
                Cell(state_view(period)),
                *self._cells(found.get(period.period, Worth())),
                Cell(
                    in_total(period.undecided, book.currency)[0].exact_billed, paths.REVIEW if period.undecided else ""
                ),
            )
            for period in year.periods
        )
        gaps = [month for month in year.months if book.months[0] < month < year.periods[-1].period]
        missing = [period_human(month) for month in gaps if month not in book.totals]
        note = f"No data: {listed(missing, _MONTHS_NAMED)}" if missing else ""
        return table("months", "By month", columns, rows, note=note, total=year.name)


def _payer(line: BillingLine, funds: Funds) -> str:
    """Whose money pays what is due of a line: the sponsor's, as the directory knows it."""
    return _INVOICED if line.invoiced else sponsor_words(funds.get(line.fund))


def _share(amount: Decimal, total: Decimal) -> Decimal | None:
    return money.percent(amount, total) if total > 0 and amount >= 0 else None
