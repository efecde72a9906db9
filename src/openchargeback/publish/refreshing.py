"""Replace void decisions: the same decision on what it matches now, and the files without the old one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from openchargeback.files import git
from openchargeback.ledger.approval_text import Proposal, without_decisions
from openchargeback.ledger.approvals import Decision, Verb
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.reading import read_ledger
from openchargeback.model import ITEM_KEYS, QueueItem, State, SummedPeriod
from openchargeback.plan.successors import successors
from openchargeback.problems import LedgerFault, UsageFault
from openchargeback.publish.books import Books
from openchargeback.publish.past import ledger_at
from openchargeback.record.recorded_ledger import RecordedLedger

COMMITS = 30
"""How many commits that change a period's charges are searched for a missing charge."""

_SHOWN = 16
_VOID, _STALE = "void-decision", "flag-not-raised"


@dataclass(frozen=True, slots=True)
class Replacement:
    """A decision in the folder of `period` that no longer fits, and its replacement: items, or charges by id.

    clears: the flags that the person saw and the new decisions clear. why: what is wrong with the old one.
    remarks: what the person must know about the proposal.
    """

    period: str
    decision: Decision
    why: str
    items: tuple[QueueItem, ...] = ()
    charges: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def entries(self, by: str, on: str) -> list[str]:
        """The text of the new decisions; empty if there is nothing left to decide."""
        old = self.decision
        proposal = Proposal(old.verb, old.set, old.reason, by, on, old.period)
        if self.charges:
            return [proposal.on_charges(self.charges, self.clears)]
        return [proposal.on_item(item, self._cleared(item)) for item in self.items]

    def _cleared(self, item: QueueItem) -> tuple[str, ...]:
        """Clears the flags that the person saw; a flag raised since then keeps holding the charges."""
        if self.decision.verb is Verb.REJECT:
            return item.uncleared
        return tuple(flag for flag in item.uncleared if flag in self.decision.clears)


def replacements(books: Books[SummedPeriod], waiting: Sequence[QueueItem]) -> list[Replacement]:
    """A replacement for every decision of an open period that no longer fits. waiting: the items of the queue.

    Excludes decisions that contradict each other or name something that does not exist: a person must correct those.
    """
    why = {(each.path, each.line): each for each in books.warnings if each.code in (_VOID, _STALE)}
    return [
        _replacement(books.ledger, period, decision, waiting, problem.code, problem.message)
        for period, decisions in sorted(books.ledger.approvals.items())
        if books.ledger.period_file(period).state is State.OPEN
        for decision in decisions
        if (problem := why.get((decision.path, decision.line)))
    ]


def cleaned_files(ledger: RecordedLedger, gone: Collection[Decision]) -> dict[str, bytes | None]:
    """The approval files without these decisions, by path; None for a file with no others.

    Raises UsageFault for a file in which a decision cannot be separated from the next.
    """
    return {
        path: without_decisions(
            (ledger.root / path).read_bytes(), path, {each.line for each in gone if each.path == path}
        )
        for path in sorted({each.path for each in gone})
    }


def _replacement(
    ledger: RecordedLedger, period: str, decision: Decision, waiting: Sequence[QueueItem], code: str, why: str
) -> Replacement:
    if code == _STALE:
        return _still_raised(period, decision, why)
    if decision.item:
        return Replacement(period, decision, why, items=_current_items(ledger, period, decision, waiting))
    if decision.period:
        # The charges of a closed period cannot have changed, so something else is wrong with the decision.
        return Replacement(period, decision, why)
    current = _current_ids(ledger, period, decision)
    now = tuple(dict.fromkeys(id_[:_SHOWN] for id_ in current.values() if id_))
    if not now or all(current.get(id_, "").startswith(id_) for id_ in decision.charges):
        return Replacement(period, decision, why)
    withdrawn = [id_ for id_ in decision.charges if current.get(id_) == ""]
    unknown = [id_ for id_ in decision.charges if id_ not in current]
    remarks = [f"{old} is now {new[:_SHOWN]}" for old, new in current.items() if new and not new.startswith(old)]
    remarks += [f"{id_} was withdrawn" for id_ in withdrawn]
    remarks += [f"{id_} was not found in the last {COMMITS} commits" for id_ in unknown]
    return Replacement(period, decision, why, charges=now, clears=decision.clears, remarks=tuple(remarks))


def _still_raised(period: str, decision: Decision, why: str) -> Replacement:
    """The same decision without the flags that none of its charges has anymore."""
    gone = why.partition("clears ")[2].partition(", which")[0].split(", ")
    clears = tuple(flag for flag in decision.clears if flag not in gone)
    return Replacement(period, decision, why, charges=decision.charges if clears else (), clears=clears)


def _current_items(
    ledger: RecordedLedger, period: str, decision: Decision, waiting: Sequence[QueueItem]
) -> tuple[QueueItem, ...]:
    """The items that a decision on an item matches now: same keys, and held by a flag that the person saw."""
    if decision.item is None:
        return ()
    keys = {**decision.item.keys, "source": decision.item.keys["source"].lower()}
    keys["pi"] = ledger.directory.email(keys["pi"]) if keys["pi"] else ""
    keys["currency"] = keys["currency"] or ledger.config.currency
    return tuple(
        item
        for item in waiting
        if item.period == (decision.period or period)
        and all(getattr(item, key) == keys[key] for key in ITEM_KEYS)
        and set(item.uncleared) & set(decision.clears)
    )


def _current_ids(ledger: RecordedLedger, period: str, decision: Decision) -> dict[str, str]:
    """The current ids of the charges that a decision names, as far as the history of the period's charges shows."""
    root, charges = ledger.root, f"charges/{period}"
    if not git.inside_repository(root) or git.head(root) is None:
        return {}
    found: dict[str, str] = {}

    def needed(path: str, _whole: Collection[str]) -> bool:
        return path == FILE_NAME or path.startswith(f"{charges}/")

    for commit in git.commits_on(root, [charges], COMMITS):
        missing = [id_ for id_ in decision.charges if id_ not in found]
        if not missing:
            break
        try:
            with ledger_at(root, commit, needed) as (folder, _):
                old, _ = read_ledger(folder)
                found |= successors(period, RecordedLedger.of(old), ledger, missing) if old else {}
        except (LedgerFault, UsageFault):
            continue
    return {id_: found[id_] for id_ in decision.charges if id_ in found}
