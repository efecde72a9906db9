"""Reports by fiscal year, for leadership: what the service delivered, to whom, and who funded it.

A year is what its months billed, so that a report adds up to their statements and journals: late charges and credits
count for the month that billed them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openchargeback import money
from openchargeback.characters import one_line
from openchargeback.ledger.periods import first_day, last_day
from openchargeback.model import Amounts, BilledPeriod, PeriodAmounts, State
from openchargeback.money import ZERO
from openchargeback.portal import charts, paths
from openchargeback.portal.shell import Link
from openchargeback.portal.statement_words import amount_words
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.fiscal_years import Year
from openchargeback.portal.views.funds import Funds
from openchargeback.portal.views.next_steps import NextStep
from openchargeback.portal.views.report_tables import ReportTables
from openchargeback.portal.views.sheet import Fact, Headline, Sheet, history_table
from openchargeback.portal.views.spending import due_word
from openchargeback.portal.views.tables import DESCENDING, Cell, Column, Kind, money_column, table
from openchargeback.portal.views.worth import Worth, total_worth
from openchargeback.review.held_sums import in_total
from openchargeback.templating.filters import percent_filter, period_human
from openchargeback.wording import counted, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A fiscal year's report, for its page and its PDF. total, before: of the year, and of the same months a year
    before; None if the ledger has none of them.
    """

    year: Year
    total: Worth
    before: Worth | None
    sheet: Sheet


def report(book: Book, year: Year, funds: Funds, *, pdf: bool = True) -> Report:
    """The report of a year. funds: those of the directory. pdf: whether it has a PDF."""
    total = total_worth(year.lines)
    before = total_worth(line for period in year.before for line in period.lines) if year.before else None
    history = tuple(_history(book, period) for period in year.periods)
    currency, name, last = book.currency, f"Fiscal year {year.year}", year.periods[-1].period
    sheet = Sheet(
        title=name,
        status=_status(year),
        draft=not year.final,
        lead=_lead(year),
        next=_next(book, year, total, pdf=pdf),
        headline=_headline(book, year, total, before),
        chart=charts.twelve_months(history, last, currency, name, only_shown=book.showback, until=year.months[-1]),
        history=history_table(history, currency, due_word(book)),
        downloads=(Link("Download the report as PDF", paths.report_pdf(year.year)),) if pdf else (),
        tables=ReportTables(book, year).all(funds),
    )
    return Report(year=year, total=total, before=before, sheet=sheet)


def _history(book: Book, period: BilledPeriod) -> PeriodAmounts:
    """A month in the chart: the value of everything, and what is due of it."""
    worth = total_worth(period.lines)
    due = worth.free if book.showback else worth.due
    amounts = Amounts(list=worth.value, discount=worth.value - due, billed=due)
    return PeriodAmounts(period=period.period, amounts=amounts)


def report_list(book: Book, reports: Sequence[Report], *, pdf: bool = True) -> Sheet:
    """All fiscal years, newest first."""
    if not reports:
        empty = "The report of each fiscal year appears here with its first month of charges."
        return Sheet(title="Reports by fiscal year", empty=empty)
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
        headline=_headline(book, latest.year, latest.total, latest.before, f", {latest.year.name}"),
        chart=latest.sheet.chart,
        history=latest.sheet.history,
        tables=(table("years", "Fiscal years", columns, rows, note=note), latest.sheet.tables[0]),
    )


def _status(year: Year) -> tuple[str, ...]:
    first, last = first_day(year.months[0]), last_day(year.months[-1])
    days = f"{period_human(f'{first:%Y-%m}')} to {period_human(f'{last:%Y-%m}')}"
    unfinished = [period_human(period.period) for period in year.periods if period.state is State.OPEN]
    parts = [days, f"{len(year.periods)} of 12 months"]
    if unfinished:
        parts.append(f"{listed(unfinished, 3)} open")
    return tuple(parts)


def _lead(year: Year) -> str:
    text = "The amounts billed for the months of the year, including late charges and credits. Value is the list price."
    if not year.before:
        return text
    whole = len(year.before) == len(year.periods)
    months = "the same months" if whole else f"the {len(year.before)} of the same months that the ledger has"
    return f"{text} Changes are from {months} of FY{year.year - 1}."


def _headline(book: Book, year: Year, total: Worth, before: Worth | None, which: str = "") -> Headline:
    return Headline(
        label=f"Value delivered{'' if year.final else ' so far'}{which}",
        amount=total.value,
        facts=_facts(book, year, total, before),
        sentence=_sentence(book, year, total),
    )


def _facts(book: Book, year: Year, total: Worth, before: Worth | None) -> tuple[Fact, ...]:
    who = one_line(book.config.organization.name) or "the institution"
    page = paths.report_page(year.year)
    facts = [Fact(label="Vendor discounts", amount=ZERO - total.vendor, path=f"{page}#sources")]
    if total.covered:
        facts.append(Fact(label=f"Covered by {who}", amount=ZERO - total.covered, path=f"{page}#sources"))
    if total.free or book.showback:
        facts.append(Fact(label="For information, not charged", amount=total.free, path=f"{page}#sources"))
    if not book.showback:
        facts.append(Fact(label="Amount due", amount=total.due, path=f"{page}#funding", total=True))
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
    value = amount_words(total.value, book.currency)
    if pdf:
        what = "Read" if not year.final else "Share"
        why = "it is final" if year.final else "figures may still change"
        reason = f"{value} delivered; {why}"
        steps.append(NextStep(f"{what} the report of {year.name} (PDF)", paths.report_pdf(year.year), reason))
    held = [item for period in year.periods for item in period.undecided]
    if held:
        charges = counted(sum(item.charges for item in held), "charge")
        amount = amount_words(in_total(held, book.currency)[0].exact_billed, book.currency)
        oldest = period_human(min(item.period for item in held))
        reason = f"{amount} is in no figure here until then; the oldest is of {oldest}"
        steps.append(NextStep(f"Have {charges} under review decided", paths.REVIEW, reason))
    unfinished = [period for period in year.periods if period.state is State.OPEN]
    if len(unfinished) > 1 or (unfinished and year.complete):
        first = unfinished[0].period
        reason = f"{counted(len(unfinished), 'month')} of {year.name} still open, {period_human(first)} first"
        steps.append(NextStep(f"Have {period_human(first)} closed", paths.period_page(first), reason))
    return tuple(steps)
