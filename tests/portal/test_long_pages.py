"""Pages of a ledger with very many payers: none grows without limit, and each says what it leaves out."""

from __future__ import annotations

import csv
import dataclasses
import re
from decimal import Decimal
from pathlib import Path

import factory
import pytest
from covering import COVERING
from playwright import sync_api as playwright

from needed import needs
from openchargeback.billing.span_statements import (
    MonthState,
    SpanRequest,
    SpanStatement,
    Subject,
    SubjectKind,
    make_span_statement,
    month_lines,
)
from openchargeback.portal import paths
from openchargeback.portal.audience import Audience, AudienceKind
from openchargeback.portal.site import Site, audience_jobs, site_book, site_jobs
from openchargeback.portal.statements import statement_jobs
from openchargeback.portal.views.payers import pi_view
from openchargeback.templating.environment import make_environment

PI = "p0@example.edu"


def spans_of(site: Site) -> tuple[SpanStatement, ...]:
    """A statement over all projects for each PI, as a build makes them."""
    (period,) = site.periods
    states = [MonthState(period.period, period.state, period.revision, period.closed_on)]
    made = []
    for email in sorted({each.pi.email for each in period.statements}):
        subject = Subject(SubjectKind.PI, email)
        own = [each for each in period.statements if each.pi.email == email]
        request = SpanRequest.of_month(subject, period.period)
        made.append(make_span_statement(request, month_lines(own, subject), states, (), period.currency))
    return tuple(made)


def pages(site: Site, *wanted: str) -> dict[str, str]:
    site = dataclasses.replace(site, spans=spans_of(site))
    jobs = {job.path: job for job in site_jobs(site, make_environment())}
    return {path: jobs[path].render().decode() for path in wanted}


@pytest.mark.slow
@pytest.mark.parametrize(("pis", "projects"), [(2000, 1), (1, 300), (150, 2)])
def test_no_page_has_more_than_3000_elements_or_150_kb(pis: int, projects: int) -> None:
    lists = paths.DASHBOARD, paths.PIS, paths.PROJECTS, paths.statements_page("2024-01"), paths.period_page("2024-01")
    for path, text in pages(factory.many(pis, projects), *lists, paths.pi_page(PI)).items():
        assert len(re.findall(r"<[a-z]", text)) <= 3000, path
        assert len(text.encode()) <= 150_000, path


def test_a_pi_with_many_projects_has_their_largest_and_the_total_of_all() -> None:
    site = factory.many(1, 300)
    view = pi_view(site_book(site), PI)
    assert (len(view.others), view.others_count, len(view.matrix.rows), view.matrix.left_out) == (60, 300, 30, 270)
    assert (len(view.funds), view.other_funds[0]) == (7, 293)
    paid = sum((amount for _, amount in view.funds), Decimal(0)) + view.other_funds[1]
    assert paid == view.amounts.billed == site.periods[0].amounts.billed
    text = pages(site, paths.pi_page(PI))[paths.pi_page(PI)]
    assert "<dt>293 other funds</dt>" in text
    assert "240 more with smaller amounts" in text


@pytest.mark.parametrize(("pis", "words"), [(1, "1 PI"), (2, "2 PIs"), (151, "151 PIs, the 150 largest shown")])
def test_a_list_counts_its_payers(pis: int, words: str) -> None:
    site = factory.many(pis)
    found = pages(site, paths.PIS, paths.PROJECTS)
    assert f">{words}</th>" in found[paths.PIS]
    assert f">{words.replace('PI', 'project')}</th>" in found[paths.PROJECTS]


def test_a_list_that_a_page_cuts_has_a_csv_file_of_all_its_rows() -> None:
    site = factory.many(160, 2)
    due = site.periods[0].amounts.billed
    lists = {
        paths.PIS: ("tables/pis-2024-01.csv", 160),
        paths.PROJECTS: ("tables/projects-2024-01.csv", 320),
        paths.statements_page("2024-01"): ("tables/statements-2024-01.csv", 320),
    }
    found = pages(site, *lists, *(csv for csv, _ in lists.values()))
    for path, (file, count) in lists.items():
        assert f'href="{"../" * path.count("/")}{file}" download' in found[path]
        assert f"{count:,} rows" in found[path]
        rows = list(csv.DictReader(found[file].splitlines()))
        assert len(rows) == count
        assert sum(Decimal(row["Due USD"]) for row in rows) == due
        assert sum(Decimal(row["List USD"]) + Decimal(row["Discount USD"]) for row in rows) == due
    assert {row["PI"] for row in csv.DictReader(found["tables/pis-2024-01.csv"].splitlines())} == {
        each.pi.email for each in site.periods[0].statements
    }


def test_an_audience_has_the_csv_files_that_its_pages_offer() -> None:
    site = dataclasses.replace(factory.many(160), audience=Audience(AudienceKind.DEPARTMENT, "Physics"))
    jobs = {job.path: job for job in audience_jobs(site, make_environment())}
    lists = paths.PIS, paths.PROJECTS, paths.statements_page("2024-01")
    offered = {name for path in lists for name in re.findall(r"tables/[^\"]*", jobs[path].render().decode())}
    assert offered == {f"tables/{name}-2024-01.csv" for name in ("pis", "projects", "statements")}
    assert offered <= set(jobs)


def test_the_csv_file_of_a_list_runs_nothing_in_a_spreadsheet() -> None:
    site = factory.many(30)
    people = {email: dataclasses.replace(each, name="=1+1") for email, each in site.people.items()}
    site = dataclasses.replace(site, people=people)
    rows = csv.DictReader(pages(site, "tables/pis-2024-01.csv")["tables/pis-2024-01.csv"].splitlines())
    assert {row["Name"] for row in rows} == {"'=1+1"}


def test_a_page_of_a_payer_has_a_csv_file_of_what_it_leaves_out() -> None:
    site, file = factory.many(1, 300), paths.table_file("statements", "pi", PI)
    found = pages(site, paths.pi_page(PI), file)
    assert file.removeprefix("tables/") in found[paths.pi_page(PI)]
    rows = list(csv.DictReader(found[file].splitlines()))
    assert len({row["Number"] for row in rows}) == 300
    assert sum(Decimal(row["Due USD"]) for row in rows) == site.periods[0].amounts.billed


@needs("chromium")
@pytest.mark.parametrize("width", [1440, 360])
def test_a_long_name_takes_two_lines_of_the_head(page: playwright.Page, tmp_path: Path, width: int) -> None:
    site = factory.site(months=2)
    name = "The Board of Regents of Northfield University of the " + "Interdisciplinary Consortium " * 6
    config = dataclasses.replace(site.config, organization=dataclasses.replace(site.config.organization, name=name))
    folder = factory.write(dataclasses.replace(site, config=config), tmp_path)
    page.set_viewport_size({"width": width, "height": 740})
    page.goto((folder / paths.DASHBOARD).as_uri())
    lines = "each => each.clientHeight / parseFloat(getComputedStyle(each).lineHeight)"
    assert round(page.locator(".brand-name").evaluate(lines)) == 2


@needs("chromium")
def test_a_word_of_what_to_do_now_breaks_rather_than_leave_the_page(page: playwright.Page, tmp_path: Path) -> None:
    site = factory.site(months=2)
    period = site.periods[-1]
    largest = max(period.queue, key=lambda item: abs(item.exact_billed))
    queue = tuple(dataclasses.replace(each, project="x" * 90) if each is largest else each for each in period.queue)
    site = dataclasses.replace(site, periods=(*site.periods[:-1], dataclasses.replace(period, queue=queue)))
    folder = factory.write(site, tmp_path)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto((folder / paths.REVIEW).as_uri())
    link = page.locator(".next li a", has_text="x" * 90)
    assert link.evaluate("each => each.getBoundingClientRect().right <= innerWidth")


@pytest.mark.slow
@needs("chromium")
@pytest.mark.parametrize("width", [1440, 360])
def test_each_of_36_months_is_one_line_of_the_picker(page: playwright.Page, tmp_path: Path, width: int) -> None:
    folder = factory.write(factory.site(months=36), tmp_path)
    page.set_viewport_size({"width": width, "height": 740})
    page.goto((folder / paths.DASHBOARD).as_uri())
    page.locator(".picker summary").click()
    rows = page.locator(".picker li a")
    heights = rows.evaluate_all("all => all.map(each => each.clientHeight)")
    assert len(heights) == 37
    assert max(heights) < 2 * min(heights) - 16, "16 pixels are above and below the line"
    menu = page.locator(".picker ul")
    assert menu.evaluate("each => each.scrollWidth <= each.clientWidth")


@needs("chromium")
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_no_part_of_the_total_of_a_long_list_covers_another(page: playwright.Page, tmp_path: Path, width: int) -> None:
    folder = factory.write(factory.many(20), tmp_path)
    page.set_viewport_size({"width": width, "height": 740})
    for path in (paths.PIS, paths.PROJECTS, paths.statements_page("2024-01")):
        page.goto((folder / path).as_uri())
        assert page.evaluate(COVERING) == [], path


@needs("chromium")
def test_a_phone_shows_the_whole_reason_of_what_is_held_with_its_amount(page: playwright.Page, tmp_path: Path) -> None:
    site = factory.site(months=2)
    folder = factory.write(site, tmp_path)
    page.set_viewport_size({"width": 360, "height": 740})
    held = next(each for each in site.periods[-1].statements if each.held)
    name = paths.statement_page(held)
    (folder / name).parent.mkdir(parents=True)
    (job,) = (job for job in statement_jobs(site, make_environment()) if job.path == name)
    (folder / name).write_bytes(job.render())
    page.goto((folder / name).as_uri())
    row = page.locator("table[data-held] tbody tr").first
    playwright.expect(row.locator("td.main")).to_be_visible()
    within = "each => each.scrollWidth <= each.clientWidth && each.getBoundingClientRect().right <= innerWidth"
    assert row.locator("th").evaluate(within)
    assert row.locator("td.main").evaluate(within)
    label = page.locator(".beside dt", has_text=re.compile("^Project$"))
    lines = "each => { const all = new Range(); all.selectNodeContents(each); return all.getClientRects().length }"
    assert label.evaluate(lines) == 1
