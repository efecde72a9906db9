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

    showback: nothing on any page is due; amounts are the value of the usage.
    """

    title: str
    organization: str
    unit: str
    logo: str
    contact: str
    mail: str
    web: str
    navigation: tuple[tuple[str, Link], ...]
    own_pages: tuple[Link, ...]
    showback: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """One page: its path, its title, its section of the site, and its breadcrumb."""

    path: str
    title: str
    section: str = ""
    crumbs: tuple[Link, ...] = ()


NAVIGATION = (
    ("overview", Link("Overview", paths.DASHBOARD)),
    ("periods", Link("Periods", paths.PERIODS)),
    ("pis", Link("PIs", paths.PIS)),
    ("projects", Link("Projects", paths.PROJECTS)),
    ("review", Link("Review", paths.REVIEW)),
    ("funds", Link("Funds", paths.FUNDS)),
    ("departments", Link("Departments", paths.DEPARTMENTS)),
    ("reports", Link("Reports", paths.REPORTS)),
    ("approvals", Link("Approvals", paths.APPROVALS)),
    ("rates", Link("Rates", paths.RATES)),
    ("sources", Link("Sources", paths.SOURCES)),
    ("files", Link("Files", paths.FILES)),
    ("data", Link("Data", paths.DATA)),
    ("about", Link("About", paths.ABOUT)),
)


def make_shell(
    config: Config, pages: tuple[Page, ...], logo: str = "", *, showback: bool = False, rates: bool = False
) -> Shell:
    """The shell of a site. `logo` is the name of the logo's file in `assets/`, empty for none. rates: it has rates."""
    organization = config.organization
    contact, mail = whom_to_ask(config)
    return Shell(
        title=config.portal.title or "Research computing charges",
        organization=organization.name,
        unit=organization.unit,
        logo=paths.asset(logo) if logo else "",
        contact=contact,
        mail=mail,
        web=safe_address(organization.contact.url),
        navigation=tuple(each for each in NAVIGATION if rates or each[0] != "rates"),
        own_pages=tuple(Link(page.title or page.name, paths.own_page(page.name)) for page in pages),
        showback=showback,
    )


def whom_to_ask(config: Config) -> tuple[str, str]:
    """The contact's name, and the email address if it is safe to link to."""
    organization, contact = config.organization, config.organization.contact
    mail = contact.email if _MAIL_ADDRESS.fullmatch(contact.email) else ""
    return contact.name or organization.unit or organization.name, mail


def render(env: Templates, template: str, shell: Shell, head: Head, currency: str, view: object) -> bytes:
    """One page. Templates see `site` (Shell), `page` (Head), `currency` and `view`."""
    return env.render_page(template, site=shell, page=head, currency=currency, view=view).encode()


def fingerprint(*parts: object) -> str:
    """SHA-256 of values whose `repr` identifies them: text, numbers and dataclasses of them."""
    return hashlib.sha256("\0".join(map(repr, parts)).encode("utf-8", "surrogatepass")).hexdigest()
