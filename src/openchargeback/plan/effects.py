"""What changed settings and entries of the directory move; money is put down to one only where no other fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.directory import FUNDS_FILE, PEOPLE_FILE, PROJECTS_FILE, Directory
from openchargeback.ledger.settings import Config
from openchargeback.money import ZERO
from openchargeback.plan.settings import Key, config_leaves, fund_leaves, people_leaves, project_leaves
from openchargeback.plan.values import Cause, LineKey, PeriodChange, SettingChange


@dataclass(slots=True)
class _Changed:
    """A setting with another value. people: whom an alias stands for, or stood for. everywhere: any line may be its."""

    path: str
    key: Key
    old: str
    new: str
    people: frozenset[str] = frozenset()
    everywhere: bool = False
    amounts: list[Decimal] = field(default_factory=list)
    shares: bool = False

    def concerns(self, line: LineKey) -> bool:
        """Whether it can have moved a billing line, which a change of its kind did."""
        if self.everywhere:
            return True
        if self.path == PEOPLE_FILE:
            return line.pi in self.people
        if self.path == PROJECTS_FILE:
            return line.project == self.key[0]
        if self.path == FUNDS_FILE:
            return line.fund == self.key[0]
        return self.key[0] != "plan" and (self.key[0] != "sources" or line.source == self.key[1])

    def told(self) -> SettingChange:
        more, less = (None, None) if self.shares else _more_and_less(self.amounts)
        return SettingChange(self.path, ".".join(self.key), self.old, self.new, more, less)


def changed_settings(
    old: tuple[Config, Directory], new: tuple[Config, Directory], periods: Sequence[PeriodChange]
) -> tuple[SettingChange, ...]:
    """What config and directory say otherwise and what it moves; what can have moved nothing is left out.

    A billing line that only one change can have moved counts as moved by it. Changes that can have moved the same lines
    have no amounts of their own; the sum of all of them follows once, without a key. The thresholds of the plan are
    told in any case: whoever changes them changes what is let through.
    """
    config = _changed(FILE_NAME, config_leaves(old[0], new[0]), config_leaves(new[0], old[0]))
    result = _with_amounts(config, Cause.CONFIG, periods)
    directory = [*_people(old[1], new[1]), *_projects(old[1], new[1]), *_funds(old[1], new[1])]
    return (*result, *_with_amounts(directory, Cause.DIRECTORY, periods))


def _changed(path: str, was: Mapping[Key, str], now: Mapping[Key, str]) -> list[_Changed]:
    return [
        _Changed(path, key, was.get(key, ""), now.get(key, ""))
        for key in sorted({*was, *now})
        if was.get(key, "") != now.get(key, "")
    ]


def _people(old: Directory, new: Directory) -> list[_Changed]:
    found = _changed(PEOPLE_FILE, people_leaves(old, new), people_leaves(new, old))
    moved = set(old.aliases.items()) ^ set(new.aliases.items())
    for each in found:
        email = each.key[0]
        each.people = frozenset({email, *(alias for alias, owner in moved if owner == email)})
        each.everywhere = bool(old.people) != bool(new.people)  # then people are unknown, or no longer
    return found


def _projects(old: Directory, new: Directory) -> list[_Changed]:
    found = _changed(PROJECTS_FILE, project_leaves(old, new), project_leaves(new, old))
    first_or_last = bool(old.projects) != bool(new.projects)  # then projects are unknown, or no longer
    for each in found:
        entries = [side.projects.get(each.key[0]) for side in (old, new)]
        matches = {entry.match if entry else () for entry in entries}
        claims = each.key[1:2] in ((), ("match",)) and len(matches) > 1  # charges of whatever project they had
        each.everywhere = first_or_last or claims
    return found


def _funds(old: Directory, new: Directory) -> list[_Changed]:
    found = _changed(FUNDS_FILE, fund_leaves(old, new), fund_leaves(new, old))
    for each in found:
        each.everywhere = bool(old.funds) != bool(new.funds)  # then funds are unknown, or no longer
    return found


def _with_amounts(found: list[_Changed], cause: Cause, periods: Sequence[PeriodChange]) -> list[SettingChange]:
    lines = [
        ([each for each in found if each.concerns(line.key)], line.parts[cause])
        for period in periods
        for line in period.lines
        if line.parts.get(cause)
    ]
    for possible, amount in lines:
        for each in possible:
            each.amounts.append(amount)
            each.shares |= len(possible) > 1
    shared = [amount for possible, amount in lines if any(each.shares for each in possible)]
    told = [each.told() for each in found if each.amounts or each.key[0] == "plan"]
    if shared:
        files = {each.path for each in found if each.shares}
        path = files.pop() if len(files) == 1 else "directory"
        told.append(SettingChange(path, "", "", "", *_more_and_less(shared)))
    return told


def _more_and_less(amounts: Iterable[Decimal]) -> tuple[Decimal, Decimal]:
    listed = list(amounts)
    return sum((each for each in listed if each > 0), ZERO), sum((each for each in listed if each < 0), ZERO)
