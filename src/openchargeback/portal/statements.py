"""All statements of a site: their pages, and the input of their PDFs.

Like other pages of the portal, they are planned first, each with a key over everything it shows, and rendered only if a
cache does not have that key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from openchargeback import __version__
from openchargeback.characters import one_line
from openchargeback.ledger.periods import CHART_MONTHS, months_until
from openchargeback.ledger.settings import Config
from openchargeback.model import Amounts, BilledPeriod, PeriodAmounts, Statement
from openchargeback.portal import paths
from openchargeback.portal.charts import Chart, twelve_months
from openchargeback.portal.libraries import stamp
from openchargeback.portal.logo import Logo, usable_logo
from openchargeback.portal.pdf import PrintStyle, print_style, statement_chart, statement_html
from openchargeback.portal.pdf_pool import PdfJob
from openchargeback.portal.shell import Head, HeadMonth, Link, fingerprint, render, whom_to_ask
from openchargeback.portal.site import FileJob, Site, site_shell
from openchargeback.portal.statement_data import StatementCharges, data_files
from openchargeback.portal.statement_view import StatementView, statement_view
from openchargeback.portal.views.common import head_month
from openchargeback.templating.environment import Templates
from openchargeback.templating.filters import period_human

PAGE_TEMPLATE = "pages/statement.html"

Histories = dict[tuple[str, str], tuple[PeriodAmounts, ...]]
"""PI's email and project's id → the amounts of their statements, one per period."""


@dataclass(frozen=True, slots=True)
class StatementPage:
    """A statement as a web page: its content, its chart, and its links.

    contact, mail: whom to ask, as of the statement's month, like its PDF. charges: its charges in the charge browser.
    """

    path: str
    statement: StatementView
    chart: Chart
    pdf: str
    pi: Link
    project: Link
    period: Link
    contact: str
    mail: str
    charges: str


@dataclass(frozen=True, slots=True)
class PdfPlan:
    """A planned PDF: `path` in the output folder, `key` for the cache, and the job for `render_pdfs`."""

    path: str
    key: str
    job: Callable[[], PdfJob]


def statement_jobs(site: Site, env: Templates, period: str = "") -> list[FileJob]:
    """One page for each statement of the site, or of one `period`."""
    shell, digest, histories = site_shell(site), env.digest, _shown_histories(site, period)
    months = {month.period: head_month(month) for month in site.periods}
    jobs = []
    for statement in _statements(site, period):
        view = statement_page(statement, site, histories)
        head = _head(view, statement, months[statement.period])
        currency = view.statement.currency
        key = fingerprint(__version__, digest, PAGE_TEMPLATE, shell, head, currency, view)
        jobs.append(FileJob(head.path, key, partial(render, env, PAGE_TEMPLATE, shell, head, currency, view)))
    return jobs


def statement_pdfs(site: Site, env: Templates, charges: StatementCharges, period: str = "") -> list[PdfPlan]:
    """One plan for each statement of the site, or of one `period`. charges: what `charges.csv` of each has."""
    common = fingerprint(stamp(), env.digest)
    histories = _shown_histories(site, period)
    plans = []
    for month in site.periods:
        if period and month.period != period:
            continue
        printed = _print(site, env, month.period)
        for statement in month.statements:
            history, has_logo = _history(statement, histories), printed.logo is not None
            view = statement_view(statement, printed.config, history, has_logo=has_logo)
            path = paths.statement_pdf(statement)
            key = fingerprint(common, printed.style.css, printed.logo, view, statement, charges.key(month, statement))
            rows = partial(charges.rows, month, statement)
            plans.append(PdfPlan(path, key, partial(printed.job, path, statement, view, rows)))
    return plans


@dataclass(frozen=True, slots=True)
class StatementPrint:
    """How the statements of a month are printed."""

    env: Templates
    config: Config
    style: PrintStyle
    logo: Logo | None

    def job(self, path: str, statement: Statement, view: StatementView, rows: Callable[[], str | None]) -> PdfJob:
        """The rendering job for a statement's PDF. rows: of its `charges.csv`."""
        files = data_files(statement, self.config, rows())
        return PdfJob(
            name=path,
            html=statement_html(self.env, view, self.config, self.style, [file.name for file in files]),
            style=self.style,
            created=statement.issued,
            files=files,
            logo=self.logo,
            chart=statement_chart(view, self.config),
        )


def _print(site: Site, env: Templates, period: str) -> StatementPrint:
    config, content = site.config_of(period), site.logo_of(period)
    return StatementPrint(env, config, print_style(env, config), usable_logo(content) if content is not None else None)


def statement_page(statement: Statement, site: Site, histories: Histories) -> StatementPage:
    """The page of one statement."""
    config = site.config_of(statement.period)
    view = statement_view(statement, config, _history(statement, histories))
    months = [
        PeriodAmounts(period=bar.period, amounts=Amounts(list=bar.list, discount=bar.list - bar.due, billed=bar.due))
        for bar in view.bars
        if bar.known
    ]
    contact, mail = whom_to_ask(config)
    return StatementPage(
        path=paths.statement_page(statement),
        statement=view,
        chart=twelve_months(months, statement.period, config.currency, view.project_title, only_shown=view.only_shown),
        pdf=paths.statement_pdf(statement),
        pi=Link(view.pi_name, paths.pi_page(statement.pi.email)),
        project=Link(one_line(statement.project.id) or view.project_title, paths.project_page(statement.project.id)),
        period=Link(period_human(statement.period), paths.period_page(statement.period)),
        contact=contact,
        mail=mail,
        charges=paths.charges_view(statement.period, pi=statement.pi.email, project=statement.project.id),
    )


def _shown_histories(site: Site, period: str) -> Histories:
    """What the charts of statements take from other months: of all, or of one `period`."""
    if not period:
        return statement_histories(site.periods)
    if all(each.history is not None for each in _statements(site, period)):
        return {}
    charted = months_until(period, CHART_MONTHS)
    return statement_histories([month for month in site.periods if month.period in charted])


def statement_histories(periods: Sequence[BilledPeriod]) -> Histories:
    """The amounts billed to every PI and project in each period; no entry without a statement."""
    nothing = {period.period: PeriodAmounts(period=period.period, amounts=Amounts()) for period in periods}
    histories: dict[tuple[str, str], dict[str, PeriodAmounts]] = {}
    for period in periods:
        for statement in period.statements:
            amounts = PeriodAmounts(period=period.period, amounts=statement.amounts, shown=statement.shown)
            histories.setdefault(_payer(statement), dict(nothing))[period.period] = amounts
    return {payer: tuple(amounts.values()) for payer, amounts in histories.items()}


def _history(statement: Statement, histories: Histories) -> tuple[PeriodAmounts, ...]:
    """The months before a statement: as recorded when it was issued, else from the ledger."""
    return histories.get(_payer(statement), ()) if statement.history is None else statement.history


def _statements(site: Site, period: str) -> Iterator[Statement]:
    for month in site.periods:
        if period in ("", month.period):
            yield from month.statements


def _payer(statement: Statement) -> tuple[str, str]:
    return statement.pi.email, statement.project.id


def _head(page: StatementPage, statement: Statement, month: HeadMonth) -> Head:
    email = statement.pi.email
    return Head(
        path=page.path,
        title=f"{page.project.label}, {page.period.label}, {page.pi.label}",
        section="statements",
        month=month,
        others=paths.statements_page("*"),
        own=paths.pi_months(email),
        mine=paths.folder_name(statement.project.id),
    )
