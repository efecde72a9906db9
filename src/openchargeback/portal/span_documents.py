"""Statements over a span as pages and PDFs.

A portal has one for each month, department and PI with several projects, and most of them are in the cache. So the key
of one follows from its digest and from what the directory says about whom it names, without laying it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from openchargeback import __version__
from openchargeback.billing.span_statements import SpanStatement, SubjectKind
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.settings import Config
from openchargeback.portal import paths
from openchargeback.portal.libraries import stamp
from openchargeback.portal.logo import Logo, usable_logo
from openchargeback.portal.pdf import LOGO_URL, PrintStyle, print_style
from openchargeback.portal.pdf_pool import PdfJob
from openchargeback.portal.shell import Head, HeadMonth, Link, fingerprint, render
from openchargeback.portal.site import FileJob, Site, site_shell
from openchargeback.portal.span_record import span_json, span_lines_csv
from openchargeback.portal.span_view import SpanView, span_view
from openchargeback.portal.statement_data import JSON_NAME, LINES_NAME, DataFile
from openchargeback.portal.statements import PdfPlan
from openchargeback.portal.views.common import head_month
from openchargeback.templating.environment import Templates

TEMPLATE = "span.pdf.html"
PAGE_TEMPLATE = "pages/span.html"


@dataclass(frozen=True, slots=True)
class SpanPage:
    """A statement over a span as a web page, with links to its PDF and to the monthly statements that it sums up."""

    statement: SpanView
    pdf: str
    statements: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class SpanPrint:
    """How statements over spans are printed: in the letterhead of today, whatever their months."""

    env: Templates
    config: Config
    directory: Directory
    style: PrintStyle
    logo: Logo | None

    def job(self, path: str, statement: SpanStatement) -> PdfJob:
        """The rendering job of a PDF."""
        view = span_view(statement, self.config, self.directory, has_logo=self.logo is not None)
        files = (
            DataFile(LINES_NAME, "What this statement sums up", "text/csv", span_lines_csv(statement)),
            DataFile(JSON_NAME, "The record of this statement", "application/json", span_json(statement, self.config)),
        )
        values = {"view": view, "files": [file.name for file in files], "currency": view.currency, "logo": LOGO_URL}
        return PdfJob(
            name=path,
            html=self.env.render_page(TEMPLATE, **values),
            style=self.style,
            created=statement.issued,
            files=files,
            logo=self.logo,
        )


def span_print(site: Site, env: Templates, directory: Directory) -> SpanPrint:
    """How the statements over spans of a site are printed."""
    logo = usable_logo(site.logo) if site.logo is not None else None
    return SpanPrint(env, site.config, directory, print_style(env, site.config), logo)


def span_plans(statements: Iterable[SpanStatement], printed: SpanPrint) -> list[PdfPlan]:
    """The planned PDFs of statements over a span."""
    common = fingerprint(stamp(), printed.env.digest, printed.style.css, printed.logo, _shown_settings(printed.config))
    plans = []
    for statement in statements:
        path = paths.span_pdf(statement)
        key = fingerprint(common, _identity(statement, printed.directory))
        plans.append(PdfPlan(path, key, partial(printed.job, path, statement)))
    return plans


def _shown_settings(config: Config) -> tuple[object, ...]:
    """The settings that a statement over a span shows."""
    return config.organization, config.currency, config.fiscal_year_starts, config.sources


def _identity(statement: SpanStatement, directory: Directory) -> tuple[object, ...]:
    """What a statement over a span follows from, besides the settings."""
    lines, subject = statement.lines, statement.request.subject
    people = {subject.id, *(line.pi for line in lines)}
    projects = {subject.id, *(line.project for line in lines)}
    funds = {subject.id, *(line.fund for line in lines)}
    named = (
        [directory.person(each) for each in sorted(people)],
        [directory.project(each) for each in sorted(projects)],
        [directory.fund(each) for each in sorted(funds)],
    )
    return statement.digest, statement.request, named


def span_pdfs(site: Site, env: Templates, directory: Directory) -> list[PdfPlan]:
    """One plan for each statement over a span of the site."""
    found = (*site.spans, *site.over_days)
    return span_plans(found, span_print(site, env, directory)) if found else []


def span_jobs(site: Site, env: Templates, directory: Directory) -> list[FileJob]:
    """One page for each statement over a span of the site."""
    shell, currency = site_shell(site), site.config.currency
    common = fingerprint(__version__, env.digest, PAGE_TEMPLATE, shell, _shown_settings(site.config))
    pages = {each.number: paths.statement_page(each) for period in site.periods for each in period.statements}
    jobs = []
    months = {each.period: head_month(each) for each in site.periods}
    newest = head_month(site.periods[-1]) if site.periods else None
    for statement in (*site.spans, *site.over_days):
        head = _head(statement, months.get(statement.request.period, newest))
        sums_up = [Link(number, pages[number]) for number in sorted({line.statement for line in statement.lines})]

        def page(statement: SpanStatement = statement, head: Head = head, sums_up: Sequence[Link] = sums_up) -> bytes:
            bill = span_view(statement, site.config, directory)
            view = SpanPage(statement=bill, pdf=paths.span_pdf(statement), statements=tuple(sums_up))
            named = replace(head, title=f"{bill.subject.name}, {bill.span}")
            return render(env, PAGE_TEMPLATE, shell, named, currency, view)

        key = fingerprint(common, _identity(statement, directory), head, sums_up)
        jobs.append(FileJob(head.path, key, page))
    return jobs


def _head(statement: SpanStatement, month: HeadMonth | None) -> Head:
    """The head of a page, without its title. month: its own, else the newest one."""
    period, subject = statement.request.period, statement.request.subject
    of_pi = subject.kind is SubjectKind.PI
    return Head(
        path=paths.span_page(statement),
        title="",
        section="statements",
        month=month,
        others=paths.statements_page("*") if period else "",
        own=paths.pi_months(subject.id) if of_pi else "",
        mine="*" if of_pi else "",
    )
