"""Statements over a span as pages and PDFs."""

from __future__ import annotations

from dataclasses import dataclass
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
from openchargeback.portal.shell import Head, Link, fingerprint, render
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
    style: PrintStyle
    logo: Logo | None

    def job(self, path: str, statement: SpanStatement, view: SpanView) -> PdfJob:
        """The rendering job of a PDF."""
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


def span_print(site: Site, env: Templates) -> SpanPrint:
    """How the statements over spans of a site are printed."""
    logo = usable_logo(site.logo) if site.logo is not None else None
    return SpanPrint(env, site.config, print_style(env, site.config), logo)


def span_plan(statement: SpanStatement, printed: SpanPrint, directory: Directory) -> PdfPlan:
    """The planned PDF of a statement over a span."""
    view = span_view(statement, printed.config, directory, has_logo=printed.logo is not None)
    path = paths.span_pdf(statement)
    key = fingerprint(stamp(), printed.env.digest, printed.style.css, printed.logo, view, statement)
    return PdfPlan(path, key, partial(printed.job, path, statement, view))


def span_pdfs(site: Site, env: Templates, directory: Directory) -> list[PdfPlan]:
    """One plan for each statement over a span of the site."""
    printed = span_print(site, env) if site.spans else None
    return [span_plan(statement, printed, directory) for statement in site.spans] if printed else []


def span_jobs(site: Site, env: Templates, directory: Directory) -> list[FileJob]:
    """One page for each statement over a span of the site."""
    shell, digest, currency = site_shell(site), env.digest, site.config.currency
    pages = {each.number: paths.statement_page(each) for period in site.periods for each in period.statements}
    jobs = []
    for statement in site.spans:
        view = SpanPage(
            statement=span_view(statement, site.config, directory),
            pdf=paths.span_pdf(statement),
            statements=tuple(
                Link(number, pages[number]) for number in sorted({line.statement for line in statement.lines})
            ),
        )
        head = _head(statement, view.statement, site)
        key = fingerprint(__version__, digest, PAGE_TEMPLATE, shell, head, currency, view)
        jobs.append(FileJob(head.path, key, partial(render, env, PAGE_TEMPLATE, shell, head, currency, view)))
    return jobs


def _head(statement: SpanStatement, view: SpanView, site: Site) -> Head:
    period, subject = statement.request.period, statement.request.subject
    shown = next((month for month in site.periods if month.period == period), site.periods[-1])
    of_pi = subject.kind is SubjectKind.PI
    return Head(
        path=paths.span_page(statement),
        title=f"{view.subject.name}, {view.span}",
        section="statements",
        month=head_month(shown),
        others=paths.statements_page("*") if period else "",
        own=paths.pi_months(subject.id) if of_pi else "",
        mine="*" if of_pi else "",
    )
