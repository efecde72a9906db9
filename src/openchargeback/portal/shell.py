"""The frame of every page: head, navigation, breadcrumb, footer. Statement pages use it too."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from openchargeback.addresses import safe_address
from openchargeback.ledger.settings import Config
from openchargeback.model import Page
from openchargeback.portal import paths
from openchargeback.templating.environment import Templates

_MAIL_ADDRESS = re.compile(r"[^\s\"'<>\\:?&,;]+@[^\s\"'<>\\:?&,;]+")


@dataclass(frozen=True, slots=True)
class Link:
    """A name and a page, as a path in the output folder; with an empty path it is plain text."""

    label: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Shell:
    """What all pages of a site have in common. `web` and `mail` are empty unless they are safe to link to.

    help: the pages of the Help menu. closed: the site is for an audience that sees only its own, and has no pages about
    everyone: neither review nor journals. showback: nothing on any page is due; amounts are the value of the usage.
    """

    title: str
    organization: str
    unit: str
    logo: str
    logo_dark: str
    contact: str
    mail: str
    web: str
    help: tuple[Link, ...]
    showback: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class HeadMonth:
    """The month that a page is about, and its state: a kind for its mark, and a word."""

    period: str
    kind: str
    word: str


@dataclass(frozen=True, slots=True)
class Head:
    """One page: its path, its title, and its section of the menu.

    month: the one the page is about, or whose pages the menu leads to; None in a ledger without charges.
    others: the same page of another month, with `*` in place of the month; empty if it is not about one.
    own: the script that lists the pages of a payer by month; mine: which of them this page is one of.
    """

    path: str
    title: str
    section: str = ""
    month: HeadMonth | None = None
    others: str = ""
    own: str = ""
    mine: str = ""

    @property
    def charges(self) -> str:
        """The charge browser of its month; empty without one."""
        return paths.charges_page(self.month.period) if self.month else ""

    @property
    def resources(self) -> str:
        """The resources of its month, for the search box; empty without a month."""
        return paths.resources_script(self.month.period) if self.month else ""

    @property
    def menu(self) -> tuple[tuple[str, Link], ...]:
        """The main menu: each section with its first page."""
        period = self.month.period if self.month else ""
        months = (
            (
                ("statements", Link("Statements", paths.statements_page(period))),
                ("charges", Link("Charges", paths.charges_page(period))),
                ("review", Link("Review", paths.REVIEW)),
                ("journals", Link("Journals", paths.journal_page(period))),
            )
            if period
            else (("review", Link("Review", paths.REVIEW)),)
        )
        return (("overview", Link("Overview", paths.DASHBOARD)), *months)

    @property
    def views(self) -> tuple[Link, ...]:
        """The pages of this page's section."""
        if self.section == "statements" and self.month:
            first = Link("Statements", paths.statements_page(self.month.period))
            groups = Link("PIs", paths.PIS), Link("Projects", paths.PROJECTS), Link("Funds", paths.FUNDS)
            return (first, *groups, Link("Departments", paths.DEPARTMENTS))
        if self.section == "charges" and self.month:
            return Link("One month", paths.charges_page(self.month.period)), Link("Twelve months", paths.CHARGES)
        if self.section == "overview":
            return Link("Overview", paths.DASHBOARD), Link("Months", paths.PERIODS), Link("Reports", paths.REPORTS)
        if self.section == "review":
            return Link("Review", paths.REVIEW), Link("Approvals made", paths.APPROVALS)
        return ()


_ABOUT_EVERYONE = (
    Link("Sources", paths.SOURCES),
    Link("Files received", paths.FILES),
    Link("Data downloads", paths.DATA),
)
_OF_CLOSED = ("overview", "statements", "charges")
"""The sections of a closed site's menu."""


def menu_of(shell: Shell, head: Head) -> tuple[tuple[str, Link], ...]:
    """The main menu of a page."""
    return tuple(each for each in head.menu if not shell.closed or each[0] in _OF_CLOSED)


def make_shell(
    config: Config,
    pages: tuple[Page, ...],
    logo: str = "",
    logo_dark: str = "",
    *,
    showback: bool = False,
    rates: bool = False,
    closed: bool = False,
) -> Shell:
    """The shell of a site. logo: the name of its file in `assets/`, empty for none; logo_dark: that for dark colors.

    rates: it has rates. closed: as in Shell.
    """
    organization = config.organization
    contact, mail = whom_to_ask(config)
    return Shell(
        title=config.portal.title or "Research computing charges",
        organization=organization.name,
        unit=organization.unit,
        logo=paths.asset(logo) if logo else "",
        logo_dark=paths.asset(logo_dark) if logo and logo_dark else "",
        contact=contact,
        mail=mail,
        web=safe_address(organization.contact.url),
        help=(
            *(Link(page.title or page.name, paths.own_page(page.name)) for page in pages),
            *((Link("Rates", paths.RATES),) if rates else ()),
            *(() if closed else _ABOUT_EVERYONE),
            Link("About these figures", paths.ABOUT),
        ),
        showback=showback,
        closed=closed,
    )


def whom_to_ask(config: Config) -> tuple[str, str]:
    """The contact's name, and the email address if it is safe to link to."""
    organization, contact = config.organization, config.organization.contact
    mail = contact.email if _MAIL_ADDRESS.fullmatch(contact.email) else ""
    return contact.name or organization.unit or organization.name, mail


def render(env: Templates, template: str, shell: Shell, head: Head, currency: str, view: object) -> bytes:
    """One page. Templates see `site` (Shell), `page` (Head), `menu`, `currency` and `view`."""
    values = {"site": shell, "page": head, "menu": menu_of(shell, head), "currency": currency, "view": view}
    return env.render_page(template, **values).encode()


def fingerprint(*parts: object) -> str:
    """SHA-256 of values whose `repr` identifies them: text, numbers and dataclasses of them."""
    return hashlib.sha256("\0".join(map(repr, parts)).encode("utf-8", "surrogatepass")).hexdigest()
