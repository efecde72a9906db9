"""The built portal, file by file, for the person who is signed in."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from openchargeback.ledger.settings import Role
from openchargeback.problems import LedgerFault, OpenChargebackError
from openchargeback.publish.paragraphs import paragraphs
from openchargeback.web.access import Action, audience_of
from openchargeback.web.addresses import Address
from openchargeback.web.crediting import closed_months
from openchargeback.web.guard import HEALTH, PORTAL_POLICY
from openchargeback.web.pages import page
from openchargeback.web.portals import Portal
from openchargeback.web.program import Program, can, person_of, program_of, signed_in

_HEADERS = {"content-security-policy": PORTAL_POLICY, "cache-control": "private, no-cache"}
_HOOK = "assets/portal.js"
"""The script that every page of the portal loads; served with `portal_hook.js` after it."""


class _Folder(StaticFiles):
    """A folder of a build, whose headers are those of the portal."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False, html=False)

    async def check_config(self) -> None:
        """Nothing: while a build takes the place of another, the folder may be absent for a moment."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


class Serving:
    """The folders that are served, and the script that connects their pages with this program."""

    def __init__(self, program: Program, hook: bytes) -> None:
        self._program = program
        self._folders: dict[Path, _Folder] = {}
        self._hook = hook

    def portal_of(self, request: Request) -> Portal:
        """The portal of the person who is signed in."""
        person = signed_in(request)
        return self._program.portals.of(audience_of(person.role, person.email))

    async def answer(self, request: Request) -> Response:
        """A file of the person's portal."""
        path = request.url.path.lstrip("/")
        if path.startswith("web/"):
            raise HTTPException(404)
        portal = self.portal_of(request)
        if not portal.is_there:
            return self._not_there(request, portal)
        if path == "" or path.endswith("/"):
            return RedirectResponse(f"/{path}index.html", 307)
        return await self.file(request, portal.folder, path)

    async def file(self, request: Request, folder: Path, path: str) -> Response:
        """A file of a built folder, by its path there as it stands in an address."""
        if path == _HOOK:
            return self._script(request, folder)
        served = self._folders.setdefault(folder, _Folder(folder))
        normal = served.get_path({**request.scope, "path": f"/{path}", "root_path": ""})
        return await served.get_response(normal, request.scope)

    def _script(self, request: Request, folder: Path) -> Response:
        content = (folder / _HOOK).read_bytes() + self._hook
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {**_HEADERS, "etag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/javascript", headers=headers)

    def _not_there(self, request: Request, portal: Portal) -> Response:
        """The page while there is no build of this audience: it is being made, or what keeps it from being made."""
        if portal.is_building or not portal.why:
            return page(
                request, "working.html", "The portal is being built", {"what": portal.progress}, status=503, wait=1
            )
        person = person_of(request)
        if person is not None and person.role is Role.PI:
            # A PI learns nothing of others from the ledger's problems, nor whether there are any.
            return page(request, "nothing.html", "No charges yet", status=404)
        return page(request, "broken.html", "The ledger has problems", broken(portal), status=503)


def broken(portal: Portal) -> dict[str, object]:
    """What a page on a failed build shows: the problems, and how old the last good build is."""
    return {"why": portal.why, "paragraphs": paragraphs(portal.problems), "at": portal.at, "there": portal.is_there}


async def health(request: Request) -> Response:
    """Whether the server works; says nothing about the ledger to visitors."""
    program = program_of(request)
    try:
        program.ledger  # noqa: B018 - reading it is the check
    except OpenChargebackError:
        return Response("the ledger's settings cannot be read\n", 503, media_type="text/plain")
    return Response("ok\n", media_type="text/plain")


async def problems(request: Request) -> Response:
    """What keeps the portal from being built."""
    program = program_of(request)
    portal = program.serving.portal_of(request)
    if not portal.why:
        return RedirectResponse("/index.html", 303)
    return page(request, "broken.html", "The ledger has problems", broken(portal))


async def state(request: Request) -> Response:
    """A script for the portal's pages: who is signed in, what they may do, and whether there is a newer build."""
    program = program_of(request)
    person = signed_in(request)
    portal = program.serving.portal_of(request)
    value = {
        "name": person.name,
        "email": person.email,
        "role": str(person.role),
        "may": [str(action) for action in Action if can(request, action)],
        "build": portal.number,
        "building": portal.is_building,
        "broken": bool(portal.why) and person.role is not Role.PI,
        "at": portal.at.strftime("%Y-%m-%d %H:%M UTC") if portal.at else "",
        "waiting": await program.waiting.count() if can(request, Action.WATCH) else 0,
        "branches": await program.waiting.decided() if can(request, Action.WATCH) else {},
        "closed": closed_months(program.ledger) if can(request, Action.REVIEW) else [],
    }
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    script = f"window.webProgram && window.webProgram.state({text});\n"
    return Response(script, media_type="text/javascript")


def settings_fault(fault: LedgerFault) -> str:
    """What is wrong with the settings, for pages that need them."""
    first = fault.problems[0] if fault.problems else None
    return f"{first.place}: {first.message}" if first else str(fault)


ADDRESSES = (
    Address(HEALTH, {"GET": (Action.OPEN, health)}),
    Address("/web/state.js", {"GET": (Action.READ, state)}),
    Address("/web/problems", {"GET": (Action.WATCH, problems)}),
)
