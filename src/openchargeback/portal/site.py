"""The list of files that make up the portal. Rendering happens on demand.

Each job carries a key over everything that its page shows, so that a cache may keep the result: the template's values,
all templates and assets, and the version of the program. Equal keys mean equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from openchargeback import __version__
from openchargeback.billing.span_statements import SpanStatement
from openchargeback.focus.schema import SCHEMAS, schema_bytes
from openchargeback.ledger.deliveries import Delivery
from openchargeback.ledger.postings import Posting
from openchargeback.ledger.schema_files import shipped_schemas
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, Page, Person, Project, Provenance
from openchargeback.portal import paths
from openchargeback.portal.record_schema import SCHEMA as RECORD_SCHEMA
from openchargeback.portal.record_schema import shipped_schema
from openchargeback.portal.shell import Head, Link, Shell, fingerprint, make_shell, render
from openchargeback.portal.theme import theme_css
from openchargeback.portal.views import dashboard, files, journals, payers, periods, review
from openchargeback.portal.views.common import Book, for_showback, state_view
from openchargeback.portal.views.rates import ServiceRates
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
    spans: the statements over a month of PIs with several projects and of departments, then those of the settings.
    deliveries: what was emailed for a period.
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


def site_jobs(site: Site, env: Templates) -> list[FileJob]:
    """One job for each page and each asset, except the statements, which `statement_jobs` creates."""
    shell, book = site_shell(site), site_book(site)
    digest = env.digest
    pages = [_page_job(env, digest, shell, book.currency, page) for page in _pages(site, book)]
    return [*pages, *_assets(site, env)]


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
    yield _plan("pages/periods.html", _head(paths.PERIODS, "Periods", "periods"), periods.period_list(book, site.spans))
    for index in range(len(book.months)):
        yield from _month(site, book, index)
    yield from _payers(site, book)
    yield _plan(
        "pages/review.html", _head(paths.REVIEW, "Review", "review"), review.queue(book, site.known, site.deliveries)
    )
    if site.rates:
        yield _plan("pages/rates.html", _head(paths.RATES, "Rates", "rates"), site.rates)
    yield _plan("pages/sources.html", _head(paths.SOURCES, "Files received", "sources"), files.received(book))
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
        yield _plan("pages/project.html", head, payers.project_view(book, project, site.spans))


def _assets(site: Site, env: Templates) -> Iterator[FileJob]:
    """Static files, the schemas of charges, of a ledger and of a statement's record, the accent color, and the logo."""
    for name, path in env.files().items():
        if name.startswith("assets/"):
            yield FileJob(name, fingerprint("file", path.read_bytes()), path.read_bytes)
    for dialect in SCHEMAS:
        content = schema_bytes(dialect)
        yield FileJob(paths.schema(dialect), fingerprint("file", content), partial(bytes, content))
    for name, data in shipped_schemas().items():
        yield FileJob(paths.ledger_schema(name), fingerprint("file", data), partial(bytes, data))
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
