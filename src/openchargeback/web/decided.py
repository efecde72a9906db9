"""Which items of the review queue a branch decides, so that nobody decides them a second time.

In the process for changes: `decided_on` reviews the months in question in the clone, with each branch's decisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from openchargeback.billing.period_review import open_review
from openchargeback.files import branches, git
from openchargeback.ledger.approvals import Decision, read_approvals
from openchargeback.ledger.periods import period_of
from openchargeback.model import QueueItem, State
from openchargeback.problems import LedgerFault
from openchargeback.publish.gathering import gather_ledger
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.web.workspace import Place, opened


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision on an item that waits on a branch. what: the verb. by: as the decision says."""

    branch: str
    commit: str
    what: str
    by: str
    reason: str


Waiting = tuple[str, str, str]
"""A branch that waits: its name, where it left the main branch, and its last commit."""


def decided_on(place: Place, base: str, waiting: Sequence[Waiting]) -> dict[str, Decided]:
    """The items of the queue at a commit that branches decide, by id; the first branch listed wins."""
    return decided_in(opened(place, base), waiting)


def decided_in(root: Path, waiting: Sequence[Waiting]) -> dict[str, Decided]:
    """The same, for the ledger in a folder."""
    found: dict[str, Decided] = {}
    added = {each: list(added_by(root, each)) for each in waiting}
    if not any(added.values()):
        return found
    ledger = gathered(root)
    months = sorted({month_of(decision) for decisions in added.values() for decision in decisions})
    for folder, of in months:
        if not can_review(ledger, folder, of):
            continue
        with open_review(ledger, folder, of) as review:
            for (name, _, commit), decisions in added.items():
                own = [each for each in decisions if month_of(each) == (folder, of)]
                for item in review.with_decisions(own).settled if own else ():
                    by = next((each for each in own if covers(each, item)), own[0])
                    found.setdefault(item.id, Decided(name, commit, str(by.verb), by.by, by.reason))
    return found


def covers(decision: Decision, item: QueueItem) -> bool:
    """Whether a decision is on an item: on its keys, or on one of the charges that it is known by."""
    if decision.item is None:
        return any(id_.startswith(each[:16]) for each in decision.charges for id_ in item.ids)
    keys = decision.item.keys
    same = (keys["service"], keys["project"], decision.item.flags) == (item.service, item.project, item.flags)
    return same and keys["source"].lower() == item.source and keys["pi"].casefold() == item.pi


def gathered(root: Path) -> RecordedLedger:
    """The ledger with its records. Raises LedgerFault if its settings cannot be used."""
    ledger, problems = gather_ledger(root)
    if ledger is None:
        raise LedgerFault(problems, root)
    return ledger


def month_of(decision: Decision) -> tuple[str, str]:
    """The open month whose folder has a decision, and the closed month of its charges; empty for the same."""
    return period_of(decision.path), decision.period


def can_review(ledger: RecordedLedger, folder: str, of: str) -> bool:
    """Whether the charges of a month can be decided from a folder."""
    if folder not in ledger.periods or ledger.period_file(folder).state is not State.OPEN:
        return False
    return not of or of in ledger.records


def added_by(root: Path, branch: Waiting) -> Iterator[Decision]:
    """The decisions that a branch adds to its approval files."""
    _, base, commit = branch
    for path in branches.changed(root, base, commit, "approvals"):
        now, before = (git.file_at(root, each, path) for each in (commit, base))
        if now is None or not path.endswith(".yaml"):
            continue
        known = {_apart(each) for each in read_approvals(before, path)[0]} if before else set()
        yield from (each for each in read_approvals(now, path)[0] if _apart(each) not in known)


def _apart(decision: Decision) -> str:
    """A decision without its place in the file."""
    return repr(replace(decision, line=0, column=0))
