"""The reports of fiscal years as PDFs for leadership, with what they sum up embedded as data."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from openchargeback import money
from openchargeback.billing.statement_charges import LINE_END
from openchargeback.csv_writing import csv_bytes
from openchargeback.ledger.periods import last_day
from openchargeback.ledger.settings import Config
from openchargeback.model import BillingLine
from openchargeback.portal import paths
from openchargeback.portal.letterhead import Letterhead, room_of
from openchargeback.portal.libraries import stamp
from openchargeback.portal.logo import Logo, usable_logo
from openchargeback.portal.pdf import LOGO_URL, PrintStyle, print_style
from openchargeback.portal.pdf_pool import PdfJob
from openchargeback.portal.shell import fingerprint
from openchargeback.portal.site import Site, site_reports
from openchargeback.portal.statement_data import DataFile
from openchargeback.portal.statements import PdfPlan
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.funds import Funds, sponsor_words
from openchargeback.portal.views.reports import Report
from openchargeback.portal.views.sheet import Headline
from openchargeback.portal.views.tables import Kind, Row, Table
from openchargeback.portal.views.worth import worths
from openchargeback.templating.environment import Templates

TEMPLATE = "report.pdf.html"
DATA_NAME = "report.csv"

_LEFT_OUT = (Kind.LINE, Kind.LONG, Kind.CHANGE, Kind.EXACT)
"""Columns for which paper has no room."""

_TEXTS = ("department", "pi", "project", "fund", "sponsor", "source", "service")
_AMOUNTS = ("value", "vendor", "covered", "due", "free")
_HEAD = (*_TEXTS, "value", "vendor_discount", "covered", "due", "not_charged", "currency")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPaper:
    """Everything on a printed report, in reading order. span: the year; days: its months.

    issued: when the last of its months was closed; of a draft, the last day of its last month.
    """

    title: str
    span: str
    days: str
    status: str
    issued: dt.date
    draft: bool
    currency: str
    head: Letterhead
    lead: str
    headline: Headline
    tables: tuple[Table, ...]
    digest: str

    @property
    def room(self) -> str:
        """The width that its amounts need, as a class of the style sheet."""
        cells = (cell.value for table in self.tables for row in (*table.rows, table.total) for cell in row)
        return room_of((value for value in cells if isinstance(value, Decimal)), self.currency)


def report_paper(report: Report, config: Config, *, has_logo: bool = False) -> ReportPaper:
    """The printed report of a year. Raises ValueError for one without a headline, which none is."""
    year, sheet = report.year, report.sheet
    if sheet.headline is None:
        raise ValueError(f"{sheet.title} says nothing")
    closed = [period.closed_on for period in year.periods if period.closed_on]
    rests_on = [(each.period, each.digest, each.state, each.closed_on) for each in (*year.periods, *year.before)]
    days, *status = sheet.status
    return ReportPaper(
        title=f"{'Draft report' if sheet.draft else 'Report'} of {sheet.title.lower()}",
        span=sheet.title,
        days=days,
        status=", ".join(status),
        issued=max(closed) if closed and year.final else last_day(year.periods[-1].period),
        draft=sheet.draft,
        currency=config.currency,
        head=Letterhead.of(config, has_logo=has_logo),
        lead=sheet.lead,
        headline=sheet.headline,
        tables=tuple(_printed(table) for table in sheet.tables if table.rows),
        digest=hashlib.sha256(repr((rests_on, sheet.headline, sheet.tables)).encode()).hexdigest()[:16],
    )


def _printed(table: Table) -> Table:
    """A table without the columns and links that paper cannot show."""
    kept = [at for at, column in enumerate(table.columns) if column.kind not in _LEFT_OUT]

    def row(cells: Row) -> Row:
        return tuple(replace(cells[at], path="") for at in kept) if cells else ()

    return replace(
        table,
        columns=tuple(table.columns[at] for at in kept),
        rows=tuple(map(row, table.rows)),
        rest=row(table.rest),
        total=row(table.total),
        csv=None,
    )


def report_csv(book: Book, report: Report, funds: Funds) -> bytes:
    """What a report sums up, one row per department, PI, project, fund, source and service, amounts in cents."""

    def key(line: BillingLine) -> tuple[str, ...]:
        fund = book.paying_fund(line)
        department = book.departments.get((line.period, line.pi), "")
        sponsor = sponsor_words(funds.get(fund))
        return department, line.pi, line.project, fund, sponsor, line.source, line.service

    def rows() -> Iterator[tuple[str, ...]]:
        for names, worth in sorted(worths(report.year.lines, key).items()):
            amounts = (money.plain(getattr(worth, name), book.currency) for name in _AMOUNTS)
            yield (*names, *amounts, book.currency)

    return csv_bytes(_HEAD, rows(), LINE_END)


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """A report as a PDF. digest: of what it rests on, as it is printed. content: its data file."""

    digest: str
    content: bytes
    plan: PdfPlan


@dataclass(frozen=True, slots=True)
class _Press:
    """How the reports of a site are printed."""

    site: Site
    env: Templates
    book: Book
    style: PrintStyle
    logo: Logo | None

    def document(self, report: Report) -> ReportDocument:
        """The report of a year as a PDF."""
        paper = report_paper(report, self.site.config, has_logo=self.logo is not None)
        content = report_csv(self.book, report, self.site.funds)
        key = fingerprint(stamp(), self.env.digest, self.style.css, self.logo, paper, content)
        path = paths.report_pdf(report.year.year)
        return ReportDocument(paper.digest, content, PdfPlan(path, key, partial(self.job, path, paper, content)))

    def job(self, path: str, paper: ReportPaper, content: bytes) -> PdfJob:
        """The rendering job of a PDF. content: of its data file."""
        values = {"view": paper, "files": [DATA_NAME], "currency": paper.currency, "logo": LOGO_URL}
        return PdfJob(
            name=path,
            html=self.env.render_page(TEMPLATE, **values),
            style=self.style,
            created=paper.issued,
            files=(DataFile(DATA_NAME, "What this report sums up", "text/csv", content),),
            logo=self.logo,
        )


def report_pdfs(site: Site, env: Templates, book: Book) -> list[PdfPlan]:
    """One plan for each fiscal year."""
    return [each.plan for each in report_documents(site, env, book)]


def report_documents(site: Site, env: Templates, book: Book, year: int | None = None) -> list[ReportDocument]:
    """The reports of all fiscal years, or of this one."""
    found = [each for each in site_reports(site, book) if year in (None, each.year.year)]
    if not found:
        return []
    logo = usable_logo(site.logo) if site.logo is not None else None
    press = _Press(site, env, book, print_style(env, site.config), logo)
    return [press.document(each) for each in found]
