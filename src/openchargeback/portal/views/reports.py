"""Reports by fiscal year, for leadership: what the service delivered, to whom, and who funded it.

A year is what its months billed, so that a report adds up to their statements and journals: late charges and credits
count for the month that billed them. In every row and total

    value delivered = vendor discounts + covered by the institution + due + not charged

The value is the list price. Not charged is what sources cost that are only shown.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from openchargeback import money
from openchargeback.characters import one_line
from openchargeback.ledger.periods import first_day, fiscal, fiscal_year_days, last_day, months_until
from openchargeback.model import Amounts, BilledPeriod, BillingLine, PeriodAmounts, State
from openchargeback.money import ZERO
from openchargeback.portal import charts, paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book, state_view
from openchargeback.portal.views.departments import NO_DEPARTMENT, departments_of
from openchargeback.portal.views.funds import Funds, sponsor_words
from openchargeback.portal.views.next_steps import NextStep
from openchargeback.portal.views.sheet import Fact, Headline, Sheet, history_table
from openchargeback.portal.views.spending import by_money, due_word, service_cell, summed
from openchargeback.portal.views.tables import DESCENDING, Cell, Column, Kind, Row, Table, money_column, table
from openchargeback.review.held_sums import in_total
from openchargeback.templating.filters import percent_filter, period_human
from openchargeback.wording import counted, listed

_K = TypeVar("_K", bound=Hashable)

_VENDORS, _COVERED, _FREE, _INVOICED = "vendors", "covered", "free", "invoiced"
"""Who funds besides funds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What was delivered, in cents: value = vendor + covered + due + free. free: what is only shown, not charged."""

    value: Decimal = ZERO
    vendor: Decimal = ZERO
    covered: Decimal = ZERO
    due: Decimal = ZERO
    free: Decimal = ZERO

    def __add__(self, other: Worth) -> Worth:
        return Worth(
            value=self.value + other.value,
            vendor=self.vendor + other.vendor,
            covered=self.covered + other.covered,
            due=self.due + other.due,
            free=self.free + other.free,
        )

    @staticmethod
    def of(amounts: Amounts, *, posted: bool) -> Worth:
        """The worth of lines that are all due (`posted`) or all only shown."""
        return Worth(
            value=amounts.list,
            vendor=amounts.discount - amounts.covered,
            covered=amounts.covered,
            due=amounts.billed if posted else ZERO,
            free=ZERO if posted else amounts.billed,
        )


def worths(lines: Iterable[BillingLine], key: Callable[[BillingLine], _K]) -> dict[_K, Worth]:
    """What was delivered by key."""
    found: dict[_K, Worth] = {}
    for (name, posted), amounts in summed(lines, lambda line: (key(line), line.posted)).items():
        found[name] = found.get(name, Worth()) + Worth.of(amounts, posted=posted)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """A fiscal year of the ledger. periods: its months, ascending; before: the same months of the year before, as far
    as the ledger has them.
    """

    year: int
    periods: tuple[BilledPeriod, ...]
    before: tuple[BilledPeriod, ...]
    months: tuple[str, ...]

    @property
    def name(self) -> str:
        """How it is called."""
        return f"FY{self.year}"

    @property
    def complete(self) -> bool:
        """Whether the ledger has its last month."""
        return bool(self.periods) and self.periods[-1].period == self.months[-1]

    @property
    def final(self) -> bool:
        """Whether nothing of it can change anymore."""
        return self.complete and all(period.state is not State.OPEN for period in self.periods)

    @property
    def lines(self) -> list[BillingLine]:
        """All of its billing lines."""
        return [line for period in self.periods for line in period.lines]


def fiscal_years(book: Book) -> tuple[Year, ...]:
    """The fiscal years in which the ledger has months, ascending."""
    starts, known = book.config.fiscal_year_starts, dict(zip(book.months, book.periods, strict=True))
    years = sorted({fiscal(first_day(month), starts)[0] for month in book.months})
    found = []
    for year in years:
        _, last = fiscal_year_days(year, starts)
        months = tuple(months_until(f"{last:%Y-%m}", 12))
        own = tuple(known[month] for month in months if month in known)
        earlier = (f"{int(period.period[:4]) - 1:04}{period.period[4:]}" for period in own)
        before = tuple(known[month] for month in earlier if month in known)
        found.append(Year(year=year, periods=own, before=before, months=months))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A fiscal year's report, for its page and its PDF. total, before: of the year, and of the same months a year
    before; None if the ledger has none of them.
    """

    year: Year
    total: Worth
    before: Worth | None
    sheet: Sheet
    shows: bool = field(default=False)


def report(book: Book, year: Year, funds: Funds, *, pdf: bool = True) -> Report:
    """The report of a year. pdf: whether it has one."""
    lines = year.lines
    earlier = [line for period in year.before for line in period.lines]
    total = sum(worths(lines, lambda _: "").values(), Worth())
    before = sum(worths(earlier, lambda _: "").values(), Worth()) if year.before else None
    made = _Making(book, year, lines, earlier)
    tables = (
        _funding(book, year, lines, funds),
        _months(book, year, made),
        made.by("departments", "By department", Column("Department"), made.department, made.department_cell),
        made.by("pis", "By PI", Column("PI", note="Department"), lambda line: line.pi, made.pi_cell),
        made.by("services", "By service", Column("Service", note="Source"), _place, lambda key: service_cell(book, key)),
        made.by("sources", "Discounts by source", Column("Source"), lambda line: line.source, made.source, made.why),
    )
    history = tuple(_history(book, period) for period in year.periods)
    currency, name = book.currency, f"Fiscal year {year.year}"
    sheet = Sheet(
        title=name,
        status=_status(year),
        draft=not year.final,
        lead=_lead(year),
        next=_next(book, year, total, pdf=pdf),
        headline=Headline(
            label=f"Value delivered{'' if year.final else ' so far'}",
            amount=total.value,
            facts=_facts(book, year, total, before),
            sentence=_sentence(book, year, total),
        ),
        chart=charts.twelve_months(history, year.periods[-1].period, currency, name, only_shown=book.showback, until=year.months[-1]),
        history=history_table(history, currency, due_word(book)),
        downloads=(Link("Download the report as PDF", paths.report_pdf(year.year)),) if pdf else (),
        tables=tables,
    )
    return Report(year=year, total=total, before=before, sheet=sheet, shows=made.shows)


def _history(book: Book, period: BilledPeriod) -> PeriodAmounts:
    """A month in the chart: the value of everything, and what is due of it."""
    worth = sum(worths(period.lines, lambda _: "").values(), Worth())
    due = worth.free if book.showback else worth.due
    amounts = Amounts(list=worth.value, discount=worth.value - due, billed=due)
    return PeriodAmounts(period=period.period, amounts=amounts)


def report_list(book: Book, reports: Sequence[Report], *, pdf: bool = True) -> Sheet:
    """All fiscal years, newest first."""
    if not reports:
        return Sheet(title="Reports", empty="A report of each fiscal year appears here with the first month of charges.")
    currency, latest = book.currency, reports[-1]
    columns = [
        Column("Fiscal year", order=DESCENDING, note="Months"),
        Column("State"),
        money_column("Value", currency),
        money_column("Vendor discounts", currency),
        money_column("Covered", currency),
        money_column("Not charged" if book.showback else "Due", currency),
        Column("Change in value", Kind.CHANGE, currency),
        Column("Report"),
    ]
    rows = [
        (
            Cell(each.year.name, paths.report_page(each.year.year), counted(len(each.year.periods), "month")),
            Cell("Final" if each.year.final else "Draft"),
            Cell(each.total.value, paths.report_page(each.year.year)),
            Cell(ZERO - each.total.vendor),
            Cell(ZERO - each.total.covered),
            Cell(each.total.free if book.showback else each.total.due),
            Cell(None if each.before is None else each.total.value - each.before.value),
            Cell("PDF", paths.report_pdf(each.year.year)) if pdf else Cell(),
        )
        for each in reversed(reports)
    ]
    note = "Value is the list price. The change is from the same months of the year before."
    return Sheet(
        title="Reports by fiscal year",
        status=_status(latest.year),
        draft=not latest.year.final,
        next=latest.sheet.next,
        headline=latest.sheet.headline and Headline(
            label=f"{latest.sheet.headline.label}, {latest.year.name}",
            amount=latest.total.value,
            facts=latest.sheet.headline.facts,
            sentence=latest.sheet.headline.sentence,
        ),
        chart=latest.sheet.chart,
        history=latest.sheet.history,
        tables=(table("years", "Fiscal years", columns, rows, note=note), latest.sheet.tables[0]),
    )


class _Making:
    """What the tables of one report share."""

    def __init__(self, book: Book, year: Year, lines: list[BillingLine], earlier: list[BillingLine]) -> None:
        self.book, self.year, self.lines, self.earlier = book, year, lines, earlier
        self.shows = any(not line.posted for line in lines)
        self.charges = not book.showback
        self.covers = any(line.amounts.covered for line in (*lines, *earlier))
        self._departments = departments_of(book)
        self._pages = {name for name in self._departments.values() if name}

    def columns(self, first: Column) -> tuple[Column, ...]:
        """A first column and those of amounts; one that is zero for the whole year is left out."""
        currency = self.book.currency
        who = one_line(self.book.config.organization.name) or "the institution"
        amounts = [
            money_column("Value", currency, order=DESCENDING),
            money_column("Vendor discount", currency),
        ]
        if self.covers:
            amounts.append(money_column(f"Covered by {who}", currency))
        if self.charges:
            amounts.append(money_column("Due", currency))
        if self.shows:
            amounts.append(money_column("Not charged", currency))
        return (first, *amounts)

    def cells(self, worth: Worth) -> Row:
        """The amounts of a row."""
        cells = [Cell(worth.value), Cell(ZERO - worth.vendor)]
        if self.covers:
            cells.append(Cell(ZERO - worth.covered))
        if self.charges:
            cells.append(Cell(worth.due))
        if self.shows:
            cells.append(Cell(worth.free))
        return tuple(cells)

    def by(
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
        columns, before = list(self.columns(first)), {}
        if self.year.before:
            columns.append(Column("Change in value", Kind.CHANGE, self.book.currency, adds=True))
            before = worths(self.earlier, key)
        if why:
            columns.append(Column("Why", Kind.LONG))
        now = worths(self.lines, key)
        gone = {name: Worth() for name in before if name not in now}

        def row(name: _K, worth: Worth) -> Row:
            change = (Cell(worth.value - before.get(name, Worth()).value),) if self.year.before else ()
            return (cell(name), *self.cells(worth), *change, *((Cell(why(name)),) if why else ()))

        rows = by_money((worth.value, row(name, worth)) for name, worth in {**now, **gone}.items())
        csv = paths.table_file(id_, "report", self.year.name.lower())
        return table(id_, heading, columns, rows, total="Total", csv=csv)

    def department(self, line: BillingLine) -> str:
        return self._departments.get((line.period, line.pi), "")

    def department_cell(self, name: str) -> Cell:
        return Cell(name or NO_DEPARTMENT, paths.department_page(name) if self._pages else "")

    def pi_cell(self, email: str) -> Cell:
        link = self.book.pi_link(email)
        return Cell(link.label, link.path, self.book.person(email).department)

    def source(self, name: str) -> Cell:
        return Cell(self.book.source_label(name), paths.source_page(name))

    def why(self, name: str) -> str:
        return self.book.config.source(name).note


def _place(line: BillingLine) -> tuple[str, str]:
    return line.source, line.service


def _funding(book: Book, year: Year, lines: Iterable[BillingLine], funds: Funds) -> Table:
    """Who paid for the value delivered; the rows add up to it."""
    who = one_line(book.config.organization.name) or "The institution"
    found: dict[str, Decimal] = {}
    for (payer, posted), amounts in summed(lines, lambda line: (_payer(line, funds), line.posted)).items():
        worth = Worth.of(amounts, posted=posted)
        parts = {payer: worth.due, _FREE: worth.free, _COVERED: worth.covered, _VENDORS: worth.vendor}
        for name, amount in parts.items():
            found[name] = found.get(name, ZERO) + amount
    words = {
        _VENDORS: Cell("Vendors", "", "discounts off the list price"),
        _COVERED: Cell(who, "", "discounts and subsidies"),
        _FREE: Cell(who, "", "not charged"),
        _INVOICED: Cell("External payers", "", "invoiced"),
        "": Cell("Funds", paths.FUNDS, "" if not funds else "without a sponsor in the directory"),
    }
    total = sum(found.values(), ZERO)
    columns = (
        Column("Who", note="How"),
        money_column("Amount", book.currency, order=DESCENDING),
        Column("Share", Kind.PERCENT),
    )
    rows = by_money(
        (amount, (words.get(name) or Cell(f"{name}s", paths.FUNDS), Cell(amount), Cell(_share(amount, total))))
        for name, amount in found.items()
        if amount
    )
    return table("funding", f"Who funded it, {year.name}", columns, rows, total="Value delivered")


def _payer(line: BillingLine, funds: Funds) -> str:
    """Whose money pays what is due of a line: the sponsor's, as the directory knows it."""
    return _INVOICED if line.invoiced else sponsor_words(funds.get(line.fund))


def _share(amount: Decimal, total: Decimal) -> Decimal | None:
    return money.percent(amount, total) if total > 0 and amount >= 0 else None


def _months(book: Book, year: Year, made: _Making) -> Table:
    """The months of a year with their state, ascending, and what is held of each."""
    columns = (
        Column("Month", Kind.PERIOD, order="ascending"),
        Column("State", Kind.STATE),
        *made.columns(Column(""))[1:],
        money_column("Held", book.currency, kind=Kind.EXACT),
    )
    found = worths(made.lines, lambda line: line.period)
    rows = (
        (
            Cell(period.period, paths.period_page(period.period)),
            Cell(state_view(period)),
            *made.cells(found.get(period.period, Worth())),
            Cell(in_total(period.undecided, book.currency)[0].exact_billed, paths.REVIEW if period.undecided else ""),
        )
        for period in year.periods
    )
    # Months are sorted by the calendar, not by money.
    columns = tuple(Column(c.label, c.kind, c.unit, "" if c.order == DESCENDING else c.order, c.adds) for c in columns)
    gaps = [month for month in year.months if book.months[0] < month < year.periods[-1].period]
    left = [period_human(month) for month in gaps if month not in book.totals]
    note = f"No data: {listed(left, 6)}" if left else ""
    return table("months", "By month", columns, rows, note=note, total=year.name)


def _status(year: Year) -> tuple[str, ...]:
    first, last = first_day(year.months[0]), last_day(year.months[-1])
    days = f"{period_human(f'{first:%Y-%m}')} to {period_human(f'{last:%Y-%m}')}"
    unfinished = [period_human(period.period) for period in year.periods if period.state is State.OPEN]
    parts = [days, f"{len(year.periods)} of 12 months"]
    if unfinished:
        parts.append(f"{listed(unfinished, 3)} open")
    return tuple(parts)


def _lead(year: Year) -> str:
    text = "What the months of the year billed, late charges and credits included. Value is the list price."
    if not year.before:
        return text
    whole = len(year.before) == len(year.periods)
    months = "the same months" if whole else f"the {len(year.before)} of the same months that the ledger has"
    return f"{text} Changes are from {months} of FY{year.year - 1}."


def _facts(book: Book, year: Year, total: Worth, before: Worth | None) -> tuple[Fact, ...]:
    who = one_line(book.config.organization.name) or "the institution"
    page = paths.report_page(year.year)
    facts = [Fact(label="Vendor discounts", amount=ZERO - total.vendor, path=f"{page}#sources")]
    if total.covered:
        facts.append(Fact(label=f"Covered by {who}", amount=ZERO - total.covered, path=f"{page}#sources"))
    if not book.showback:
        facts.append(Fact(label="Amount due", amount=total.due, path=f"{page}#funding"))
    if total.free or book.showback:
        facts.append(Fact(label="For information, not charged", amount=total.free, path=f"{page}#sources"))
    if before is not None:
        change = total.value - before.value
        percent = money.change_percent(change, before.value) if before.value > 0 else None
        text = "" if percent is None else f" ({'+' if percent > 0 else ''}{percent_filter(percent)})"
        words = f"{'+' if change > 0 else ''}{money.human(change, book.currency)}{text}"
        earlier = paths.report_page(year.year - 1)
        facts.append(Fact(label=f"Value against FY{year.year - 1}", text=words, path=earlier))
    return tuple(facts)


def _sentence(book: Book, year: Year, total: Worth) -> str:
    pis = len({line.pi for period in year.periods for line in period.lines})
    who = one_line(book.config.organization.name) or "the institution"
    text = f"Delivered to {counted(pis, 'PI')}."
    if total.value > 0 and 0 <= total.covered + total.free <= total.value and (total.covered or total.free):
        share = percent_filter(money.percent(total.covered + total.free, total.value))
        text += f" {who[:1].upper()}{who[1:]} paid for {share} of the value."
    return text


def _next(book: Book, year: Year, total: Worth, *, pdf: bool) -> tuple[NextStep, ...]:
    """What leadership may do now."""
    steps = []
    value = f"{book.currency} {money.human(total.value, book.currency)}"
    if pdf:
        what = "Read" if not year.final else "Share"
        why = "it is final" if year.final else "figures may still change"
        reason = f"{value} delivered; {why}"
        steps.append(NextStep(f"{what} the report of {year.name} (PDF)", paths.report_pdf(year.year), reason))
    held = [item for period in year.periods for item in period.undecided]
    if held:
        charges = counted(sum(item.charges for item in held), "charge")
        amount = money.human(money.to_cents(in_total(held, book.currency)[0].exact_billed, book.currency), book.currency)
        oldest = period_human(min(item.period for item in held))
        reason = f"{book.currency} {amount} is in no figure here until then; the oldest is of {oldest}"
        steps.append(NextStep(f"Have {charges} under review decided", paths.REVIEW, reason))
    unfinished = [period for period in year.periods if period.state is State.OPEN]
    if len(unfinished) > 1 or (unfinished and year.complete):
        first = unfinished[0].period
        reason = f"{counted(len(unfinished), 'month')} of {year.name} still open, {period_human(first)} first"
        steps.append(NextStep(f"Have {period_human(first)} closed", paths.period_page(first), reason))
    return tuple(steps)

