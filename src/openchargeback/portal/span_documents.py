"""A statement over a span as a PDF, with its data embedded."""

from __future__ import annotations

from openchargeback.billing.span_statements import SpanStatement
from openchargeback.ledger.directory import Directory
from openchargeback.portal.libraries import stamp
from openchargeback.portal.logo import usable_logo
from openchargeback.portal.paths import span_pdf
from openchargeback.portal.pdf import LOGO_URL, print_style
from openchargeback.portal.pdf_pool import PdfJob
from openchargeback.portal.shell import fingerprint
from openchargeback.portal.site import Site
from openchargeback.portal.span_record import span_json, span_lines_csv
from openchargeback.portal.span_view import SpanView, span_view
from openchargeback.portal.statement_data import JSON_NAME, LINES_NAME, DataFile
from openchargeback.portal.statements import PdfPlan
from openchargeback.templating.environment import Templates

TEMPLATE = "span.pdf.html"


def span_plan(statement: SpanStatement, site: Site, env: Templates, directory: Directory) -> PdfPlan:
    """The planned PDF of a statement over a span, in the letterhead of today."""
    config, logo = site.config, usable_logo(site.logo) if site.logo is not None else None
    view = span_view(statement, config, directory, has_logo=logo is not None)
    style, path = print_style(env, config), span_pdf(statement)
    files = (
        DataFile(LINES_NAME, "What this statement sums up", "text/csv", span_lines_csv(statement)),
        DataFile(JSON_NAME, "The record of this statement", "application/json", span_json(statement, config)),
    )

    def job() -> PdfJob:
        html = _html(env, view, [file.name for file in files])
        return PdfJob(name=path, html=html, style=style, created=statement.issued, files=files, logo=logo)

    return PdfPlan(path, fingerprint(stamp(), env.digest(), style.css, logo, view, statement), job)


def _html(env: Templates, view: SpanView, files: list[str]) -> str:
    return env.render_page(TEMPLATE, view=view, files=files, currency=view.currency, logo=LOGO_URL)
