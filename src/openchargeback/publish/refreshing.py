"""What could stand in place of void decisions: the same decision, on what it means now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from openchargeback.ledger import git
from openchargeback.ledger.approvals import Decision
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.model import FlagGroup, State
from openchargeback.plan.successors import successors
from openchargeback.problems import LedgerFault, UsageFault
from openchargeback.publish.build import Books
from openchargeback.publish.verifying import ledger_at

COMMITS = 30
"""How many commits that touch a period's charges are looked through for a charge that is not there any more."""

_SHOWN = 16


@dataclass(frozen=True, slots=True)
class Replacement:
    """A void decision in the folder of `period`, and what could stand in its place: groups, or single charges by id.

    remarks: why it is void, and what the person is to know about the proposal.
    """

    period: str
    decision: Decision
    groups: tuple[FlagGroup, ...] = ()
    charges: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def proposes(self) -> bool:
        """Whether there is anything to put in its place."""
        return bool(self.groups or self.charges)


def replacements(books: Books, waiting: Sequence[FlagGroup]) -> list[Replacement]:
    """A replacement for every void decision of an open period. waiting: the groups that wait for a decision."""
    why = {(each.path, each.line): each.void for period in books.periods for each in period.decisions if each.void}
    return [
        _replacement(books.ledger, period, decision, waiting, why[decision.path, decision.line])
        for period, decisions in sorted(books.ledger.approvals.items())
        if books.ledger.period_file(period).state is State.OPEN
        for decision in decisions
        if (decision.path, decision.line) in why
    ]


def _replacement(
    ledger: Ledger, period: str, decision: Decision, waiting: Sequence[FlagGroup], why: str
) -> Replacement:
    if decision.where:
        return Replacement(period, decision, _meant_now(ledger, period, decision, waiting), (), (why,))
    if decision.period:
        # The charges of a closed period cannot have changed: something else is wrong with the decision.
        return Replacement(period, decision, remarks=(why,))
    became = _became(ledger, period, decision)
    now = tuple(dict.fromkeys(id_[:_SHOWN] for id_ in became.values() if id_))
    if not now or all(became.get(id_, "").startswith(id_) for id_ in decision.charges):
        return Replacement(period, decision, remarks=(why,))
    withdrawn = [id_ for id_ in decision.charges if became.get(id_) == ""]
    unknown = [id_ for id_ in decision.charges if id_ not in became]
    remarks = [why]
    remarks += [f"{old} became {new[:_SHOWN]}" for old, new in became.items() if new and not new.startswith(old)]
    remarks += [f"{id_} was withdrawn" for id_ in withdrawn]
    remarks += [f"{id_} is found nowhere in the last {COMMITS} commits" for id_ in unknown]
    return Replacement(period, decision, (), now, tuple(remarks))


def _meant_now(ledger: Ledger, period: str, decision: Decision, waiting: Sequence[FlagGroup]) -> tuple[FlagGroup, ...]:
    """The groups that a selector means now."""
    wanted = dict(decision.where)
    if "pi" in wanted:
        wanted["pi"] = ledger.directory.email(wanted["pi"])
    if "source" in wanted:
        wanted["source"] = wanted["source"].lower()
    return tuple(
        group
        for group in waiting
        if group.period == (decision.period or period)
        and all(getattr(group, key) == value for key, value in wanted.items())
    )


def _became(ledger: Ledger, period: str, decision: Decision) -> dict[str, str]:
    """What became of the charges that a decision names, as far as the history of the period's charges knows them."""
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
                found |= successors(period, old, ledger, missing) if old else {}
        except (LedgerFault, UsageFault):
            continue
    return {id_: found[id_] for id_ in decision.charges if id_ in found}
