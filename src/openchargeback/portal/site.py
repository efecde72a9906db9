"""The list of files that make up the portal. Rendering happens on demand.

Each job carries a key over everything that its page shows, so that a cache may keep the result: the template's values,
all templates and assets, and the version of the program. Equal keys mean equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from openchargeback import __version__
from openchargeback.billing.provider_invoices import InvoiceCheck
from openchargeback.billing.span_statements import SpanStatement
from openchargeback.focus.schema import SCHEMAS, schema_bytes
from openchargeback.ledger.deliveries import Delivery
from openchargeback.ledger.directory import FundEntry
from openchargeback.ledger.postings import Posting
from openchargeback.ledger.schema_files import shipped_schemas
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, Page, Person, Project, Provenance
from openchargeback.portal import paths
from openchargeback.portal.record_schema import SCHEMA as RECORD_SCHEMA
from openchargeback.portal.record_schema import shipped_schema
from openchargeback.portal.shell import Head, Link, Shell, fingerprint, make_shell, render
from openchargeback.portal.theme import theme_css
from openchargeback.portal.views import (
    approvals,
    dashboard,
    data,
    departments,
    files,
    funds,
    journals,
    payers,
    periods,
    reports,
    review,
    sources,
)
from openchargeback.portal.views.common import Book, for_showback, state_view
from openchargeback.portal.views.fiscal_years import fiscal_years
from openchargeback.portal.views.rates import ServiceRates
from openchargeback.portal.views.sheet import Sheet
from openchargeback.templating.environment import Templates
from openchargeback.templating.filters import period_human

LOGO_ENDINGS = {".svg": b"<", ".png": b"\x89PNG"}


@dataclass(frozen=True, slots=True)
class Site:
    """The input of all pages.

    periods: ascending. journal_files: period → paths in the output folder of its journal's files.
    logo: the bytes of the institution's logo (SVG or PNG), None without one.
    known: the projects of the directory with the values they fill into a decision today.
    settings, logos: of closed periods, by period; all others use `config` and `logo`.
    images: those of the institution's pages, by their path in ledger and output (`pages/map.png`).
    rates: of the institution's own services. postings: what the accounting system did with the journal of a period.
    spans: the statements over a month of PIs with several projects, and of departments.
    deliveries: what was emailed for a period. funds: those of the directory. invoices: of providers, compared with the
    charges of a period. pdfs: whether the build has PDFs.
    """

    config: Config
    periods: tuple[BilledPeriod, ...]
    people: dict[str, Person]
    projects: dict[str, Project]
    pages: tuple[Page, ...]
    provenance: Provenance
    journal_files: dict[str, tuple[str, ...]]
    logo: bytes | None = None
    settings: dict[str, Config] = field(default_factory=dict)
    logos: dict[str, bytes | None] = field(default_factory=dict)
    known: tuple[review.KnownProject, ...] = ()
    images: dict[str, bytes] = field(default_factory=dict)
    rates: tuple[ServiceRates, ...] = ()
    postings: dict[str, tuple[Posting, ...]] = field(default_factory=dict)
    spans: tuple[SpanStatement, ...] = ()
    deliveries: dict[str, tuple[Delivery, ...]] = field(default_factory=dict)
    funds: dict[str, FundEntry] = field(default_factory=dict)
    invoices: dict[str, tuple[InvoiceCheck, ...]] = field(default_factory=dict)
    pdfs: bool = True

    def config_of(self, period: str) -> Config:
        """The settings to show a period with."""
        return self.settings.get(period, self.config)

    def logo_of(self, period: str) -> bytes | None:
        """The logo of the letterhead of a period's statements."""
        return self.logos.get(period, self.logo)


@dataclass(frozen=True, slots=True)
class FileJob:
    """One output file: `path` in the output folder; rendered only if `key` is not in the cache."""

    path: str
    key: str
    render: Callable[[], bytes]


def site_jobs(site: Site, env: Templates, book: Book | None = None) -> list[FileJob]:
    """One job for each page and each asset, except the statements, which `statement_jobs` creates.

    book: that of the site, if it has been made.
    """
    shell, book = site_shell(site), book or site_book(site)
    digest = env.digest
    planned = list(_pages(site, book))
    pages = [_page_job(env, digest, shell, book.currency, page) for page in planned]
    csv = {job.path: job for page in planned for job in _tables(page)}
    return [*pages, *csv.values(), *_assets(site, env)]


@dataclass(frozen=True, slots=True)
class LastPage:
    """A page about the other files of an output, rendered once all are written.

    key: what it shows follows from this and from the inputs of those files. render: takes their sizes by path.
    """

    path: str
    key: str
    render: Callable[[Mapping[str, int]], bytes]


def last_page(site: Site, env: Templates, book: Book) -> LastPage:
    """The page of the downloads."""
    shell, template = site_shell(site), "pages/data.html"
    head = _head(paths.DATA, "Data downloads", "data")

    def content(sizes: Mapping[str, int]) -> bytes:
        view = data.data_page(book, site.journal_files, sizes)
        return render(env, template, shell, head, site.config.currency, view)

    return LastPage(paths.DATA, fingerprint(__version__, env.digest, template, shell, head), content)


def site_shell(site: Site) -> Shell:
    """The frame of this site's pages."""
    showback = for_showback(site.periods)
    return make_shell(site.config, site.pages, _logo_name(site), showback=showback, rates=bool(site.rates))


def site_book(site: Site) -> Book:
    """The site's lines added up; computed once and shared by all pages."""
    return Book(site.config, site.periods, site.people, site.projects, site.settings)


@dataclass(frozen=True, slots=True)
class _PlannedPage:
    """A page before rendering: the input of its key, and a function that makes its view."""

    template: str
    head: Head
    shows: object
    view: Callable[[], object]


def _plan(template: str, head: Head, view: object) -> _PlannedPage:
    return _PlannedPage(template, head, view, lambda: view)


def _page_job(env: Templates, digest: str, shell: Shell, currency: str, page: _PlannedPage) -> FileJob:
    def content() -> bytes:
        return render(env, page.template, shell, page.head, currency, page.view())

    key = fingerprint(__version__, digest, page.template, shell, page.head, currency, page.shows)
    return FileJob(page.head.path, key, content)


def _head(path: str, title: str, section: str, *crumbs: Link) -> Head:
    return Head(path, title, section, (Link("Overview", paths.DASHBOARD), *crumbs, Link(title)))


def _pages(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """Every page, in the order of the navigation."""
    first = Head(paths.DASHBOARD, "Overview", "overview")
    yield _plan("pages/dashboard.html", first, dashboard.dashboard(book, site.provenance))
    yield _plan("pages/periods.html", _head(paths.PERIODS, "Periods", "periods"), periods.period_list(book))
    for index in range(len(book.months)):
        yield from _month(site, book, index)
    yield from _payers(site, book)
    yield _plan(
        "pages/review.html", _head(paths.REVIEW, "Review", "review"), review.queue(book, site.known, site.deliveries)
    )
    yield from _funds(site, book)
    yield from _departments(site, book)
    yield from _reports(site, book)
    yield _sheet(paths.APPROVALS, "approvals", approvals.approvals(book))
    if site.rates:
        yield _plan("pages/rates.html", _head(paths.RATES, "Rates", "rates"), site.rates)
    yield from _sources(site, book)
    yield _sheet(paths.FILES, "files", files.received(book))
    for text in site.pages:
        view = files.own_page(text)
        yield _plan("pages/own.html", _head(paths.own_page(text.name), view.title, f"page:{text.name}"), view)
    about = _head(paths.ABOUT, "About these figures", "about")
    yield _plan("pages/about.html", about, files.about(book, site.provenance))


def _month(site: Site, book: Book, index: int) -> Iterator[_PlannedPage]:
    """The page of a month and that of its journal."""
    period, crumb = book.periods[index], Link("Periods", paths.PERIODS)
    name, page = period_human(period.period), paths.period_page(period.period)
    journal_files = site.journal_files.get(period.period, ())
    postings = site.postings.get(period.period, ())
    head = _head(page, name, "periods", crumb)
    deliveries = site.deliveries.get(period.period, ())
    month = periods.period_view(book, index, journal_files, postings, deliveries=deliveries, spans=site.spans)
    yield _plan("pages/period.html", head, month)
    head = _head(paths.journal_page(period.period), "Journal", "periods", crumb, Link(name, page))
    view = partial(journals.journal_view, book, index, journal_files, postings)
    if not period.digest:
        yield _plan("pages/journal.html", head, view())
        return
    # A journal is long, and the period's digest and the settings determine all of it.
    numbers = tuple(statement.number for statement in period.statements)
    shows = (
        period.digest,
        state_view(period),
        book.totals[period.period],
        numbers,
        journal_files,
        postings,
        period.documents,
        period.again,
        site.config_of(period.period),
    )
    yield _PlannedPage("pages/journal.html", head, shows, view)


def _payers(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The lists and the pages of PIs and projects."""
    pis, projects = Link("PIs", paths.PIS), Link("Projects", paths.PROJECTS)
    yield _plan("pages/pis.html", _head(paths.PIS, "PIs", "pis"), payers.pi_list(book))
    for email in book.pis:
        head = _head(paths.pi_page(email), book.person(email).name or email, "pis", pis)
        yield _plan("pages/pi.html", head, payers.pi_view(book, email, site.spans))
    yield _plan("pages/projects.html", _head(paths.PROJECTS, "Projects", "projects"), payers.project_list(book))
    for project in book.project_ids:
        head = _head(paths.project_page(project), project or "Without project", "projects", projects)
        yield _plan("pages/project.html", head, payers.project_view(book, project))


def _sheet(path: str, section: str, view: Sheet, *crumbs: Link) -> _PlannedPage:
    """A page of figures, named as it says."""
    head = replace(_head(path, view.title, section, *crumbs), title=view.window or view.title)
    return _plan("pages/sheet.html", head, view)


def _funds(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The list and the pages of funds."""
    lines, crumb = funds.fund_lines(book), Link("Funds", paths.FUNDS)
    yield _sheet(paths.FUNDS, "funds", funds.fund_list(book, site.funds, lines))
    for id_, own in lines.items():
        yield _sheet(paths.fund_page(id_), "funds", funds.fund_view(book, site.funds, id_, own), crumb)


def _departments(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The list and the pages of departments."""
    crumb, pages = Link("Departments", paths.DEPARTMENTS), departments.month_pages(site.spans)
    yield _sheet(paths.DEPARTMENTS, "departments", departments.department_list(book, pages))
    for name in book.by_department:
        view = departments.department_view(book, name, pages, site.funds)
        yield _sheet(paths.department_page(name), "departments", view, crumb)


def _reports(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The list and the pages of fiscal years."""
    found = site_reports(site, book)
    yield _sheet(paths.REPORTS, "reports", reports.report_list(book, found, pdf=site.pdfs))
    for each in found:
        yield _sheet(paths.report_page(each.year.year), "reports", each.sheet, Link("Reports", paths.REPORTS))


def _sources(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The list and the pages of sources."""
    yield _sheet(paths.SOURCES, "sources", sources.source_list(book))
    for name in sources.source_names(book):
        view = sources.source_view(book, name, site.invoices)
        yield _sheet(paths.source_page(name), "sources", view, Link("Sources", paths.SOURCES))


def site_reports(site: Site, book: Book) -> list[reports.Report]:
    """The reports of all fiscal years, ascending."""
    return [reports.report(book, year, site.funds, pdf=site.pdfs) for year in fiscal_years(book)]


def _tables(page: _PlannedPage) -> Iterator[FileJob]:
    """The CSV files of a page's tables."""
    for each in page.shows.tables if isinstance(page.shows, Sheet) else ():
        if each.csv:
            yield FileJob(each.csv.path, each.csv.sha256, partial(bytes, each.csv.content))


def _assets(site: Site, env: Templates) -> Iterator[FileJob]:
    """Static files, the schemas of charges, of a ledger and of a statement's record, the accent color, and the logo."""
    for name, path in env.files().items():
        if name.startswith("assets/"):
            yield FileJob(name, fingerprint("file", path.read_bytes()), path.read_bytes)
    for dialect in SCHEMAS:
        content = schema_bytes(dialect)
        yield FileJob(paths.schema(dialect), fingerprint("file", content), partial(bytes, content))
    for name, content in shipped_schemas().items():
        yield FileJob(paths.ledger_schema(name), fingerprint("file", content), partial(bytes, content))
    record = shipped_schema()
    yield FileJob(paths.schema(RECORD_SCHEMA), fingerprint("file", record), partial(bytes, record))
    theme = theme_css(site.config.portal.accent)
    yield FileJob(paths.asset("theme.css"), fingerprint("text", theme), theme.encode)
    for name, content in site.images.items():
        yield FileJob(name, fingerprint("file", content), partial(bytes, content))
    if site.logo is not None and (name := _logo_name(site)):
        yield FileJob(paths.asset(name), fingerprint("file", site.logo), partial(bytes, site.logo))


def _logo_name(site: Site) -> str:
    """`logo.svg` or `logo.png`; empty if there is no logo or its content does not match its name."""
    name = site.config.organization.logo.lower()
    for ending, start in LOGO_ENDINGS.items():
        if (
            site.logo is not None
            and name.endswith(ending)
            and site.logo.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start)
        ):
            return "logo" + ending
    return ""
