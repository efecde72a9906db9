"""The pages of funds and departments: every amount ties to the billing lines, and leads to what it is made of."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import factory
import pytest

from openchargeback.ledger.directory import FundEntry
from openchargeback.model import BilledPeriod, Person, State
from openchargeback.portal import paths
from openchargeback.portal.site import Site, site_book, site_jobs
from openchargeback.portal.views.departments import department_list, department_view, month_pages
from openchargeback.portal.views.funds import fund_list, fund_view
from openchargeback.portal.views.sheet import Sheet
from openchargeback.portal.views.tables import Kind, Row, Table
from openchargeback.templating.environment import make_environment

BIO = "BIO-2024-001"


def find(sheet: Sheet, id_: str) -> Table:
    return next(table for table in sheet.tables if table.id == id_)


def column(table: Table, label: str) -> int:
    return next(at for at, each in enumerate(table.columns) if each.label == label)


def amount(table: Table, row: Row, label: str) -> Decimal:
    value = row[column(table, label)].value
    assert isinstance(value, Decimal)
    return value


def due(periods: tuple[BilledPeriod, ...], fund: str) -> Decimal:
    return sum((line.amounts.billed for each in periods for line in each.lines if line.fund == fund), Decimal(0))


def funds_of(site: Site) -> Sheet:
    return fund_list(site_book(site), site.funds)


def without_lines(period: BilledPeriod) -> BilledPeriod:
    return dataclasses.replace(period, lines=(), statements=())


def test_the_funds_of_a_month_add_up_to_what_is_due() -> None:
    site = factory.site(last_open=False)
    table = find(funds_of(site), "funds")
    latest = site.periods[-1]
    assert amount(table, table.total, "Due, Feb 2025") == latest.amounts.billed
    year = sum((period.amounts.billed for period in site.periods[-12:]), Decimal(0))
    assert amount(table, table.total, "Due, 12 months") == year
    amounts = [amount(table, row, "Due, Feb 2025") for row in table.rows]
    assert amounts == sorted(amounts, reverse=True)
    assert table.columns[column(table, "Due, Feb 2025")].order == "descending"
    assert table.total[0].value == f"{len(table.rows)} funds"


def test_amounts_lead_to_the_charges_behind_them() -> None:
    table = find(funds_of(factory.site(last_open=False)), "funds")
    row = next(row for row in table.rows if row[0].value == BIO)
    assert row[0].path == paths.fund_page(BIO)
    assert row[column(table, "Due, Feb 2025")].path == f"charges/2025-02/index.html#fund={BIO}"


def test_a_fund_page_splits_what_it_paid_in_every_way() -> None:
    site = factory.site(last_open=False)
    book = site_book(site)
    sheet = fund_view(book, site.funds, BIO)
    assert sheet.headline is not None
    assert sheet.headline.amount == due(site.periods[-1:], BIO)
    year = due(site.periods[-12:], BIO)
    for id_ in ("project", "pi", "service"):
        table = find(sheet, id_)
        assert amount(table, table.total, "Due, 12 months") == year, id_
        assert amount(table, table.total, "Due, Feb 2025") == sheet.headline.amount, id_
    assert amount(find(sheet, "months"), find(sheet, "months").total, "Due") == due(site.periods, BIO)
    statements = find(sheet, "statements")
    assert amount(statements, statements.total, "Due") == due(site.periods, BIO)
    assert statements.total[0].value == "14 statements"
    numbers = {statement.number: paths.statement_page(statement) for p in site.periods for statement in p.statements}
    assert all(row[1].path == numbers[str(row[1].value)] for row in statements.rows)
    assert sheet.window == f"Fund {BIO}, February 2025"


def test_what_the_directory_knows_of_a_fund_is_shown() -> None:
    entry = FundEntry(BIO, "Maize", "federal", until=dt.date(2025, 8, 31), department="Biology")
    site = dataclasses.replace(
        factory.site(months=2, last_open=False), funds={BIO: entry, "UNUSED-1": FundEntry("UNUSED-1")}
    )
    table = find(funds_of(site), "funds")
    row = next(row for row in table.rows if row[0].value == BIO)
    assert [cell.value for cell in row[1:3]] == ["until 31 Aug 2025", "Federal sponsor"]
    assert table.note == "1 fund of the directory never paid for anything"
    book = site_book(site)
    sheet = fund_view(book, site.funds, BIO)
    assert sheet.title == f"{BIO}: Maize"
    assert sheet.headline is not None
    facts = {fact.label: fact.text for fact in sheet.headline.facts if fact.text}
    assert facts == {"May pay for": "until 31 Aug 2025", "Sponsor": "Federal sponsor", "Owner": "Biology"}
    assert "May pay for" not in {
        each.label for each in find(funds_of(factory.site(months=2, last_open=False)), "funds").columns
    }


def test_departments_add_up_and_lead_to_their_statements() -> None:
    site = factory.site(last_open=False)
    book = site_book(site)
    sheet = department_list(book, month_pages(site.spans))
    table = find(sheet, "departments")
    assert amount(table, table.total, "Due, Feb 2025") == site.periods[-1].amounts.billed
    page = {"Mathematics": {"2025-02": "spans/2025-02/x.html"}}
    view = department_view(book, "Mathematics", page, {})
    months = find(view, "months")
    assert months.rows[0][column(months, "Due")].path == "spans/2025-02/x.html"
    years = find(view, "years")
    assert [(row[0].value, row[0].path) for row in years.rows] == [
        ("FY2025", "reports/FY2025/index.html"),
        ("FY2024", "reports/FY2024/index.html"),
    ]
    assert sum(amount(years, row, "Due") for row in years.rows) == amount(months, months.total, "Due")


def test_a_pi_counts_for_the_department_of_the_month() -> None:
    """Moving to another one changes nothing about earlier statements."""
    site = factory.site(months=3, last_open=False)
    email = "mcclintock@example.edu"
    moved = {**site.people, email: Person(email, "Barbara McClintock", "Genetics")}
    book = site_book(dataclasses.replace(site, people=moved))
    assert "Genetics" not in book.by_department
    assert "Biology" in book.by_department


def test_a_ledger_without_departments_says_how_to_get_them() -> None:
    site = factory.site(months=1, last_open=False)
    plain = tuple(
        dataclasses.replace(
            period,
            statements=tuple(
                dataclasses.replace(each, pi=dataclasses.replace(each.pi, department="")) for each in period.statements
            ),
        )
        for period in site.periods
    )
    book = site_book(dataclasses.replace(site, periods=plain))
    assert book.by_department == {}
    assert "directory/people.yaml" in department_list(book, {}).empty


def test_pages_are_about_the_last_month_issued_and_list_the_open_one() -> None:
    site = factory.site()
    assert column(find(funds_of(site), "funds"), "Due, Jan 2025")
    book = site_book(site)
    sheet = fund_view(book, site.funds, BIO)
    assert sheet.status == ("January 2025", "Closed" if site.periods[-2].state is State.CLOSED else "Finalized")
    assert find(sheet, "months").rows[0][0].value == "2025-02"


def test_funds_of_a_month_without_charges_keep_their_pages() -> None:
    site = factory.site(months=3, last_open=False)
    empty = dataclasses.replace(site, periods=(*site.periods[:2], without_lines(site.periods[2])))
    table = find(funds_of(empty), "funds")
    assert {amount(table, row, "Due, Mar 2024") for row in table.rows} == {Decimal(0)}
    assert all(not row[column(table, "Due, Mar 2024")].path for row in table.rows)
    made = {
        job.path: job.render().decode() for job in site_jobs(empty, make_environment()) if job.path.endswith(".html")
    }
    assert "February 2024" in made[paths.fund_page(BIO)].partition("</h1>")[2]


@pytest.mark.slow
def test_many_funds_are_cut_with_their_sum_and_a_file() -> None:
    """At most 3,000 elements and 150 kB, and the total is still that of all."""
    site = factory.many(2000)
    jobs = {job.path: job for job in site_jobs(site, make_environment())}
    for path in (paths.FUNDS, paths.DEPARTMENTS, paths.report_page(2024), paths.REPORTS):
        text = jobs[path].render().decode()
        assert len(re.findall(r"<[a-z]", text)) <= 3000, path
        assert len(text.encode()) <= 150_000, path
    table = find(funds_of(site), "funds")
    count = len({line.fund for line in site.periods[0].lines})
    assert (len(table.rows), table.count, table.rest[0].value) == (150, count, f"{count - 150:,} more")
    shown = sum(amount(table, row, "Due, Jan 2024") for row in (*table.rows, table.rest))
    assert shown == amount(table, table.total, "Due, Jan 2024") == site.periods[0].amounts.billed
    rows = jobs["tables/funds-2024-01.csv"].render().decode().splitlines()
    assert len(rows) == count + 1
    assert rows[0] == 'Fund,Title,"List, Jan 2024 USD","Due, Jan 2024 USD","Due, 12 months USD"'


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_cell_can_be_shown(kind: Kind) -> None:
    """One macro formats all of them."""
    text = (Path(__file__).parents[2] / "site_templates/tables.html").read_text()
    assert f'"{kind}"' in text or kind is Kind.TEXT
