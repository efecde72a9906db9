"""The pages of sources, of files received, and of decisions."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from urllib.parse import quote

import factory
from test_fund_pages import amount, column, find

from openchargeback import money
from openchargeback.billing.provider_invoices import InvoiceCheck
from openchargeback.ledger.approvals import read_approvals
from openchargeback.ledger.settings import Source
from openchargeback.model import BilledPeriod, DecisionRecord, Evidence, Level
from openchargeback.portal import paths
from openchargeback.portal.site import Site, site_book, site_jobs
from openchargeback.portal.views.approvals import approvals, decided_charges
from openchargeback.portal.views.files import received
from openchargeback.portal.views.sources import source_list, source_view
from openchargeback.templating.environment import make_environment


def without(period: BilledPeriod, source: str) -> BilledPeriod:
    """The month without anything from a source."""
    return dataclasses.replace(
        period,
        sources=tuple(each for each in period.sources if each.source != source),
        files=tuple(each for each in period.files if each.source != source),
        lines=tuple(each for each in period.lines if each.source != source),
    )


def with_sources(site: Site, **settings: Source) -> Site:
    return dataclasses.replace(
        site, config=dataclasses.replace(site.config, sources={**site.config.sources, **settings})
    )


def test_sources_show_imported_billed_and_held_of_twelve_months() -> None:
    site = factory.site()
    table = find(source_list(site_book(site)), "sources")
    totals = [each for period in site.periods[-12:] for each in period.sources]
    for name, label in (("imported", "Imported"), ("billed", "Billed"), ("held", "Held")):
        assert amount(table, table.total, label) == money.total(*(getattr(t, name) for t in totals)), label
    aws = next(row for row in table.rows if row[0].value == "Amazon Web Services")
    assert (aws[0].path, aws[0].note) == ("sources/aws/index.html", "aws")
    assert aws[column(table, "Latest")].path == "charges/2025-02/index.html#source=aws"


def test_gaps_count_to_the_last_month_only_if_charges_are_expected() -> None:
    site = factory.site(months=6)
    gaps = (without(p, "aws") if p.period in ("2024-02", "2024-06") else p for p in site.periods)
    site = dataclasses.replace(site, periods=tuple(gaps))

    def missing(site: Site) -> tuple[object, str]:
        table = find(source_list(site_book(site)), "sources")
        cell = next(row for row in table.rows if row[0].note == "aws")[column(table, "Months missing")]
        return cell.value, cell.note

    assert missing(site) == (1, "Feb 2024")
    monthly = with_sources(site, aws=Source("aws", "Amazon Web Services", expected="monthly"))
    assert missing(monthly) == (2, "Feb 2024, Jun 2024")
    months = find(source_view(site_book(monthly), "aws", {}), "months")
    assert months.rows[0][column(months, "Days with charges")].value == "no charges"


def test_a_source_of_the_settings_without_charges_has_a_page() -> None:
    site = with_sources(factory.site(months=1), tape=Source("tape", "Tape library", note="Never used."))
    made = {job.path: job.render().decode() for job in site_jobs(site, make_environment()) if "sources" in job.path}
    assert "No charges from this source yet." in made[paths.source_page("tape")]
    assert "Never used." in made[paths.source_page("tape")]


def test_a_source_page_lists_its_months_files_and_invoices() -> None:
    site = factory.site(months=3)
    check = InvoiceCheck(
        source="aws",
        invoice="INV-7",
        currency="USD",
        charges=4,
        charged=Decimal("12.5"),
        invoiced=Decimal(12),
        tolerance=Decimal(0),
    )
    other = dataclasses.replace(check, source="hpc", invoice="INV-8")
    sheet = source_view(site_book(site), "aws", {"2024-02": (check, other)})
    months = find(sheet, "months")
    totals = [each for period in site.periods for each in period.sources if each.source == "aws"]
    for name in ("imported", "billed", "held", "rejected"):
        assert amount(months, months.total, name.capitalize()) == money.total(*(getattr(t, name) for t in totals))
    (invoice,) = find(sheet, "invoices").rows
    assert [cell.value for cell in invoice] == [
        *("INV-7", "2024-02", 4, Decimal("12.5"), Decimal(12), Decimal("0.5")),
        "Differs",
    ]
    files = find(sheet, "files")
    assert {row[0].value for row in files.rows} == {f"charges/{p.period}/aws.csv" for p in site.periods}
    assert {len(str(row[column(files, "SHA-256")].value)) for row in files.rows} == {64}


def test_all_files_received_are_listed_or_in_the_file() -> None:
    site = factory.site()
    count = sum(len(period.files) for period in site.periods)
    table = find(received(site_book(site)), "files")
    assert (table.count, table.total[0].value) == (count, f"{count} files")
    assert table.csv is not None
    assert len(table.csv.content.decode().splitlines()) == count + 1
    assert table.rows[0][1].value == "2025-02"


def decided(site: Site) -> Site:
    """The first month closed with evidence for its decisions."""
    first, *others = site.periods
    evidence = Evidence(first.decisions[0].path, Level.A, approvers=("dean",), named=("reviewer@example.edu",))
    return dataclasses.replace(site, periods=(dataclasses.replace(first, evidence=(evidence,)), *others))


def test_every_decision_says_who_when_why_and_with_which_evidence() -> None:
    site = decided(factory.site(months=2))
    table = find(approvals(site_book(site), {}), "approvals")
    assert [row[0].value for row in table.rows] == ["2024-02-28", "2024-02-28", "2024-01-28", "2024-01-28"]
    row = table.rows[-1]
    place = "approvals/2024-01/gpu-burst.yaml:2"
    assert {each.label: cell.value for each, cell in zip(table.columns, row, strict=True)} == {
        "Date": "2024-01-28",
        "Decision": "Approve",
        "What": "pattern:gpu, hpc, analytical-engine",
        "Reason": "GPU burst agreed with the PI, REQ-142",
        "By": "reviewer@example.edu",
        "Charges": 4,
        "Amount": Decimal("211.5"),
        "Evidence": "A",
        "Month": "2024-01",
        "File": "gpu-burst.yaml:2",
    }
    assert row[column(table, "Evidence")].hint == "approved by dean"
    assert row[column(table, "File")].hint == place
    assert row[column(table, "Amount")].path == paths.charges_page("2024-01")


DECISIONS = """\
decisions:
  - where: {source: aws, service: S3, project: x, pi: a@example.edu, flags: [missing-fund]}
    expect: {charges: 1, billed: "1", digest: "DIGEST"}
    decision: reassign
    set: {fund: F 1}
    clears: [missing-fund]
    reason: r
    by: b
  - where: {source: aws, service: "", project: "", pi: "", flags: [missing-pi, missing-project]}
    expect: {charges: 1, billed: "1", digest: "DIGEST"}
    decision: reassign
    set: {project: y}
    clears: [missing-pi, missing-project]
    reason: r
    by: b
  - charges: [7f3a9c21d0b41e66]
    decision: reject
    clears: [above-list]
    reason: r
    by: b
    period: 2024-12
  - charges: [7f3a9c21d0b41e66, 7f3a9c21d0b41e67]
    decision: reject
    clears: [above-list]
    reason: r
    by: b
""".replace("DIGEST", "0" * 64)


def test_a_decision_leads_to_the_charges_that_it_decided() -> None:
    read, problems = read_approvals(DECISIONS.encode(), "approvals/2025-01/a.yaml")
    assert problems == []
    found = decided_charges({"2025-01": read})
    places = [f"approvals/2025-01/a.yaml:{line}" for line in (2, 9, 16, 22)]
    months = ("2025-01", "2025-01", "2024-12", "2025-01")
    assert found == {
        place: f"charges/{month}/index.html#decision={quote(place, safe='')}"
        for place, month in zip(places, months, strict=True)
    }


def test_a_void_decision_decides_nothing() -> None:
    sheet = approvals(site_book(factory.site(months=1)), {})
    table = find(sheet, "approvals")
    void = next(row for row in table.rows if row[1].note)
    assert void[1].note == "void: expected 2 charges, found 1"
    assert (void[column(table, "Charges")].value, void[column(table, "Amount")].value) == (0, None)
    assert sheet.status == ("2 decisions", "1 void")


def test_the_latest_200_decisions_are_on_the_page_and_all_in_the_file() -> None:
    site = factory.site(months=1)
    (period,) = site.periods

    def decision(number: int) -> DecisionRecord:
        return dataclasses.replace(period.decisions[0], line=number, on=f"2024-{number % 12 + 1:02}-11")

    many = dataclasses.replace(period, decisions=tuple(map(decision, range(1, 451))))
    table = find(approvals(site_book(dataclasses.replace(site, periods=(many,))), {}), "approvals")
    assert (len(table.rows), table.count) == (200, 450)
    assert table.rest == ()
    days = [str(row[0].value) for row in table.rows]
    assert days == sorted(days, reverse=True)
    assert table.note == "The latest 200 of 450; the file has all"
    assert table.csv is not None
    assert len(table.csv.content.decode().splitlines()) == 451
