"""Changes that a person is making: checked and planned, but in the ledger only once they say so.

form ─apply─▶ commit in the clone ─examine─▶ problems, plan ─Commit─▶ branch ─▶ proposal
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from openchargeback.files import branches
from openchargeback.problems import OpenChargebackError, OutsideFault
from openchargeback.web.access import Action, may
from openchargeback.web.addresses import Address
from openchargeback.web.guard import Refused
from openchargeback.web.jobs import CHANGES, begun
from openchargeback.web.pages import Refusal, page, refused
from openchargeback.web.people import Person
from openchargeback.web.plan_view import plan_view
from openchargeback.web.program import Program, failed, program_of, signed_in
from openchargeback.web.workspace import Apply, Draft, Examined, draft, take

_KEPT_SECONDS = 24 * 3600.0
_MOST = 200
_MOST_OF_ONE = 20


@dataclass(slots=True)
class Pending:
    """A draft of a person, while it is made and after.

    folder: its files, removed with it; None if it has none. template: of its page.
    """

    id: str
    person: Person
    action: Action
    title: str
    back: str
    began: float
    task: asyncio.Task[Draft]
    folder: Path | None = None
    template: str = "draft.html"
    branch: str = ""
    pushed: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Drafts:
    """The drafts of a server, by id. They end with it: nothing of them is in the ledger."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._drafts: dict[str, Pending] = {}

    def start(
        self, person: Person, action: Action, title: str, back: str, apply: Apply, form: Any, folder: Path | None = None
    ) -> Pending:
        """Begin to make a change. back: the page on which it can be made again."""
        self._forget_old()
        own = [each for each in self._drafts.values() if each.person.user == person.user and not each.branch]
        if len(own) >= _MOST_OF_ONE and (idle := next(filter(_is_idle, own), None)):
            self.discard(idle)
            own.remove(idle)
        if len(self._drafts) >= _MOST or len(own) >= _MOST_OF_ONE:
            raise Refused(503, "There are too many unfinished changes. Commit or discard some first.")
        id_ = secrets.token_hex(8)
        task = begun(self._make(id_, apply, form, person))
        self._drafts[id_] = Pending(id_, person, action, title, back, time.monotonic(), task, folder)
        return self._drafts[id_]

    def of(self, request: Request) -> Pending:
        """The draft that an address names, if it is the person's own and they may still do this."""
        found = self._drafts.get(request.path_params["id"])
        person = signed_in(request)
        if found is None or found.person.user != person.user or not may(person.role, found.action):
            raise Refused(404, "This change is not here any more. Nothing of it is in the ledger.")
        return found

    def unfinished(self, person: Person) -> list[Pending]:
        """The drafts of a person that are not committed, the latest first."""
        return [each for each in reversed(self._drafts.values()) if each.person.user == person.user and not each.branch]

    def discard(self, pending: Pending) -> None:
        """Forget a draft and its files; its plan is not computed any more."""
        pending.task.cancel()
        if not pending.branch and pending.task.done() and not _fault(pending.task):
            made = pending.task.result()
            self._program.forget(made.base, made.commit)
        self._drafts.pop(pending.id, None)
        if pending.folder:
            shutil.rmtree(pending.folder, ignore_errors=True)

    async def _make(self, id_: str, apply: Apply, form: Any, person: Person) -> Draft:
        program = self._program
        base = await asyncio.to_thread(program.base)
        made = await program.jobs.run(CHANGES, draft, program.place, base, id_, apply, form, person.identity)
        if made.commit:
            program.examined(base, made.commit)
        return made

    def _forget_old(self) -> None:
        for each in list(self._drafts.values()):
            if time.monotonic() - each.began > _KEPT_SECONDS:
                self.discard(each)


async def show(request: Request) -> Response:
    """The page of a draft: what it does, the problems, and the plan; or that it is still being checked."""
    program = program_of(request)
    pending = program.drafts.of(request)
    if not pending.task.done():
        return page(request, "working.html", pending.title, {"what": "Checking"}, wait=1)
    if fault := _fault(pending.task):
        return page(request, "refused.html", pending.title, {"refusal": Refusal.of(fault), "back": pending.back})
    made = pending.task.result()
    values = {"pending": pending, "draft": made, "change": made.change}
    if not made.commit:
        return page(request, "draft_same.html", pending.title, values)
    task = program.examined(made.base, made.commit)
    if not task.done():
        return page(request, pending.template, pending.title, {**values, "examined": None, "plan": None}, wait=1)
    if fault := _fault(task):
        return page(request, "refused.html", pending.title, {"refusal": Refusal.of(fault), "back": pending.back})
    examined = task.result()
    found = {"examined": examined, "plan": plan_view(examined)}
    return page(request, pending.template, pending.title, {**values, **found})


async def commit(request: Request) -> Response:
    """Take a draft into the ledger's repository as a new branch, and push it if there is a remote."""
    program = program_of(request)
    pending = program.drafts.of(request)
    async with pending.lock:
        if pending.branch:
            return _to_proposal(pending.branch)
        if not pending.task.done() or _fault(pending.task) or not pending.task.result().commit:
            raise Refused(409, "There is nothing to commit yet.")
        made = pending.task.result()
        try:
            name = await asyncio.to_thread(branches.free_name, program.root, made.change.branch)
            await program.jobs.run(CHANGES, take, program.place, pending.id, name)
            program.record(request, "commit", f"{name} {made.commit}")
            pending.branch = name
            program.waiting.changed()
            pending.pushed = await push(program, made.commit, name)
        except OpenChargebackError as fault:
            return refused(request, pending.title, fault)
        finally:
            if pending.branch and pending.folder:
                shutil.rmtree(pending.folder, ignore_errors=True)
                pending.folder = None
    return _to_proposal(name)


async def discard(request: Request) -> Response:
    """Forget a draft."""
    program = program_of(request)
    pending = program.drafts.of(request)
    program.drafts.discard(pending)
    return RedirectResponse(f"/{pending.back}", 303)


async def push(program: Program, commit_id: str, name: str) -> str:
    """Push a commit to a branch of the remote, if there is one; empty, or why that failed: the branch is here then."""
    if not await asyncio.to_thread(program.has_remote):
        return ""
    return await asyncio.to_thread(branches.push, program.root, commit_id, name)


def _to_proposal(name: str) -> Response:
    return RedirectResponse(f"/web/proposals/{name}", 303)


def _is_idle(pending: Pending) -> bool:
    """Whether a draft was refused or changes nothing, so that it can never be committed."""
    task = pending.task
    return task.done() and (failed(task) or not task.result().commit)


def _fault(task: asyncio.Task[Draft] | asyncio.Task[Examined]) -> OpenChargebackError | None:
    """The fault with which a task ended. Anything else is a bug and is raised."""
    if task.cancelled():
        return OutsideFault("this was stopped")
    fault = task.exception()
    if fault is None or isinstance(fault, OpenChargebackError):
        return fault
    raise fault


ADDRESSES = (
    Address("/web/drafts/{id}", {"GET": (Action.WATCH, show)}),
    Address("/web/drafts/{id}/commit", {"POST": (Action.WATCH, commit)}),
    Address("/web/drafts/{id}/discard", {"POST": (Action.WATCH, discard)}),
)
