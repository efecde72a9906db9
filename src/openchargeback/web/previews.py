"""The portal as it would be with a branch: built in a clone of its own, for those who may see proposals.

A branch may bring templates, with scripts, that nobody has approved. They would run beside the forms of this program,
so where a branch changes templates, its preview runs no scripts at all.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from openchargeback.files import branches
from openchargeback.files.branches import Branch
from openchargeback.problems import OpenChargebackError
from openchargeback.publish.build import build
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.guard import PORTAL_POLICY, Refused
from openchargeback.web.jobs import BUILDS, begun
from openchargeback.web.pages import page, refused
from openchargeback.web.program import Program, failed, program_of
from openchargeback.web.workspace import Place, opened

_MOST = 5
"""How many previews are kept; each is as large as the portal without its PDFs."""

_WITHOUT_SCRIPTS = PORTAL_POLICY.replace("script-src 'self'", "script-src 'none'")
_TEMPLATES = "templates"


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview of a commit. policy: the Content-Security-Policy of its pages."""

    folder: Path
    policy: str


class Previews:
    """The previews of a server, by commit."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._folder = program.folder / "previews"
        # With a cache of its own, since a build forgets much of what it does not use.
        self._place = Place(program.root, program.folder / "preview-clone", shares_cache=False)
        self._made: dict[str, asyncio.Task[Preview]] = {}
        shutil.rmtree(self._folder, ignore_errors=True)

    def of(self, branch: Branch) -> asyncio.Task[Preview]:
        """The preview of a branch; its task may still be running."""
        task = self._made.pop(branch.commit, None)
        if task is None:
            task = begun(self._make(branch))
        if not failed(task):  # it is given once, and made again for whoever asks next
            self._made[branch.commit] = task
        for commit in list(self._made)[:-_MOST]:
            if self._made[commit].done():
                del self._made[commit]
                shutil.rmtree(self._folder / commit, ignore_errors=True)
        return task

    async def _make(self, branch: Branch) -> Preview:
        folder = self._folder / branch.commit
        own = await self._program.jobs.run(BUILDS, build_preview, self._place, branch.base, branch.commit, folder)
        return Preview(folder, _WITHOUT_SCRIPTS if own else PORTAL_POLICY)


def build_preview(place: Place, base: str, commit: str, folder: Path) -> bool:
    """Build the portal of a commit without its PDFs; returns whether the commit brings templates of its own."""
    ledger = opened(place, commit)
    folder.parent.mkdir(parents=True, exist_ok=True)
    build(ledger, folder, pdfs=False, workers=1)
    return bool(branches.changed(ledger, base, commit, _TEMPLATES))


async def show(request: Request) -> Response:
    """A file of a preview, by the commit of a branch that waits and the file's path."""
    program = program_of(request)
    commit, path = request.path_params["commit"], request.path_params["path"]
    branch = next((each for each in await program.waiting.branches() if each.commit == commit), None)
    if branch is None:
        raise Refused(404, "This preview is of a branch that has changed since, or that is no longer waiting.")
    if not path or path.endswith("/"):
        return RedirectResponse(f"/web/preview/{commit}/{path}index.html", 307)
    task = program.previews.of(branch)
    if not task.done():
        return page(request, "working.html", f"Preview of {branch.name}", {"what": "Building"}, status=503, wait=1)
    try:
        preview = task.result()
    except OpenChargebackError as fault:
        return refused(request, f"There is no preview of {branch.name}", fault)
    response = await program.serving.file(request, preview.folder, path)
    response.headers["content-security-policy"] = preview.policy
    return response


async def back(request: Request) -> Response:
    """From a preview to the page of its branch: its pages know only the commit."""
    commit = request.path_params["commit"]
    branch = next((each for each in await program_of(request).waiting.branches() if each.commit == commit), None)
    return RedirectResponse(f"/web/proposals/{quote(branch.name)}" if branch else "/web/proposals", 303)


ADDRESSES = (
    Address("/web/previewed/{commit}", {"GET": (Action.WATCH, back)}),
    Address("/web/preview/{commit}/{path:path}", {"GET": (Action.WATCH, show)}),
)
