"""Reports by fiscal year: value = discounts + covered + not charged + due, in every row, table and total."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import factory
import pypdf
import pytest
from test_fund_pages import amount, find

from conformance import faults
from openchargeback.ledger.directory import FundEntry
from openchargeback.model import Amounts, BilledPeriod, BillingLine
from openchargeback.portal import paths
from openchargeback.portal.pdf_pool import render_job
from openchargeback.portal.report_documents import DATA_NAME, report_pdfs
from openchargeback.portal.site import Site, site_book, site_jobs, site_reports
from openchargeback.portal.views.funds import fund_list
from openchargeback.portal.views.reports import Report, report_list
from openchargeback.publish.build import build
from openchargeback.templating.environment import make_environment

ZERO = Decimal(0)
PROGRAM = "Example University"


def each_line(site: Site, change: Callable[[BillingLine], BillingLine]) -> Site:
    """The same site with other lines, in months and statements alike."""

    def changed(period: BilledPeriod) -> BilledPeriod:
        statements = tuple(
            dataclasses.replace(each, lines=tuple(map(change, each.lines))) for each in period.statements
        )
        return dataclasses.replace(period, lines=tuple(map(change, period.lines)), statements=statements)

    return dataclasses.replace(site, periods=tuple(map(changed, site.periods)))


def fiscal(site: Site, starts: int) -> Site:
    return dataclasses.replace(site, config=dataclasses.replace(site.config, fiscal_year_starts=starts))


def mixed() -> Site:
    """The cluster is only shown, storage is covered by the university, one PI is invoiced."""

    def change(line: BillingLine) -> BillingLine:
        amounts = line.amounts
        if line.source == "storage":
            amounts = dataclasses.replace(amounts, covered=amounts.discount)
        return dataclasses.replace(
            line,
            amounts=amounts,
            posted=line.source != "hpc",
            invoiced=line.pi == "hopper@example.edu" and line.source != "hpc",
        )

    funds = {"BIO-2024-001": FundEntry("BIO-2024-001", sponsor_type="federal")}
    return dataclasses.replace(each_line(factory.site(), change), funds=funds)


def reports(site: Site) -> list[Report]:
    return site_reports(site, site_book(site))


def lines(periods: tuple[BilledPeriod, ...]) -> list[BillingLine]:
    return [line for period in periods for line in period.lines]


def test_fiscal_years_start_as_the_settings_say() -> None:
    found = reports(fiscal(factory.site(), 7))
    assert [(each.year.year, len(each.year.periods)) for each in found] == [(2024, 6), (2025, 8)]
    assert found[1].sheet.status == ("July 2024 to June 2025", "8 of 12 months", "February 2025 open")
    assert [each.year.year for each in reports(factory.site())] == [2024, 2025]


def test_value_is_what_was_paid_for_it_by_anyone() -> None:
    for report in reports(mixed()):
        total = report.total
        assert total.value == total.vendor + total.covered + total.free + total.due
        assert total.value == sum((line.amounts.list for line in lines(report.year.periods)), ZERO)
        assert 0 not in (total.vendor, total.covered, total.free, total.due)
        for table in report.sheet.tables[1:]:
            for row in (*table.rows, table.total):
                parts = [amount(table, row, name) for name in ("Vendor discount", f"Covered by {PROGRAM}")]
                rest = [amount(table, row, name) for name in ("Not charged", "Due")]
                assert amount(table, row, "Value") == sum(rest, ZERO) - sum(parts, ZERO), (table.id, row)
            assert amount(table, table.total, "Value") == total.value, table.id


def test_who_funded_it_adds_up_to_the_value() -> None:
    report = reports(mixed())[0]
    table = find(report.sheet, "funding")
    paid = {(str(row[0].value), row[0].note): amount(table, row, "Amount") for row in table.rows}
    own = lines(report.year.periods)
    assert paid["External payers", "invoiced"] == sum((x.amounts.billed for x in own if x.invoiced), ZERO)
    assert paid["Federal sponsors", ""] == sum(
        (x.amounts.billed for x in own if x.fund == "BIO-2024-001" and x.posted), ZERO
    )
    assert paid[PROGRAM, "not charged"] == sum((x.amounts.billed for x in own if not x.posted), ZERO)
    assert paid[PROGRAM, "discounts and subsidies"] == report.total.covered
    assert paid["Vendors", "discounts off the list price"] == report.total.vendor
    assert sum(paid.values(), ZERO) == report.total.value == amount(table, table.total, "Amount")


def test_what_is_invoiced_no_fund_pays_for() -> None:
    site = mixed()
    table = find(fund_list(site_book(site), site.funds), "funds")
    row = next(row for row in table.rows if row[0].value == "Invoiced, no fund")
    own = [line for line in lines(site.periods) if line.period == "2025-01" and line.posted]
    assert row[0].path == paths.fund_page("")
    assert amount(table, row, "Due, Jan 2025") == sum((x.amounts.billed for x in own if x.invoiced), ZERO)
    assert amount(table, table.total, "Due, Jan 2025") == sum((x.amounts.billed for x in own), ZERO)
    assert not [row for row in table.rows if row[0].value == "CS-2021-009"]


def test_a_year_is_compared_with_the_same_months_of_the_year_before() -> None:
    first, second = reports(factory.site())
    assert first.before is None
    assert "Change in value" not in {each.label for each in find(first.sheet, "pis").columns}
    assert [period.period for period in second.year.before] == ["2024-01", "2024-02"]
    before = sum((line.amounts.list for line in lines(factory.site().periods[:2])), ZERO)
    assert second.before is not None
    assert second.before.value == before
    for id_ in ("departments", "pis", "services", "sources"):
        table = find(second.sheet, id_)
        assert amount(table, table.total, "Change in value") == second.total.value - before, id_


def test_who_has_nothing_anymore_still_counts_in_the_change() -> None:
    site = factory.site()
    gone = "chandra@example.edu"
    periods = tuple(
        dataclasses.replace(period, lines=tuple(line for line in period.lines if line.pi != gone))
        if period.period >= "2025"
        else period
        for period in site.periods
    )
    table = find(reports(dataclasses.replace(site, periods=periods))[1].sheet, "pis")
    row = next(row for row in table.rows if row[0].value == "Subrahmanyan Chandrasekhar")
    assert amount(table, row, "Value") == 0
    assert amount(table, row, "Change in value") < 0


def test_leadership_starts_with_what_to_do() -> None:
    _, draft = reports(factory.site())
    pdf, review = draft.sheet.next
    assert (pdf.label, pdf.path) == ("Read the report of FY2025 (PDF)", "reports/FY2025.pdf")
    assert review.path == paths.REVIEW
    assert review.label == "Have 59 charges under review decided"
    first, *_ = reports(factory.site())
    assert first.sheet.next[0].label == "Share the report of FY2024 (PDF)"
    text = next(job for job in site_jobs(factory.site(), make_environment()) if job.path == paths.REPORTS)
    main = text.render().decode().partition("</h1>")[2]
    assert main.index("Next") < main.index("Value delivered so far, FY2025") < main.index("Fiscal years")


def test_without_pdfs_no_page_offers_one() -> None:
    site = dataclasses.replace(factory.site(), pdfs=False)
    pages = [job.render().decode() for job in site_jobs(site, make_environment()) if job.path.startswith("reports/")]
    assert len(pages) == 3
    assert not any("FY2024.pdf" in text or "FY2025.pdf" in text for text in pages)


def test_a_ledger_for_showback_delivers_value_and_nothing_is_due() -> None:
    site = each_line(factory.site(), lambda line: dataclasses.replace(line, posted=False))
    report = reports(site)[0]
    assert report.total.due == 0
    assert report.total.free == sum((line.amounts.billed for line in lines(report.year.periods)), ZERO)
    made = [job.render().decode() for job in site_jobs(site, make_environment()) if job.path.endswith(".html")]
    texts = [text for text in made if "Fiscal year" in text.partition("</h1>")[0] or "<h1>Funds" in text]
    assert len(texts) == 3
    for text in texts:
        words = re.sub(r"<[^>]+>", " ", text.partition("</h1>")[2])
        assert not re.search(r"\bdue\b", words, re.IGNORECASE)


def test_a_year_of_credits_only_has_no_shares() -> None:
    def credit(line: BillingLine) -> BillingLine:
        return dataclasses.replace(line, amounts=Amounts() - line.amounts)

    report = reports(each_line(factory.site(months=2), credit))[0]
    table = find(report.sheet, "funding")
    assert report.total.value < 0
    assert "Share" not in {each.label for each in table.columns}
    assert report.sheet.headline is not None
    assert "%" not in report.sheet.headline.sentence


def test_a_ledger_without_months_has_a_page_that_says_so() -> None:
    assert "first month" in report_list(site_book(dataclasses.replace(factory.site(1), periods=())), []).empty


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The PDF of each year of the mixed site, the later one a draft."""
    site, env = mixed(), make_environment()
    folder = tmp_path_factory.mktemp("reports")
    for plan in report_pdfs(site, env, site_book(site)):
        path = folder / plan.path.rpartition("/")[2]
        path.write_bytes(render_job(plan.job()))
    return {year: folder / f"FY{year}.pdf" for year in (2024, 2025)}


@pytest.mark.parametrize("year", [2024, 2025])
@pytest.mark.parametrize("profile", ["3a", "ua1"])
def test_a_printed_report_can_be_archived_and_read_aloud(printed: dict[int, Path], year: int, profile: str) -> None:
    assert faults(printed[year], profile) == []


def test_a_printed_report_says_what_the_page_says(printed: dict[int, Path]) -> None:
    for report in reports(mixed()):
        reader = pypdf.PdfReader(printed[report.year.year])
        text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
        for table in report.sheet.tables:
            assert table.caption in text
        assert f"{report.total.value:,}" in text
        assert ("DRAFT, NOT FINAL" in text) == (report.year.year == 2025)
        assert "Page 1 of" in text


def test_the_data_of_a_printed_report_add_up_to_it(printed: dict[int, Path]) -> None:
    report = reports(mixed())[0]
    (content,) = pypdf.PdfReader(printed[2024]).attachments[DATA_NAME]
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    sums = {
        name: sum((Decimal(row[name]) for row in rows), ZERO) for name in ("value", "due", "not_charged", "covered")
    }
    total = report.total
    assert sums == {"value": total.value, "due": total.due, "not_charged": total.free, "covered": total.covered}
    assert {row["sponsor"] for row in rows if row["fund"] == "BIO-2024-001"} == {"Federal sponsor"}


def test_the_same_report_has_the_same_bytes() -> None:
    site, env = mixed(), make_environment()
    first, second = (report_pdfs(site, env, site_book(site))[0] for _ in range(2))
    assert first.key == second.key
    assert render_job(first.job()) == render_job(second.job())
    other = dataclasses.replace(site, config=dataclasses.replace(site.config, currency="EUR"))
    assert report_pdfs(other, env, site_book(other))[0].key != first.key


LEDGER = {
    "config.yaml": "organization: Example University\nfiscal_year_starts: 7\n",
    "charges/2025-01/aws.csv": (
        "BillingPeriodStart,ResourceId,BilledCost,Tags\n"
        '2025-01-01,vm-1,5,"{""pi_email"": ""ann@example.edu"", ""project_id"": ""p"", ""fund_org"": ""F1""}"\n'
    ),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in LEDGER.items():
        (tmp_path / "ledger" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ledger" / path).write_text(text)
    return tmp_path / "ledger"


def test_a_build_has_the_report_unless_it_has_no_pdfs(root: Path) -> None:
    public = root.parent / "public"
    build(root, public, workers=1)
    assert (public / "reports/FY2025.pdf").read_bytes().startswith(b"%PDF-1.7")
    build(root, public, pdfs=False)
    assert not (public / "reports/FY2025.pdf").exists()
    assert "FY2025.pdf" not in (public / "reports/FY2025/index.html").read_text()


def test_the_page_of_downloads_has_the_sizes_of_what_was_written(root: Path) -> None:
    public = root.parent / "public"
    build(root, public, pdfs=False)
    text = (public / paths.DATA).read_text()
    size = (public / "data/2025-01/lines.csv").stat().st_size
    assert f'data-value="{size}"' in text
    assert 'href="2025-01/lines.csv"' in text
    for name in ("datapackage.json", "../manifest.json", "focus-billing-period.csv", "../schemas/focus-1.2.json"):
        assert f'href="{name}"' in text
    (root / "charges/2025-01/aws.csv").write_text(LEDGER["charges/2025-01/aws.csv"] + '2025-01-01,vm-2,7,"{}"\n')
    assert build(root, public, pdfs=False).changed
    changed = (public / "data/2025-01/charges.csv").stat().st_size
    assert f'data-value="{changed}"' in (public / paths.DATA).read_text()
    again = root.parent / "again"
    build(root, again, pdfs=False)
    assert (again / paths.DATA).read_bytes() == (public / paths.DATA).read_bytes()
