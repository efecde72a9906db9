"""Proposals: the branches that are not merged, whoever made them, each with its plan.

branch ─examine─▶ problems, plan, files ─approve by a second person─▶ merge commit on main
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from openchargeback.files import branches, git
from openchargeback.files.branches import Branch
from openchargeback.problems import OpenChargebackError
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.guard import Refused
from openchargeback.web.pages import page, refused
from openchargeback.web.plan_view import plan_view
from openchargeback.web.program import Program, program_of, signed_in
from openchargeback.web.workspace import main_commit


class Waiting:
    """The branches that wait to be merged, read again whenever the repository changes."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: tuple[str, list[Branch]] = ("", [])

    async def branches(self) -> list[Branch]:
        """Those that `main` lacks, the latest first; none without Git."""
        mark = self._program.portals.mark
        if self._known[0] != mark:
            self._known = mark, await asyncio.to_thread(self._read)
        return self._known[1]

    async def count(self) -> int:
        """How many there are."""
        return len(await self.branches())

    async def decided(self) -> dict[str, str]:
        """The branch on which each item of the review queue is decided, by the item's id."""
        return {}

    async def find(self, name: str) -> Branch:
        """A branch by name. Raises Refused if none waits under it."""
        found = next((each for each in await self.branches() if each.name == name), None)
        if found is None:
            raise Refused(404, "No such branch is waiting. It may have been merged or removed.")
        return found

    def _read(self) -> list[Branch]:
        program = self._program
        if not git.inside_repository(program.root):
            return []
        main = main_commit(program.root, program.main)
        return branches.unmerged(program.root, main) if main else []


async def show_all(request: Request) -> Response:
    """All proposals."""
    program = program_of(request)
    values = {"branches": await program.waiting.branches(), "main": program.main}
    return page(request, "proposals.html", "Proposals", values)


async def show(request: Request) -> Response:
    """A proposal with its plan, problems and files."""
    program = program_of(request)
    branch = await program.waiting.find(request.path_params["name"])
    base = await asyncio.to_thread(program.base)
    task = program.examined(base, branch.commit)
    values = {"branch": branch, "main": program.main, "plan": None, "examined": None}
    if not task.done():
        return page(request, "proposal.html", branch.name, values, wait=1)
    try:
        examined = task.result()
    except OpenChargebackError as fault:
        return refused(request, branch.name, fault)
    return page(request, "proposal.html", branch.name, {**values, "examined": examined, "plan": plan_view(examined)})


async def to_do(request: Request) -> Response:
    """What waits: the person's own drafts and the proposals."""
    program = program_of(request)
    person = signed_in(request)
    values = {"drafts": program.drafts.unfinished(person), "branches": await program.waiting.branches()}
    return page(request, "todo.html", "To do", values)


ADDRESSES = (
    Address("/web/todo", {"GET": (Action.WATCH, to_do)}),
    Address("/web/proposals", {"GET": (Action.WATCH, show_all)}),
    Address("/web/proposals/{name:path}", {"GET": (Action.WATCH, show)}),
)
