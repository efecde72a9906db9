"""This program's own pages: their frame, menu and templates (`site_templates/web/`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from openchargeback.ledger.reading import Ledger
from openchargeback.portal.logo import usable_logo
from openchargeback.portal.shell import Head, Link, make_shell
from openchargeback.portal.theme import theme_css
from openchargeback.problems import LedgerFault, OpenChargebackError, Problem
from openchargeback.publish.paragraphs import Paragraph, paragraphs
from openchargeback.templating.environment import make_environment
from openchargeback.web.access import Action
from openchargeback.web.program import can, person_of, program_of
from openchargeback.web.wording import on_page

MENU: Sequence[tuple[Action, Link]] = (
    (Action.READ, Link("Portal", "index.html")),
    (Action.WATCH, Link("To do", "web/todo")),
    (Action.IMPORT, Link("Import", "web/import")),
    (Action.WATCH, Link("Proposals", "web/proposals")),
    (Action.CLOSE, Link("Months", "web/months")),
    (Action.DIRECTORY, Link("Directory", "web/directory")),
    (Action.AUDIT, Link("Audit log", "web/audit")),
)
"""The menu of these pages; each person sees what they may use."""

ASSETS = ("theme.js", "tokens.css", "portal.css", "portal.js", "icon.svg", "web.css", "web.js", "portal_hook.css")
"""The static files of these pages, which visitors get before they sign in."""

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "png": "image/png", "woff2": "font/woff2"}


_LOGO = "logo"
_ENDINGS = {"image/png": "png", "image/svg+xml": "svg"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not done. problems: with their places, if it was because of the ledger."""

    text: str
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, fault: OpenChargebackError) -> Refusal:
        """What an exception says."""
        return cls(str(fault), tuple(fault.problems) if isinstance(fault, LedgerFault) else ())

    @property
    def paragraphs(self) -> list[Paragraph]:
        """The problems as pages show them."""
        return paragraphs(self.problems)


def page(
    request: Request,
    template: str,
    title: str,
    values: Mapping[str, object] | None = None,
    *,
    status: int = 200,
    wait: int = 0,
) -> Response:
    """One page. wait: after how many seconds it loads itself again, since something is still running; 0 for never.

    Templates see `site`, `page`, `menu`, `person`, `currency`, `may`, `on_page` and the values.
    """
    program = program_of(request)
    ledger = program.ledger
    head = Head(request.url.path.lstrip("/") or "index.html", title)
    menu = [link for action, link in MENU if can(request, action)]
    # A ledger's templates change the portal, never the pages on which people sign in and approve.
    text = make_environment().render_page(
        f"web/{template}",
        site=make_shell(ledger.config, ()),
        logo=next((name for name in program.assets if name.startswith(_LOGO)), ""),
        page=head,
        menu=menu,
        person=person_of(request),
        currency=ledger.config.currency,
        on_page=lambda text: on_page(text, lambda action: can(request, action)),
        may={str(action): can(request, action) for action in Action},
        wait=wait,
        **(values or {}),
    )
    return HTMLResponse(text, status)


def refused(request: Request, title: str, fault: OpenChargebackError, status: int = 409) -> Response:
    """The page that says why something was not done."""
    return page(request, "refused.html", title, {"refusal": Refusal.of(fault)}, status=status)


def assets_of(ledger: Ledger) -> dict[str, tuple[bytes, str]]:
    """The static files of these pages, and the type of each."""
    found = {}
    for name, path in make_environment().files().items():
        short = name.removeprefix("assets/")
        if name.startswith("assets/page_fonts/") or (name.startswith("assets/") and short in ASSETS):
            found[short] = path.read_bytes()
        elif name.startswith("web/") and name.removeprefix("web/") in ASSETS:
            found[name.removeprefix("web/")] = path.read_bytes()
    if ledger.logo is not None and (logo := usable_logo(ledger.logo.data)):
        found[f"{_LOGO}.{_ENDINGS[logo.media_type]}"] = logo.content
    found["theme.css"] = theme_css(ledger.config.portal.accent).encode()
    return {name: (data, _TYPES.get(name.rpartition(".")[2], "text/plain")) for name, data in found.items()}
