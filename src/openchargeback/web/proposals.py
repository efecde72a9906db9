"""Proposals: the branches that are not merged, whoever made them, each with its plan.

branch ─examine─▶ problems, plan, files ─approve by a second person─▶ merge commit on main
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from openchargeback.characters import one_line
from openchargeback.evidence.identities import identities_at
from openchargeback.files import branches, git
from openchargeback.files.branches import Branch
from openchargeback.files.git import APPROVED_BY
from openchargeback.portal.forge import host_of, pull_request_of
from openchargeback.portal.shell import Link
from openchargeback.problems import OpenChargebackError, OutsideFault
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.guard import Refused
from openchargeback.web.jobs import CHANGES
from openchargeback.web.pages import Refusal, page, refused
from openchargeback.web.people import Person
from openchargeback.web.plan_view import plan_view
from openchargeback.web.program import Program, can, program_of, signed_in
from openchargeback.web.workspace import Merge, approved, followed

_SECOND_PERSON = "second-person"


@dataclass(frozen=True, slots=True)
class Approval:
    """What the page of a proposal says on its approval. here: whether it is approved here; else on a forge.

    may: whether the person who looks at it may approve it; else why says why not. pull_request: the forge's page, on
    the host of that name. remote: whether the branch is on the remote, so that the forge knows it.
    """

    here: bool
    may: bool
    why: str
    pull_request: str
    host: str
    remote: bool
    own: bool


async def show_all(request: Request) -> Response:
    """All proposals."""
    return page(request, "proposals.html", "Proposals", await _overview(request))


PATIENCE = 40.0
"""How many seconds a merge may take before its page says that it is running: proxies give up after a minute."""


async def to_do(request: Request) -> Response:
    """What waits: the person's own imports and drafts, and the proposals."""
    program, person = program_of(request), signed_in(request)
    unfinished = [Link(each.title, f"web/drafts/{each.id}") for each in program.drafts.unfinished(person)]
    own = (each for each in program.imports.all() if each.person.user == person.user and not each.drafted)
    unfinished += [Link(each.title, each.address) for each in own]
    return page(request, "todo.html", "To do", {**await _overview(request), "unfinished": unfinished})


async def _overview(request: Request) -> dict[str, object]:
    """What waits on branches, and how this repository stands to the remote."""
    program = program_of(request)
    waiting = await program.waiting.branches()
    mine = await asyncio.to_thread(_took_part, program, waiting, signed_in(request)) if waiting else set()
    return {
        "branches": waiting,
        "mine": mine,
        "main": program.main,
        "notice": program.waiting.notice,
        "loose": program.waiting.loose,
        "behind": await program.waiting.behind(),
        "here": _approves_here(program),
    }


async def show(request: Request) -> Response:
    """A proposal with its plan, problems and files; or that it is merged."""
    program = program_of(request)
    name = request.path_params["name"]
    approver, merging = program.merging.get(name, ("", None))
    if merging is not None and not merging.done():
        return page(request, "working.html", name, {"what": f"Merging into {program.main}"}, wait=1)
    try:
        branch = await program.waiting.find(name)
    except Refused:
        if merged := await asyncio.to_thread(_merged, program, name):
            return page(request, "proposal_merged.html", name, {"merge": merged, "main": program.main})
        raise
    base = await asyncio.to_thread(program.base)
    approval = await asyncio.to_thread(_approval, program, branch, request)
    if merging is not None and approver == signed_in(request).user:
        del program.merging[name]
        if fault := merging.result():
            return _not_merged(request, branch, approval, fault)
    task = program.examined(base, branch.commit)
    values = {"branch": branch, "base": base, "main": program.main, "approval": approval}
    if not task.done():
        return page(request, "proposal.html", branch.name, {**values, "plan": None, "examined": None}, wait=1)
    try:
        examined = task.result()
    except OpenChargebackError as fault:
        return refused(request, branch.name, fault)
    values |= {"examined": examined, "plan": plan_view(examined)}
    return page(request, "proposal.html", branch.name, values)


async def approve(request: Request) -> Response:
    """Merge a branch as it was shown, by someone who took no part in it."""
    program, person = program_of(request), signed_in(request)
    form = await request.form(max_files=0, max_fields=10)
    name, commit, base = (str(form.get(key, "")) for key in ("name", "commit", "base"))
    try:
        branch = await program.waiting.as_shown(name, commit)
    except Refused:
        if merged := await asyncio.to_thread(_merged, program, name, commit):
            raise Refused(409, f"{merged.committer} has merged {name} meanwhile.") from None
        raise
    approval = await asyncio.to_thread(_approval, program, branch, request)
    if not approval.may:
        raise Refused(403, approval.why)
    program.record(request, "approve", f"{branch.name} {commit}")
    approver = f"{one_line(person.name)} <{person.email}>"
    message = f"Merge {branch.short}: {branch.subject}\n\n{APPROVED_BY}: {approver}\n"
    merge = Merge(program.main, base, commit, message, await asyncio.to_thread(program.has_remote))
    kept = f"merge-{secrets.token_hex(8)}"
    if branch.name in program.merging and not program.merging[branch.name][1].done():
        return _to(branch.name)

    async def merge_it() -> OpenChargebackError | None:
        try:
            made = await program.jobs.run(CHANGES, approved, program.place, kept, merge, person.identity)
        except OpenChargebackError as fault:
            program.record(request, "not-merged", f"{branch.name} {commit}: {fault}")
            await program.waiting.fetched()
            return fault
        program.record(request, "merge", f"{branch.name} {commit} as {made}")
        program.waiting.changed()
        return None

    task = asyncio.create_task(merge_it())
    await asyncio.wait([task], timeout=PATIENCE)
    if not task.done():
        program.merging[branch.name] = person.user, task
    elif fault := task.result():
        return _not_merged(request, branch, approval, fault)
    return _to(branch.name)


def _not_merged(request: Request, branch: Branch, approval: Approval, fault: OpenChargebackError) -> Response:
    """The page that says why a branch was not merged."""
    values = {"refusal": Refusal.of(fault), "branch": branch, "approval": approval}
    by_remote = isinstance(fault, OutsideFault)
    return page(request, "not_merged.html", branch.name, {**values, "forge": by_remote}, status=409)


async def confirm_removal(request: Request) -> Response:
    """Ask whether to remove a branch."""
    program = program_of(request)
    branch = await program.waiting.find(request.query_params.get("name", ""))
    return page(request, "remove.html", f"Remove {branch.name}", {"branch": branch})


async def remove(request: Request) -> Response:
    """Remove one's own branch."""
    program = program_of(request)
    form = await request.form(max_files=0, max_fields=10)
    branch = await program.waiting.as_shown(str(form.get("name", "")), str(form.get("commit", "")))
    if not _is_own(program, branch, signed_in(request)):
        raise Refused(403, "Only whoever made a branch, alone, may remove it here.")
    program.record(request, "remove", f"{branch.name} {branch.commit}")
    try:
        await asyncio.to_thread(branches.remove, program.root, branch)
        program.waiting.changed()
    except OpenChargebackError as fault:
        return refused(request, f"{branch.name} was not removed", fault)
    return RedirectResponse("/web/proposals", 303)


async def follow(request: Request) -> Response:
    """Bring the main branch here up to date with the remote's."""
    program = program_of(request)
    program.record(request, "follow", program.main)
    await program.waiting.fetched()
    try:
        await program.jobs.run(CHANGES, followed, program.place, program.main)
    except OpenChargebackError as fault:
        return refused(request, f"{program.main} was not moved", fault)
    return RedirectResponse("/web/todo", 303)


def _approves_here(program: Program) -> bool:
    return program.ledger.config.web.approve == _SECOND_PERSON


def _approval(program: Program, branch: Branch, request: Request) -> Approval:
    person = signed_in(request)
    settings = program.ledger.config.portal
    host = host_of(settings)
    here = _approves_here(program)
    why = ""
    if not here:
        why = "Changes of this ledger are approved on its forge."
    elif not can(request, Action.APPROVE):
        why = "Your role does not include approving. A reviewer does it."
    elif _took_part(program, [branch], person):
        why = "You took part in this branch, so someone else must approve it."
    elif not branch.base:
        why = f"This branch has no history in common with {program.main}, so it cannot be merged here."
    return Approval(
        here,
        not why,
        why,
        pull_request_of(settings, branch.short),
        host.name if host else "",
        program.has_remote(),
        _is_own(program, branch, person),
    )


def _took_part(program: Program, waiting: Sequence[Branch], person: Person) -> set[str]:
    """The branches in which a person took part, by name."""
    who = identities_at(program.root, program.base())
    return {each.name for each in waiting if who.person(person.email) in who.people(each.authors)}


def _is_own(program: Program, branch: Branch, person: Person) -> bool:
    """Whether nobody else took part in a branch."""
    who = identities_at(program.root, program.base())
    return who.people(branch.authors) == {who.person(person.email)}


def _merged(program: Program, name: str, commit: str = "") -> git.LoggedCommit | None:
    """The merge of a branch that no longer waits, by its name; commit: that it must have had, if given."""
    if not branches.is_branch_name(name):
        return None
    found = {git.resolve(program.root, f"refs/{where}/{name}") for where in ("heads", "remotes")} - {""}
    tip = next((each for each in found if commit in ("", each)), "")
    return branches.merge_of(program.root, program.base(), tip) if tip else None


def _to(name: str) -> Response:
    return RedirectResponse(f"/web/proposals/{quote(name)}", 303)


ADDRESSES = (
    Address("/web/todo", {"GET": (Action.WATCH, to_do)}),
    Address("/web/proposals", {"GET": (Action.WATCH, show_all)}),
    Address("/web/proposals/{name:path}", {"GET": (Action.WATCH, show)}),
    Address("/web/approve", {"POST": (Action.APPROVE, approve)}),
    Address("/web/remove", {"GET": (Action.WATCH, confirm_removal), "POST": (Action.WATCH, remove)}),
    Address("/web/follow", {"POST": (Action.APPROVE, follow)}),
)
