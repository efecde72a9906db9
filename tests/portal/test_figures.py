"""What pages add up: each currency by itself, what is held apart from all else, and no month too many."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import factory
import pytest

from openchargeback.model import Amounts, BilledPeriod, Provenance, QueueItem, State
from openchargeback.portal.site import Site
from openchargeback.portal.statement_view import statement_view
from openchargeback.portal.statements import statement_histories
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.dashboard import dashboard
from openchargeback.portal.views.payers import pi_list, pi_view, project_list, project_view
from openchargeback.portal.views.periods import period_list, period_view
from openchargeback.portal.views.review import HeldTable, Waiting, queue
from openchargeback.review.held_sums import HeldSum, by_reason, in_total
from openchargeback.templating.filters import period_human, period_short

NOWHERE = Provenance("", "", "0")
PI, PROJECT = "mcclintock@example.edu", "genomics-sequencing"


def book_of(site: Site) -> Book:
    return Book(site.config, site.periods, site.people, site.projects)


def with_last(site: Site, **changes: object) -> Book:
    """The book of a site whose last month is another one."""
    last = replace(site.periods[-1], **changes)  # type: ignore[arg-type]
    return book_of(replace(site, periods=(*site.periods[:-1], last)))


# ── Currencies ────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_euros(item: QueueItem) -> QueueItem:
    return replace(item, currency="EUR", exact_billed=Decimal(7), exact_list=Decimal(9), charges=2)


@pytest.fixture(scope="module")
def mixed() -> Book:
    """Its last month holds every item twice, in dollars and in euros, and has the source `aws` in both."""
    site = factory.site(months=2)
    last = site.periods[-1]
    queued = tuple(each for item in last.queue for each in (item, in_euros(item)))
    foreign = replace(last.sources[0], currency="EUR", imported=Decimal(35), billed=Decimal(0), held=Decimal(35))
    return with_last(site, queue=queued, sources=(*last.sources, replace(foreign, rejected=Decimal(0))))


def amounts(sums: tuple[HeldSum, ...]) -> dict[str, Decimal]:
    return {each.currency: each.exact_billed for each in sums}


def shown(rows: tuple[HeldSum, ...]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for row in rows:
        found[row.currency] = found.get(row.currency, Decimal(0)) + row.exact_billed
    return found


def test_no_sum_of_held_money_mixes_currencies(mixed: Book) -> None:
    """On the overview, in the list of months, on the page of the month, in the queue and on the pages of payers."""
    items = mixed.periods[-1].queue
    dollars = sum((item.exact_billed for item in items if item.currency == "USD"), Decimal(0))
    expected = {"USD": dollars, "EUR": Decimal(7 * len(items)) / 2}
    assert amounts(in_total(items, "USD")) == amounts(by_currency(by_reason(items))) == expected
    listed, page = period_list(mixed), period_view(mixed, 1, ())
    for sums in (listed.held, listed.still_held, listed.rows[0].summary.held, page.summary.still_held):
        assert amounts(sums) == expected
        assert [each.currency for each in sums] == ["USD", "EUR"]
    for table in (dashboard(mixed, NOWHERE).waiting, page.held, queue(Waiting.of(mixed)).held):
        assert shown(table.totals) == shown(table.rows) == expected
    own = [item for item in items if item.pi == PI]
    for view in (pi_view(mixed, PI), project_view(mixed, PROJECT)):
        assert amounts(view.held_total) == {"USD": own[0].exact_billed, "EUR": Decimal(7)}
        assert [(each.exact_billed, each.currency) for each in view.held] == [(own[0].exact_billed, "USD"), (7, "EUR")]


def by_currency(sums: tuple[HeldSum, ...]) -> tuple[HeldSum, ...]:
    found: dict[str, HeldSum] = {}
    for each in sums:
        known = found.get(each.currency)
        found[each.currency] = replace(each, exact_billed=each.exact_billed + (known.exact_billed if known else 0))
    return tuple(found.values())


def test_the_sources_of_a_month_are_summed_by_currency(mixed: Book) -> None:
    page, own = period_view(mixed, 1, ()), mixed.periods[-1].sources
    assert [total.currency for total in page.totals] == ["USD", "EUR"]
    for total in page.totals:
        parts = [each for each in own if each.currency == total.currency]
        for name in ("imported", "billed", "held", "rejected", "imported_list", "charges", "charges_held", "files"):
            assert getattr(total, name) == sum(getattr(each, name) for each in parts), name


# ── What is held ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_waits_is_what_is_held_today_and_nothing_else() -> None:
    """Of a closed month only what nobody has decided since; what is billed or has a list price is another amount."""
    site = factory.site(months=2)
    last = site.periods[-1]
    left = last.queue[1:3]
    book = with_last(site, state=State.CLOSED, still_queued=left)
    today, then = (sum((item.exact_billed for item in items), Decimal(0)) for items in (left, last.queue))
    waiting: list[HeldTable] = [dashboard(book, NOWHERE).waiting, queue(Waiting.of(book)).held]
    page = period_view(book, 1, ())
    assert page.still_held is not None
    for table in (*waiting, page.still_held):
        assert (shown(table.totals), shown(table.rows)) == ({"USD": today}, {"USD": today})
        assert (table.charges, table.totals[0].items) == (sum(item.charges for item in left), len(left))
    summary = page.summary
    assert (amounts(summary.held), amounts(summary.still_held)) == ({"USD": then}, {"USD": today})
    assert shown(page.held.totals) == {"USD": then}
    assert (amounts(period_list(book).held), amounts(period_list(book).still_held)) == ({"USD": then}, {"USD": today})
    assert period_list(book).decided_since
    assert not period_list(book_of(site)).decided_since
    assert period_view(book_of(site), 1, ()).still_held is None


def test_only_void_decisions_are_told_as_void() -> None:
    """Each month has two decisions; of the last month's, one is void."""
    site = factory.site(months=3)
    assert sum(len(period.decisions) for period in site.periods) == 6
    book = book_of(site)
    assert "Replace 1 void decision" in [step.label for step in dashboard(book, NOWHERE).next]
    ((told,), (void,)) = (queue(Waiting.of(book)).void, [each for each in site.periods[-1].decisions if each.void])
    assert (told.period, told.path, told.line, told.void) == (site.periods[-1].period, void.path, void.line, void.void)
    closed = with_last(site, decisions=site.periods[0].decisions)
    assert not any("void" in step.label for step in dashboard(closed, NOWHERE).next)
    assert queue(Waiting.of(closed)).void == ()


# ── Months ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def long() -> Book:
    """Fourteen months, so that twelve of them are neither all nor always the last ones."""
    return book_of(factory.site(months=14, last_open=False))


def of_pi(periods: tuple[BilledPeriod, ...], pi: str) -> Amounts:
    return Amounts.total(line.amounts for each in periods for line in each.lines if line.pi == pi)


def test_a_year_is_the_last_twelve_months_of_the_ledger(long: Book) -> None:
    """In the lists of PIs and projects and in their totals; whatever was before is in none."""
    year = long.periods[-12:]
    assert long.year() == [period.period for period in year]
    assert of_pi(year, PI) != of_pi(long.periods, PI)
    listed = pi_list(long)
    (row,) = [row for row in listed.rows if row.name == "Barbara McClintock"]
    assert (row.year, row.latest) == (of_pi(year, PI), of_pi(year[-1:], PI))
    everything = Amounts.total(period.amounts for period in year)
    assert listed.year == project_list(long).year == everything
    (project,) = pi_view(long, PI).others
    assert project.year == of_pi(year, PI)


def test_a_year_with_a_hole_has_fewer_months_rather_than_older_ones(long: Book) -> None:
    """Twelve calendar months, of which the ledger may lack some."""
    kept = tuple(period for period in long.periods if period.period != long.months[-3])
    book = Book(long.config, kept, {}, {})
    assert book.year() == [*long.months[-12:-3], *long.months[-2:]]
    assert pi_list(book).year == Amounts.total(period.amounts for period in book.periods[-11:])


def test_what_is_only_shown_is_of_the_same_year() -> None:
    """A book where every line of one source is only shown."""
    site = factory.site(months=14, last_open=False)
    periods = tuple(
        replace(each, lines=tuple(replace(line, posted=line.source != "hpc") for line in each.lines))
        for each in site.periods
    )
    rows = pi_list(book_of(replace(site, periods=periods))).rows
    apart = [Amounts.total(x.amounts for each in periods[-12:] for x in each.lines if not x.posted)]
    assert [Amounts.total(row.shown_year for row in rows)] == apart


def test_the_share_of_the_largest_source_is_written_like_every_percentage(long: Book) -> None:
    chart = long.by_source_chart(long.months)
    assert chart
    assert re.match(r"\S.* is \d+% of the amount due in ", chart.title)


@pytest.mark.parametrize("index", [0, 5, 12, 13])
def test_the_chart_of_a_month_ends_with_that_month(long: Book, index: int) -> None:
    """It is the last label, the marked one, and no bar or sum tells of a later month."""
    name = long.months[index]
    chart = period_view(long, index, ()).chart
    assert [label.marked for label in chart.labels] == [False] * 11 + [True]
    assert chart.labels[-1].text in period_short(name)
    assert len(chart.bars) == min(index + 1, 12)
    assert period_human(name) in chart.bars[-1].hint
    first, last = long.months[max(0, index - 11)], name
    billed = Amounts.total(long.totals[month] for month in long.months[max(0, index - 11) : index + 1]).billed
    assert chart.description.startswith(f"{period_human(first)} to {period_human(last)}")
    assert f"amount due {billed:,.2f} USD." in chart.description


def test_charts_of_the_whole_ledger_end_with_its_last_month(long: Book) -> None:
    view, chart = dashboard(long, NOWHERE), period_list(long).chart
    assert chart is not None
    assert period_human(long.months[-1]) in chart.bars[-1].hint
    assert len(chart.bars) == 12
    assert [row.summary.period for row in view.rows] == list(reversed(long.months[-12:]))
    assert [row.period for row in view.months] == list(reversed(long.months[-12:]))


def test_pages_show_the_last_month_that_was_issued_and_the_open_one_apart() -> None:
    """What is a draft today is no answer to what is due."""
    book = book_of(factory.site(months=3))
    issued, draft = book.months[-2:]
    assert book.periods[-1].state is State.OPEN
    now = dashboard(book, NOWHERE).now
    assert now is not None
    assert (now.period, now.previous) == (issued, book.months[0])
    assert (pi_list(book).period, pi_list(book).previous) == (issued, book.months[0])
    for view in (pi_view(book, PI), project_view(book, PROJECT)):
        assert (view.period, view.draft, view.amounts) == (issued, False, of_pi(book.periods[1:2], PI))
        assert view.so_far is not None
        assert (view.so_far.period, view.so_far.total) == (draft, of_pi(book.periods[2:], PI))
        ((_, cells),) = view.matrix.rows
        assert [cell and cell.draft for cell in cells] == [False, False, True]
        assert sum((amount for _, amount in view.funds), Decimal(0)) == view.amounts.billed


def test_the_statements_by_month_are_those_of_the_last_twelve_months_that_have_any() -> None:
    site = factory.site(months=15, last_open=False)
    empty = site.periods[-2]
    kept = replace(empty, statements=tuple(each for each in empty.statements if each.pi.email != PI))
    book = book_of(replace(site, periods=(*site.periods[:-2], kept, site.periods[-1])))
    matrix = pi_view(book, PI).matrix
    assert matrix.months == (*book.months[2:13], book.months[14])
    assert matrix.earlier == 2


@pytest.mark.parametrize("gone", [1, 4])
def test_the_chart_of_a_payer_ends_with_their_last_statement(gone: int) -> None:
    """Who left has a page that ends with what they had, not with the empty months since."""
    site = factory.site(months=6, last_open=False)
    kept = site.periods[:-gone]
    later = tuple(
        replace(
            each,
            lines=tuple(line for line in each.lines if line.pi != PI),
            statements=tuple(statement for statement in each.statements if statement.pi.email != PI),
        )
        for each in site.periods[-gone:]
    )
    book = book_of(replace(site, periods=(*kept, *later)))
    for view in (pi_view(book, PI), project_view(book, PROJECT)):
        assert view.period == kept[-1].period
        assert [month for month, _ in view.history] == [each.period for each in reversed(kept)]
        assert period_human(kept[-1].period) in view.chart.bars[-1].hint
        assert view.chart.labels[-1].marked
        assert view.history[0][1] == view.amounts == of_pi(kept[-1:], PI)


@pytest.mark.parametrize("index", [0, 6, 13])
def test_the_bars_of_a_statement_end_with_its_month(long: Book, index: int) -> None:
    """Though the ledger knows later ones."""
    histories = statement_histories(long.periods)
    (statement,) = [each for each in long.periods[index].statements if each.pi.email == PI]
    bars = statement_view(statement, long.config, histories[PI, PROJECT]).bars
    assert len(bars) == 12
    assert (bars[-1].period, bars[-1].due) == (statement.period, statement.amounts.billed)
    assert [bar.period for bar in bars if bar.known] == list(long.months[max(0, index - 11) : index + 1])


def test_each_large_change_names_the_service_that_changed_most() -> None:
    book = book_of(factory.site(months=3, last_open=False))
    view = dashboard(book, NOWHERE)
    changes: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for period, sign in zip(book.periods[-2:], (-1, 1), strict=True):
        for line in period.lines:
            changes[line.pi, line.service] += sign * line.amounts.billed
    assert len(view.movers) > 1
    for mover in view.movers:
        own = {service: change for (pi, service), change in changes.items() if book.pi_link(pi) == mover.pi}
        assert mover.change.amount == sum(own.values()) == mover.now - mover.before
        service, change = mover.mostly
        assert change == own[service]
        assert abs(change) == max(map(abs, own.values()))
