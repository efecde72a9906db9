"""The list of files that make up the portal. Nothing is rendered here before somebody asks for it.

Each job carries a key over everything that its page shows, so that a cache may keep what it once rendered: the values
that the template is given, all templates and assets, and the version of the program. Equal keys mean equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from openchargeback import __version__
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, Page, Person, Project, Provenance
from openchargeback.portal import paths
from openchargeback.portal.shell import Head, Link, Shell, fingerprint, make_shell, render
from openchargeback.portal.templates import Templates, period_human
from openchargeback.portal.theme import theme_css
from openchargeback.portal.views import dashboard, files, journals, payers, periods, review
from openchargeback.portal.views.common import Book

LOGO_ENDINGS = {".svg": b"<", ".png": b"\x89PNG"}


@dataclass(frozen=True, slots=True)
class Site:
    """All that pages are made from.

    periods: ascending. journal_files: period → paths in the output folder of the files of its journal.
    logo: the bytes of the institution's logo (SVG or PNG), None without one.
    """

    config: Config
    periods: tuple[BilledPeriod, ...]
    people: dict[str, Person]
    projects: dict[str, Project]
    pages: tuple[Page, ...]
    provenance: Provenance
    journal_files: dict[str, tuple[str, ...]]
    logo: bytes | None = None


@dataclass(frozen=True, slots=True)
class FileJob:
    """One output file: `path` in the output folder; rendered only where `key` is not in the cache."""

    path: str
    key: str
    render: Callable[[], bytes]


def site_jobs(site: Site, env: Templates) -> list[FileJob]:
    """One job for each page and each asset, except the statements, which `statement_jobs` makes."""
    shell, book = site_shell(site), site_book(site)
    digest = env.digest()
    pages = [_page_job(env, digest, shell, book.currency, *page) for page in _pages(site, book)]
    return [*pages, *_assets(site, env)]


def site_shell(site: Site) -> Shell:
    """What surrounds every page of this site."""
    return make_shell(site.config, site.pages, _logo_name(site))


def site_book(site: Site) -> Book:
    """The site's lines added up; made once and shared by all pages."""
    return Book(site.config, site.periods, site.people, site.projects)


def _page_job(
    env: Templates, digest: str, shell: Shell, currency: str, template: str, head: Head, view: object
) -> FileJob:
    key = fingerprint(__version__, digest, template, shell, head, currency, view)
    return FileJob(head.path, key, partial(render, env, template, shell, head, currency, view))


def _pages(site: Site, book: Book) -> Iterator[tuple[str, Head, object]]:
    """Template, head and view of every page."""
    overview = Link("Overview", paths.DASHBOARD)

    def head(path: str, title: str, section: str, *crumbs: Link) -> Head:
        return Head(path, title, section, (overview, *crumbs, Link(title)))

    yield (
        "pages/dashboard.html",
        Head(paths.DASHBOARD, "Overview", "overview"),
        dashboard.dashboard(book, site.provenance),
    )
    yield "pages/periods.html", head(paths.PERIODS, "Periods", "periods"), periods.period_list(book)
    all_periods = Link("Periods", paths.PERIODS)
    for i, month in enumerate(book.months):
        journal_files, name = site.journal_files.get(month, ()), period_human(month)
        page = paths.period_page(month)
        yield "pages/period.html", head(page, name, "periods", all_periods), periods.period_view(book, i, journal_files)
        yield (
            "pages/journal.html",
            head(paths.journal_page(month), "Journal", "periods", all_periods, Link(name, page)),
            journals.journal_view(book, i, journal_files),
        )
    yield "pages/pis.html", head(paths.PIS, "PIs", "pis"), payers.pi_list(book)
    for email in book.statements_by_pi:
        own, title = paths.pi_page(email), book.person(email).name or email
        yield "pages/pi.html", head(own, title, "pis", Link("PIs", paths.PIS)), payers.pi_view(book, email)
    yield "pages/projects.html", head(paths.PROJECTS, "Projects", "projects"), payers.project_list(book)
    for project in book.statements_by_project:
        own, title = paths.project_page(project), project or "Without project"
        crumb = Link("Projects", paths.PROJECTS)
        yield "pages/project.html", head(own, title, "projects", crumb), payers.project_view(book, project)
    yield "pages/review.html", head(paths.REVIEW, "Review", "review"), review.queue(book)
    yield "pages/sources.html", head(paths.SOURCES, "Files received", "sources"), files.received(book)
    for text in site.pages:
        view = files.own_page(text)
        yield "pages/own.html", head(paths.own_page(text.name), view.title, f"page:{text.name}"), view
    yield "pages/about.html", head(paths.ABOUT, "About these figures", "about"), files.about(book, site.provenance)


def _assets(site: Site, env: Templates) -> Iterator[FileJob]:
    """Files as they are, the accent, and the logo under a name of its own."""
    for name, path in env.files().items():
        if name.startswith("assets/"):
            yield FileJob(name, fingerprint("file", path.read_bytes()), path.read_bytes)
    theme = theme_css(site.config.portal.accent)
    yield FileJob(paths.asset("theme.css"), fingerprint("text", theme), theme.encode)
    if site.logo is not None and (name := _logo_name(site)):
        yield FileJob(paths.asset(name), fingerprint("file", site.logo), partial(bytes, site.logo))


def _logo_name(site: Site) -> str:
    """`logo.svg` or `logo.png`; empty where there is no logo or it is not what its name says."""
    name = site.config.organization.logo.lower()
    for ending, start in LOGO_ENDINGS.items():
        if (
            site.logo is not None
            and name.endswith(ending)
            and site.logo.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start)
        ):
            return "logo" + ending
    return ""
