"""The list of files that make up the portal. Rendering happens on demand.

Each job carries a key over everything that its page shows, so that a cache may keep the result: the template's values,
all templates and assets, and the version of the program. Equal keys mean equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from openchargeback import __version__
from openchargeback.billing.provider_invoices import InvoiceCheck
from openchargeback.billing.span_statements import SpanStatement
from openchargeback.focus.schema import SCHEMAS, schema_bytes
from openchargeback.ledger.approvals import Decision
from openchargeback.ledger.deliveries import Delivery
from openchargeback.ledger.directory import FundEntry
from openchargeback.ledger.postings import Posting
from openchargeback.ledger.schema_files import shipped_schemas
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, Page, Person, Project, Provenance
from openchargeback.portal import paths
from openchargeback.portal.audience import INTERNAL, Audience, AudienceKind
from openchargeback.portal.charge_scripts import names_script
from openchargeback.portal.record_schema import SCHEMA as RECORD_SCHEMA
from openchargeback.portal.record_schema import shipped_schema
from openchargeback.portal.scripts import months_data, payer_pages, script
from openchargeback.portal.search_index import Row, search_index
from openchargeback.portal.shell import Head, Link, Shell, fingerprint, make_shell, render
from openchargeback.portal.theme import theme_css
from openchargeback.portal.views import (
    approvals,
    charges,
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
    review_data,
    sources,
    statement_lists,
)
from openchargeback.portal.views.common import Book, for_showback, state_view
from openchargeback.portal.views.fiscal_years import fiscal_years
from openchargeback.portal.views.payers import PayerList, PayerView
from openchargeback.portal.views.public import PublicPage
from openchargeback.portal.views.rates import ServiceRates
from openchargeback.portal.views.sheet import Sheet
from openchargeback.portal.views.statement_lists import StatementsView
from openchargeback.templating.environment import Templates
from openchargeback.templating.filters import period_human

LOGO_ENDINGS = {".svg": b"<", ".png": b"\x89PNG"}


@dataclass(frozen=True, slots=True)
class Site:
    """The input of all pages.

    periods: ascending. journal_files: period → paths in the output folder of its journal's files.
    logo: the bytes of the institution's logo (SVG or PNG), None without one. logo_dark: the same for dark colors.
    choices: what a decision may name.
    settings, logos: of closed periods, by period; all others use `config` and `logo`.
    images: those of the institution's pages, by their path in ledger and output (`pages/map.png`).
    rates: of the institution's own services. postings: what the accounting system did with the journal of a period.
    spans: the statements over a month of PIs with several projects, and of departments. over_days: those over other
    spans, by the settings.
    deliveries: what was emailed for a period. funds: those of the directory. invoices: of providers, compared with the
    charges of a period. decisions: those in the approval files of a period. pdfs: whether the build has PDFs. audience:
    whom it is for; all else has nothing but what that may see. public: the only page of the public.
    """

    config: Config
    periods: tuple[BilledPeriod, ...]
    people: dict[str, Person]
    projects: dict[str, Project]
    pages: tuple[Page, ...]
    provenance: Provenance
    journal_files: dict[str, tuple[str, ...]]
    logo: bytes | None = None
    logo_dark: bytes | None = None
    settings: dict[str, Config] = field(default_factory=dict)
    logos: dict[str, bytes | None] = field(default_factory=dict)
    choices: review.Choices = review.NO_CHOICES
    images: dict[str, bytes] = field(default_factory=dict)
    rates: tuple[ServiceRates, ...] = ()
    postings: dict[str, tuple[Posting, ...]] = field(default_factory=dict)
    spans: tuple[SpanStatement, ...] = ()
    over_days: tuple[SpanStatement, ...] = ()
    deliveries: dict[str, tuple[Delivery, ...]] = field(default_factory=dict)
    funds: dict[str, FundEntry] = field(default_factory=dict)
    invoices: dict[str, tuple[InvoiceCheck, ...]] = field(default_factory=dict)
    decisions: dict[str, tuple[Decision, ...]] = field(default_factory=dict)
    pdfs: bool = True
    audience: Audience = INTERNAL
    public: PublicPage | None = None

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
    return [*pages, *_tables(planned), *_scripts(site, book, shell), *_review_data(site, book), *_assets(site, env)]


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
    head = Head(paths.DATA, "Data downloads", month=book.head_month(book.current))

    def content(sizes: Mapping[str, int]) -> bytes:
        view = data.data_page(book, site.journal_files, sizes)
        return render(env, template, shell, head, site.config.currency, view)

    return LastPage(paths.DATA, fingerprint(__version__, env.digest, template, shell, head), content)


def audience_jobs(site: Site, env: Templates) -> list[FileJob]:
    """One job for each page and each asset of a site for an audience, which has nothing but its own.

    Neither the statements, which `statement_jobs` creates, nor the charge browser.
    """
    shell, book = site_shell(site), site_book(site)
    planned = list(_audience_pages(site, book))
    pages = [_page_job(env, env.digest, shell, book.currency, page) for page in planned]
    own = Link("Overview", paths.DASHBOARD), Link("Charges", paths.CHARGES), *shell.help
    index = search_index(book, own, journals=False)
    return [
        *pages,
        *_tables(planned),
        _script(paths.SEARCH_INDEX, "index", index),
        *_months(site, book, 0),
        *_assets(site, env),
    ]


def _audience_pages(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """First what the audience is about, then the statements of each month, PIs, projects, rates and the institution's
    pages.
    """
    now, months = book.head_month(book.current), paths.period_page("*")
    audience, name = site.audience, site.audience.name
    if audience.kind is AudienceKind.PI:
        title = book.person(name).name or name
        first = Head(paths.DASHBOARD, title, "overview", now, months, paths.pi_months(name), "*")
        yield _plan(
            "pages/pi.html", first, payers.pi_view(book, name, site.spans, site.over_days, site.provenance.commit_date)
        )
    elif audience.kind is AudienceKind.PROJECT:
        first = Head(paths.DASHBOARD, name, "overview", now, months)
        yield _plan("pages/project.html", first, payers.project_view(book, name, site.over_days))
    elif audience.kind is AudienceKind.PUBLIC:
        yield _plan("pages/public.html", Head(paths.DASHBOARD, "Value delivered", "overview"), site.public)
        yield from _texts(site, book)
        return
    else:
        yield _plan("pages/pis.html", Head(paths.DASHBOARD, name, "overview", now, months), payers.pi_list(book))
    for index, period in enumerate(book.periods):
        listed = statement_lists.statements_view(book, index, site.spans)
        for path in (paths.period_page, paths.statements_page):
            title = f"Statements, {period_human(period.period)}"
            head = Head(path(period.period), title, "statements", book.head_month(index), path("*"))
            yield _plan("pages/statements.html", head, listed)
    yield _plan(
        "pages/periods.html",
        Head(paths.PERIODS, "Months", "overview", now, months),
        periods.period_list(book, site.over_days),
    )
    yield from _payers(site, book)
    yield from _texts(site, book)


def charges_jobs(site: Site, env: Templates, browsed: charges.Browsed) -> list[FileJob]:
    """One job for each page of the charge browser, and one for the names that it shows; not for its data."""
    shell, book, digest = site_shell(site), site_book(site), env.digest
    names = names_script(charges.charge_names(book))
    pages = [_page_job(env, digest, shell, book.currency, page) for page in _charges(site, book, browsed)]
    return [*pages, FileJob(paths.CHARGE_NAMES, fingerprint("file", names), partial(bytes, names))]


def _charges(site: Site, book: Book, browsed: charges.Browsed) -> Iterator[_PlannedPage]:
    """The pages of the charge browser: of all months, and of each."""
    now, others = book.head_month(book.current), paths.charges_page("*")
    head = Head(paths.CHARGES, "Charges", "charges", now, others)
    yield _plan("pages/charges.html", head, charges.year_of_charges(book))
    for index, period in enumerate(book.periods):

        def view(index: int = index, period: BilledPeriod = period) -> charges.MonthOfCharges:
            return charges.month_of_charges(book, index, browsed(period))

        month = period.period
        title = f"Charges, {period_human(month)}"
        head = Head(paths.charges_page(month), title, "charges", book.head_month(index), others)
        # The period's digest determines its charges.
        later = book.decided_later.get(month)
        shows = (period.digest, state_view(period), book.showback, book.months, site.config.portal, later)
        yield _PlannedPage("pages/charges_month.html", head, shows, view)


def site_shell(site: Site) -> Shell:
    """The frame of this site's pages."""
    showback = for_showback(site.periods)
    (logo, _), (logo_dark, _) = _logos(site)
    return make_shell(
        *(site.config, site.pages, logo, logo_dark),
        showback=showback,
        rates=bool(site.rates),
        closed=not site.audience.sees_all,
    )


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


def _pages(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """Every page, in the order of the menu."""
    now = book.head_month(book.current)
    months = paths.period_page("*")

    def head(path: str, title: str, section: str = "", others: str = "") -> Head:
        return Head(path, title, section, now, others)

    first = head(paths.DASHBOARD, "Overview", "overview", months)
    overview = dashboard.dashboard(book, site.provenance, site.postings, site.deliveries)
    yield _plan("pages/dashboard.html", first, overview)
    listed = periods.period_list(book, site.over_days)
    yield _plan("pages/periods.html", head(paths.PERIODS, "Months", "overview", months), listed)
    for index in range(len(book.months)):
        yield from _month(site, book, index)
    yield from _payers(site, book)
    yield _plan(
        "pages/review.html",
        head(paths.REVIEW, "Review", "review", f"{paths.REVIEW}#period=*"),
        review.queue(_waiting(site, book)),
    )
    yield from _funds(site, book)
    yield from _departments(site, book)
    yield from _reports(site, book)
    yield _sheet(book, paths.APPROVALS, "review", approvals.approvals(book, approvals.decided_charges(site.decisions)))
    yield from _sources(site, book)
    yield _sheet(book, paths.FILES, "", files.received(book))
    yield from _texts(site, book)


def _texts(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The rates, the institution's pages, and the page that explains the figures."""
    now = None if site.public else book.head_month(book.current)
    if site.rates:
        yield _plan("pages/rates.html", Head(paths.RATES, "Rates", month=now), site.rates)
    for text in site.pages:
        view = files.own_page(text)
        yield _plan("pages/own.html", Head(paths.own_page(text.name), view.title, month=now), view)
    about = Head(paths.ABOUT, "About these figures", month=now)
    yield _plan("pages/about.html", about, files.about(book, site.provenance))


def _month(site: Site, book: Book, index: int) -> Iterator[_PlannedPage]:
    """The pages of a month: its totals, its statements, its journal."""
    period, now = book.periods[index], book.head_month(index)
    month = period.period
    name = period_human(month)

    def head(path: Callable[[str], str], title: str, section: str) -> Head:
        return Head(path(month), f"{title}{name}", section, now, path("*"))

    journal_files, postings = site.journal_files.get(month, ()), site.postings.get(month, ())
    deliveries = site.deliveries.get(month, ())
    totals = periods.period_view(book, index, journal_files, postings, deliveries=deliveries)
    yield _plan("pages/period.html", head(paths.period_page, "", "overview"), totals)
    listed = statement_lists.statements_view(book, index, site.spans)
    yield _plan("pages/statements.html", head(paths.statements_page, "Statements, ", "statements"), listed)
    view = partial(journals.journal_view, book, index, journal_files, postings)
    journal = head(paths.journal_page, "Journal, ", "journals")
    if not period.digest:
        yield _plan("pages/journal.html", journal, view())
        return
    # A journal is long, and the period's digest and the settings determine all of it.
    numbers = tuple(statement.number for statement in period.statements)
    shows = (
        period.digest,
        state_view(period),
        book.totals[month],
        numbers,
        journal_files,
        postings,
        period.documents,
        period.again,
        site.config_of(month),
    )
    yield _PlannedPage("pages/journal.html", journal, shows, view)


def _payers(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The lists and the pages of PIs and projects."""
    now, months = book.head_month(book.current), paths.statements_page("*")
    head = Head(paths.PIS, "PIs", "statements", now, months)
    yield _plan("pages/pis.html", head, payers.pi_list(book))
    for email in book.pis:
        title = book.person(email).name or email
        head = Head(paths.pi_page(email), title, "statements", now, months, paths.pi_months(email), "*")
        view = payers.pi_view(book, email, site.spans, site.over_days, site.provenance.commit_date)
        yield _plan("pages/pi.html", head, view)
    head = Head(paths.PROJECTS, "Projects", "statements", now, months)
    yield _plan("pages/projects.html", head, payers.project_list(book))
    for project in book.project_ids:
        head = Head(paths.project_page(project), project or "Without project", "statements", now, months)
        yield _plan("pages/project.html", head, payers.project_view(book, project, site.over_days))


def _waiting(site: Site, book: Book) -> review.Waiting:
    return review.Waiting.of(book, site.choices, site.deliveries, site.provenance.commit_date)


def _review_data(site: Site, book: Book) -> Iterator[FileJob]:
    """The data of the review page."""
    waiting = _waiting(site, book)
    scripts = [(paths.REVIEW_ITEMS, review_data.items_script(waiting))]
    for path, content in (*scripts, *review_data.evidence_scripts(waiting)):
        yield FileJob(path, fingerprint("file", content), partial(bytes, content))


def _sheet(book: Book, path: str, section: str, view: Sheet, others: str = "") -> _PlannedPage:
    """A page of figures, named as it says. others: the page that the month picker leads to."""
    head = Head(path, view.window or view.title, section, book.head_month(book.current), others)
    return _plan("pages/sheet.html", head, view)


def _funds(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The list and the pages of funds."""
    months = paths.statements_page("*")
    yield _sheet(book, paths.FUNDS, "statements", funds.fund_list(book, site.funds), months)
    for id_ in book.by_fund:
        view = funds.fund_view(book, site.funds, id_)
        yield _sheet(book, paths.fund_page(id_), "statements", view, months)


def _departments(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The list and the pages of departments."""
    pages, months = departments.month_pages(site.spans), paths.statements_page("*")
    yield _sheet(book, paths.DEPARTMENTS, "statements", departments.department_list(book, pages), months)
    for name in book.by_department:
        view = departments.department_view(book, name, pages, site.funds)
        yield _sheet(book, paths.department_page(name), "statements", view, months)


def _reports(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The list and the pages of fiscal years."""
    found = site_reports(site, book)
    yield _sheet(book, paths.REPORTS, "overview", reports.report_list(book, found, pdf=site.pdfs))
    for each in found:
        yield _sheet(book, paths.report_page(each.year.year), "overview", each.sheet)


def _sources(site: Site, book: Book) -> Iterator[_PlannedPage]:
    """The list and the pages of sources."""
    yield _sheet(book, paths.SOURCES, "", sources.source_list(book))
    for name in sources.source_names(book):
        yield _sheet(book, paths.source_page(name), "", sources.source_view(book, name, site.invoices))


def site_reports(site: Site, book: Book) -> list[reports.Report]:
    """The reports of all fiscal years, ascending."""
    return [reports.report(book, year, site.funds, pdf=site.pdfs) for year in fiscal_years(book)]


def _tables(pages: list[_PlannedPage]) -> list[FileJob]:
    """The CSV files of the tables and lists of pages; two pages may show the same one."""
    shown = [page.shows for page in pages if isinstance(page.shows, (Sheet, PayerList, PayerView, StatementsView))]
    files = {each.path: each for view in shown for each in view.files if each}
    return [FileJob(path, each.sha256, partial(bytes, each.content)) for path, each in files.items()]


def _scripts(site: Site, book: Book, shell: Shell) -> Iterator[FileJob]:
    """What the month picker and the search box of every page need."""
    yield from _months(site, book, sum(len(period.undecided) for period in book.periods))
    listed = Link("Overview", paths.DASHBOARD), Link("Months", paths.PERIODS), Link("PIs", paths.PIS)
    own = *listed, Link("Projects", paths.PROJECTS), Link("Charges", paths.CHARGES), Link("Review", paths.REVIEW)
    more = Link("Reports", paths.REPORTS), Link("Approvals made", paths.APPROVALS)
    yield _script(paths.SEARCH_INDEX, "index", search_index(book, (*own, *more, *shell.help), _found(site, book)))


def _months(site: Site, book: Book, items: int) -> Iterator[FileJob]:
    """The months, and the pages of each PI by month. items: how many wait for review."""
    yield _script(paths.MONTHS, "months", months_data(book, items))
    for email, pages in payer_pages(book, site.spans).items():
        yield _script(paths.pi_months(email), "pages", pages)


def _found(site: Site, book: Book) -> Iterator[Row]:
    """What the search finds besides payers, months and pages."""
    for id_ in book.by_fund:
        known = site.funds.get(id_)
        if id_:
            yield "Fund", id_, known.title if known else "", paths.fund_page(id_)
    for name in filter(None, book.by_department):
        yield "Department", name, "", paths.department_page(name)
    for name in sources.source_names(book):
        yield "Source", book.source_label(name), name, paths.source_page(name)
    for each in fiscal_years(book):
        yield "Report", f"Fiscal year {each.year}", each.name, paths.report_page(each.year)


def _script(path: str, name: str, value: object) -> FileJob:
    content = script(name, value)
    return FileJob(path, fingerprint("file", content), partial(bytes, content))


def _assets(site: Site, env: Templates) -> Iterator[FileJob]:
    """Static files, the schemas of charges, of a ledger and of a statement's record, the accent color, and the logo."""
    for name, path in env.files().items():
        if name.startswith("assets/"):
            yield FileJob(name, fingerprint("file", path.read_bytes()), path.read_bytes)
    for name, content in _schemas():
        yield FileJob(name, fingerprint("file", content), partial(bytes, content))
    theme = theme_css(site.config.portal.accent)
    yield FileJob(paths.asset("theme.css"), fingerprint("text", theme), theme.encode)
    for name, content in site.images.items():
        yield FileJob(name, fingerprint("file", content), partial(bytes, content))
    for name, content in _logos(site):
        if name:
            yield FileJob(paths.asset(name), fingerprint("file", content), partial(bytes, content))


def _schemas() -> Iterator[tuple[str, bytes]]:
    """Path and content of each schema that ships with the program."""
    yield from ((paths.schema(dialect), schema_bytes(dialect)) for dialect in SCHEMAS)
    yield from ((paths.ledger_schema(name), content) for name, content in shipped_schemas().items())
    yield paths.schema(RECORD_SCHEMA), shipped_schema()


def shipped_texts() -> tuple[str, ...]:
    """What every site has, whatever its ledger, besides templates and assets."""
    return tuple(content.decode("utf-8") for _, content in _schemas())


def _logos(site: Site) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    """The name of the logo's file and its bytes, and those of the one for dark colors.

    `logo.svg`, `logo-dark.png`; empty if there is no logo or its content does not match its name.
    """
    return (
        _logo("logo", site.config.organization.logo, site.logo),
        _logo("logo-dark", site.config.portal.logo_dark, site.logo_dark),
    )


def _logo(stem: str, given: str, content: bytes | None) -> tuple[str, bytes]:
    for ending, start in LOGO_ENDINGS.items():
        if content and given.lower().endswith(ending) and content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start):
            return stem + ending, content
    return "", b""
