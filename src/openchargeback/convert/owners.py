"""Who is responsible for the usage of each label, by day: the settings' owners, then the ledger's directory.

Tables:
    payer        one row per distinct owner: the tags of its rows, and its PI, project, fund and customer class
    label_payer  one row per label and span of days (UTC, half-open): its payer
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from openchargeback.convert.instants import midnight, seconds
from openchargeback.convert.settings import Owner, Settings
from openchargeback.focus.database import insert, query
from openchargeback.ledger.directory import Directory, ProjectEntry
from openchargeback.ledger.settings import Tags

_ACCOUNT_COLUMN = "SubAccountId"
"""The FOCUS column that holds the account, by which the directory's projects claim it."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Who is responsible; empty texts if unknown."""

    project: str = ""
    pi: str = ""
    fund: str = ""
    customer: str = ""

    def tags(self, keys: Tags) -> str:
        """The tags of a row (FOCUS 1.2, Tags): a JSON object, in the order PI, project, fund."""
        named = ((keys.pi, self.pi), (keys.project, self.project), (keys.fund, self.fund))
        return json.dumps({each[0]: value for each, value in named if each and value}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Dated:
    """A payer from one instant to another (UTC, half-open)."""

    payer: Payer
    since: dt.datetime
    until: dt.datetime


class Owners:
    """Finds payers. start, end: the period (UTC, half-open)."""

    def __init__(
        self, settings: Settings, directory: Directory, tags: Tags, start: dt.datetime, end: dt.datetime
    ) -> None:
        self._owners: dict[tuple[str, str], list[Owner]] = {}
        for owner in settings.owners:
            self._owners.setdefault((owner.account.casefold(), owner.user.casefold()), []).append(owner)
        self._by_id = settings.account_is_project
        self._tags = tags
        self._start, self._end = start, end
        self._projects = directory.projects
        folded = {id_.casefold(): entry for id_, entry in directory.projects.items()}
        self._named = folded if self._by_id else {}
        self._claimed = {
            value.casefold(): entry
            for entry in directory.projects.values()
            for column, value in entry.match
            if column == _ACCOUNT_COLUMN
        }
        days = {day for owner in settings.owners for day in (owner.since, _next(owner.until)) if day}
        for project in self._projects.values():
            days |= {day for each in project.entries for day in (each.since, _next(each.until)) if day}
        self.cuts = frozenset(at for day in days if self._start < (at := midnight(day)) < self._end)
        """The instants within the period at which a payer may change."""
        self._instants = sorted({self._start, self._end, *self.cuts})

    def fill(self, con: duckdb.DuckDBPyConnection) -> None:
        """Create `payer` and `label_payer` for every row of `label`."""
        con.execute(query(__package__, "payer"))
        con.execute(query(__package__, "label_payer"))
        ids: dict[Payer, int] = {}
        rows: list[tuple[int, int, int, int]] = []
        for label, account, person, *stated in con.execute(query(__package__, "named")).fetchall():
            rows += [
                (label, ids.setdefault(each.payer, len(ids) + 1), seconds(each.since), seconds(each.until))
                for each in self.of(account or "", person or "", Payer(*stated))
            ]
        texts = [(id_, p.tags(self._tags), p.pi, p.project, p.fund, p.customer) for p, id_ in ids.items()]
        insert(con, "payer", texts)
        insert(con, "label_payer", rows)

    def of(self, account: str, person: str, stated: Payer = Payer()) -> list[Dated]:
        """The payers of an account and a user over the period, without gaps or overlaps, ascending.

        stated: by the records; who pays if nothing else names a payer.
        """
        found: list[Dated] = []
        for since, until in pairwise(self._instants):
            payer = self._on(account.casefold(), person.casefold(), since.date())
            payer = self._stated(stated, since.date()) if payer == Payer() else payer
            if found and found[-1].payer == payer:
                since = found.pop().since  # noqa: PLW2901 - the span before goes on
            found.append(Dated(payer, since, until))
        return found

    def _on(self, account: str, person: str, day: dt.date) -> Payer:
        owner = next(self._fitting(account, person, day), None)
        entry = self._claimed.get(account) or self._named.get(account)
        if owner is None:
            return _of_project(entry, day) if entry else Payer()
        known = self._projects.get(owner.project)
        base = _of_project(known, day) if known else Payer()
        return Payer(owner.project, owner.pi.casefold() or base.pi, owner.fund or base.fund, owner.customer)

    def _stated(self, stated: Payer, day: dt.date) -> Payer:
        known = self._projects.get(stated.project)
        base = _of_project(known, day) if known else Payer()
        return Payer(stated.project, stated.pi.casefold() or base.pi, stated.fund or base.fund)

    def _fitting(self, account: str, person: str, day: dt.date) -> Iterator[Owner]:
        """The owners that fit, those that name the user first."""
        for key in dict.fromkeys(((account, person), ("", person), (account, ""), ("", ""))):
            for owner in self._owners.get(key, ()):
                if (owner.since or day) <= day <= (owner.until or day):
                    yield owner


def _of_project(entry: ProjectEntry, day: dt.date) -> Payer:
    dated = entry.entry_on(day)
    return Payer(entry.project.id, dated.pi, dated.fund)


def _next(day: dt.date | None) -> dt.date | None:
    return day + dt.timedelta(days=1) if day and day < dt.date.max else None
