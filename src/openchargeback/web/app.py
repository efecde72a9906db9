"""The addresses of the web program: which action each needs, and which function answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from openchargeback.portal.audience import INTERNAL
from openchargeback.problems import LedgerFault, OpenChargebackError
from openchargeback.templating.environment import make_environment
from openchargeback.web import (
    audit_page,
    crediting,
    decisions,
    directory,
    drafts,
    imports,
    months,
    previews,
    proposals,
    serving,
    signing_in,
)
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address, Handler
from openchargeback.web.guard import Guard, Refused
from openchargeback.web.pages import assets_of, page, refused
from openchargeback.web.program import Options, Program, can, person_of, program_of
from openchargeback.web.serving import Serving
from openchargeback.web.signing_in import Doors, SigningIn
from openchargeback.web.waiting import Waiting


async def _asset(request: Request) -> Response:
    data, kind = program_of(request).assets.get(request.path_params["name"], (b"", ""))
    if not kind:
        raise HTTPException(404)
    return Response(data, media_type=kind, headers={"cache-control": "max-age=60"})


async def _portal(request: Request) -> Response:
    return await program_of(request).serving.answer(request)


ADDRESSES: tuple[Address, ...] = (
    Address("/web/assets/{name:path}", {"GET": (Action.OPEN, _asset)}),
    *signing_in.ADDRESSES,
    *serving.ADDRESSES,
    *drafts.ADDRESSES,
    *imports.ADDRESSES,
    *proposals.ADDRESSES,
    *months.ADDRESSES,
    *previews.ADDRESSES,
    *decisions.ADDRESSES,
    *crediting.ADDRESSES,
    *directory.ADDRESSES,
    *audit_page.ADDRESSES,
    Address("/{path:path}", {"GET": (Action.READ, _portal)}),
)
"""Every address; the first that fits answers. A HEAD request is answered like a GET without its content."""


def make_app(root: Path, options: Options) -> tuple[ASGIApp, Program]:
    """The program of a ledger, as an ASGI application that runs in one process."""
    program = Program(root, options)
    env = make_environment().files()
    program.doors = Doors()
    program.drafts = drafts.Drafts(program)
    program.imports = imports.Imports(program)
    program.months = months.Months(program)
    program.waiting = Waiting(program)
    program.missing = directory.Missing(program)
    program.previews = previews.Previews(program)
    program.serving = Serving(program, env["web/portal_hook.js"].read_bytes())
    program.assets = assets_of(program.ledger)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(program.portals.watch())
        program.portals.of(INTERNAL)  # so that it is there when the first person has logged in
        yield
        watching.cancel()
        program.stop()

    handlers: Mapping[Any, Any] = {
        Refused: _refused,
        OpenChargebackError: _fault,
        HTTPException: _http,
        OSError: _disk,
        Exception: _bug,
    }
    routes = [Route(each.path, _answering(each), methods=list(each.answers)) for each in ADDRESSES]
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    # The portal's files need no search among all addresses.
    files = Starlette(routes=routes[-1:], exception_handlers=handlers)
    app.state.program = files.state.program = program
    uploads = [each.path for each in ADDRESSES if each.upload]
    inner = SigningIn(_Split(app, files), program)
    return Guard(inner, options.hosts, options.limits, uploads, secure=options.secure), program


class _Split:
    """Sends requests for the portal's files and those for this program's own pages to the application of each."""

    def __init__(self, own: ASGIApp, files: ASGIApp) -> None:
        self._own = own
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_file = scope["type"] == "http" and not scope["path"].startswith("/web/")
        await (self._files if is_file else self._own)(scope, receive, send)


def _answering(address: Address) -> Handler:
    """The function of an address behind the check of roles: the only place where it is made."""

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        action, handler = address.answers[method]
        if not can(request, action):
            if person_of(request) is not None:
                program_of(request).record(request, "refused", f"{request.method} {request.url.path}")
                raise Refused(403, "Your role does not include this.")
            if method != "GET":
                raise Refused(403, "Your session has ended. Log in again.")
            return _to_login(request)
        return await handler(request)

    return answer


def _to_login(request: Request) -> Response:
    site, destination = request.headers.get("sec-fetch-site", ""), request.headers.get("sec-fetch-dest", "document")
    if destination not in ("document", "empty", ""):
        return PlainTextResponse("Log in first.\n", 401)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if site == "cross-site" and "again" not in request.query_params:
        # A link from a mail or another site comes without the cookie, which is SameSite=Strict: load it once more.
        again = f"{path}{'&' if '?' in path else '?'}again=1"
        return page(request, "again.html", "One moment", {"again": quote(again, safe="/?&=%")})
    if person_of(request) is None and request.url.path in ("/", "/index.html"):
        return RedirectResponse("/web/login", 303)
    return RedirectResponse(f"/web/login?next={quote(path)}", 303)


async def _refused(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Refused)  # noqa: S101 - registered for it
    return _said(request, fault.status, fault.reason)


async def _http(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)  # noqa: S101 - registered for it
    reason = {404: "There is no such page.", 405: "This method is not used here."}.get(
        fault.status_code, "This request cannot be answered."
    )
    return _said(request, fault.status_code, reason)


async def _fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, OpenChargebackError)  # noqa: S101 - registered for it
    try:
        return refused(request, "This was not done", fault)
    except LedgerFault as other:  # pages need the settings
        return PlainTextResponse(f"{serving.settings_fault(other)}\n", 503)


async def _disk(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, OSError)  # noqa: S101 - registered for it
    return _said(request, 507, f"The server's disk refused this: {(fault.strerror or 'unknown reason').lower()}.")


async def _bug(request: Request, _fault: Exception) -> Response:
    return _said(request, 500, "This is a fault of the program. It was written to the server's log.")


def _said(request: Request, status: int, reason: str) -> Response:
    """A page with one sentence; as text where the settings cannot be used, or for what is no page."""
    if request.headers.get("sec-fetch-dest", "document") not in ("document", ""):
        return PlainTextResponse(f"{reason}\n", status)
    try:
        title = "Not found" if status == 404 else "Not done"
        return page(request, "said.html", title, {"reason": reason}, status=status)
    except LedgerFault:
        return PlainTextResponse(f"{reason}\n", status)
