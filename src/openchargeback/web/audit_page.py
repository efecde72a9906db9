"""The audit log as a page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.pages import page
from openchargeback.web.program import program_of

_SHOWN = 500


async def show(request: Request) -> Response:
    """The latest events, the newest first."""
    return page(request, "audit.html", "Audit log", {"entries": program_of(request).audit.latest(_SHOWN)})


ADDRESSES = (Address("/web/audit", {"GET": (Action.AUDIT, show)}),)
