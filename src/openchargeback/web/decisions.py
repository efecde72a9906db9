"""Decisions made with the portal's review form: its file, checked and committed as a draft.

The form writes the same bytes as `focus-billing review` (`site_templates/assets/review_form.js`), so the file is taken
as it is. Decisions on what someone else has decided meanwhile are left out, and the person is told who did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from openchargeback.billing.period_review import Review, open_review
from openchargeback.files.branches import Identity
from openchargeback.ledger.approval_text import free_path, without_decisions
from openchargeback.ledger.approvals import Decision, Verb, read_approvals
from openchargeback.problems import LedgerFault, UsageFault, has_errors
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.filters import period_human
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.decided import Decided, Waiting, can_review, covers, decided_in, gathered, month_of
from openchargeback.web.pages import page
from openchargeback.web.program import program_of, signed_in
from openchargeback.web.workspace import Change
from openchargeback.wording import counted

_PATH = re.compile(r"approvals/([0-9]{4}-[0-9]{2})/([A-Za-z0-9][A-Za-z0-9._-]{0,199})\.yaml")
_MOST_TEXT = 8 << 20
_OUTDATED = frozenset({"void-decision", "conflicting-decisions"})
"""The codes of problems that a decision has because the queue is not as it was when the person decided."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """A file of decisions as the form gives it. waiting: the branches that may decide the same items."""

    path: str
    text: str
    waiting: tuple[Waiting, ...]


def decide(root: Path, form: Decisions, who: Identity) -> Change:
    """Write the file of decisions, without those on what is decided already.

    Raises UsageFault or LedgerFault for a file that cannot be taken.
    """
    found = _PATH.fullmatch(form.path)
    if not found:
        raise UsageFault(
            f"{form.path[:200] or 'the file'} is not the path of an approval file: approvals/2025-01/name.yaml"
        )
    ledger = gathered(root)
    path = free_path(root, found[1], found[2]).relative_to(root).as_posix()
    data = form.text.encode()
    decisions, problems = read_approvals(data, path)
    if has_errors(problems):
        raise LedgerFault(problems)
    _refuse(ledger, decisions, path, who)
    left_out, items = _already_decided(ledger, decisions, form.waiting)
    if left_out:
        rest = without_decisions(data, path, left_out)
        if rest is None:
            raise UsageFault("\n".join(dict.fromkeys(left_out.values())))
        data = rest
    verbs = {each.verb for each in decisions if each.line not in left_out}
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)
    verb = next(iter(verbs)).capitalize() if len(verbs) == 1 else "Decide"
    subject = f"{verb} {counted(items, 'item')} of {period_human(found[1])}"
    name = f"review/{found[1]}-{PurePosixPath(path).stem}"
    notes = tuple(f"Left out: {why}." for why in dict.fromkeys(left_out.values()))
    return Change(subject, name, (path,), notes=notes)


def _refuse(ledger: RecordedLedger, decisions: Sequence[Decision], path: str, who: Identity) -> None:
    """Raise UsageFault for decisions that the form never writes."""
    if not decisions:
        raise UsageFault("the file has no decisions")
    for each in decisions:
        if each.by.strip().casefold() != who.email.casefold():
            raise UsageFault(f"a decision is by {each.by[:200]}, but you are signed in as {who.email}")
        if each.verb is Verb.CREDIT:
            raise UsageFault("credits have a form of their own: Credit charges of a closed month, on the review page")
        if not can_review(ledger, *month_of(each)):
            raise UsageFault(f"{path} cannot have decisions on {each.charges_period}: it needs an open month")


def _already_decided(
    ledger: RecordedLedger, decisions: Sequence[Decision], waiting: Sequence[Waiting]
) -> tuple[dict[int, str], int]:
    """Why decisions are left out, by their lines; and how many items the others settle.

    Raises LedgerFault for decisions that would be errors for another reason.
    """
    elsewhere = decided_in(ledger.root, waiting)
    left_out: dict[int, str] = {}
    items = 0
    for folder, of in dict.fromkeys(map(month_of, decisions)):
        own = [each for each in decisions if month_of(each) == (folder, of)]
        with open_review(ledger, folder, of) as review:
            effect = review.with_decisions(own)
            errors = [each for each in effect.errors if each.path == own[0].path and each.code not in _OUTDATED]
            if errors:
                raise LedgerFault(errors)
            void = {each.line for each in effect.records if each.void}
            left_out |= {each.line: _by_whom(review, each) for each in own if each.line in void}
            for item in effect.settled:
                items += item.id not in elsewhere
                if item.id in elsewhere:
                    left_out |= {each.line: _on_branch(elsewhere[item.id], each) for each in own if covers(each, item)}
    return left_out, items


def _by_whom(review: Review, decision: Decision) -> str:
    """Who has decided on the main branch what a decision is on, or that its charges changed."""
    rival = next((each for each in review.decisions if _same(each, decision)), None)
    if rival is None:
        return f"{decision.subject}, because its charges are not those that you saw; look at the queue again"
    return f"{decision.subject}, because {rival.by} has decided it ({rival.verb}: {rival.reason}) in {rival.path}"


def _on_branch(decided: Decided, decision: Decision) -> str:
    by = f"{decided.by} has decided it ({decided.what}: {decided.reason})"
    return f"{decision.subject}, because {by} on the branch {decided.branch}"


def _same(one: Decision, other: Decision) -> bool:
    if one.item is not None:
        return one.item == other.item
    return bool(_ids(one.charges) & _ids(other.charges))


def _ids(charges: Iterable[str]) -> set[str]:
    return {each[:8] for each in charges}


async def show(request: Request) -> Response:
    """The page that the review form leads to: a script fills it in and sends it; without scripts, one pastes."""
    return page(request, "decisions.html", "Commit decisions")


async def propose(request: Request) -> Response:
    """Make a draft of a file of decisions."""
    program = program_of(request)
    form = await request.form(max_files=0, max_fields=10, max_part_size=_MOST_TEXT)
    # Browsers send line ends of forms as CR LF; the file has none of these.
    text = str(form.get("text", "")).replace("\r\n", "\n")
    waiting = tuple((each.name, each.base, each.commit) for each in await program.waiting.now())
    decisions = Decisions(str(form.get("path", "")).strip(), text, waiting)
    draft = program.drafts.start(signed_in(request), Action.REVIEW, "Decisions", "web/decisions", decide, decisions)
    return RedirectResponse(f"/web/drafts/{draft.id}", 303)


ADDRESSES = (Address("/web/decisions", {"GET": (Action.REVIEW, show), "POST": (Action.REVIEW, propose)}, upload=True),)
