"""Determine which periods a change can affect; the others are not even read."""

from __future__ import annotations

from collections.abc import Mapping

from openchargeback.files.git import Entry
from openchargeback.ledger.periods import OPEN, PeriodFile, period_of
from openchargeback.model import State

Files = Mapping[str, Entry]


def reached_periods(
    base: Files,
    head: Files,
    states: tuple[Mapping[str, PeriodFile], Mapping[str, PeriodFile]],
    *,
    settings_differ: bool,
    unusual: bool,
) -> tuple[str, ...]:
    """The periods whose billing may differ, ascending.

    Those with files that differ in content. If settings or directory differ, all open ones as well. If spending is
    compared with closed months (`unusual`), also the open periods after a closed month that differs.
    """
    every = {period_of(path) for path in (*base, *head)} - {""}
    differing = changed_paths(base, head)
    reached = {period_of(path) for path in differing} - {""}
    open_ones = {period for period in every if any(_is_open(side, period) for side in states)}
    if settings_differ:
        reached |= open_ones
    if unusual:
        closed = [period for period in reached if not all(_is_open(side, period) for side in states)]
        reached |= {period for period in open_ones if closed and period > min(closed)}
    return tuple(sorted(reached))


def changed_paths(base: Files, head: Files) -> tuple[str, ...]:
    """The files that differ in content, or that only one side has; permissions do not count."""
    return tuple(sorted(path for path in {*base, *head} if _differs(base.get(path), head.get(path))))


def _differs(old: Entry | None, new: Entry | None) -> bool:
    # An empty id is unknown to Git.
    return old is None or new is None or old.id != new.id or not new.id


def _is_open(states: Mapping[str, PeriodFile], period: str) -> bool:
    return states.get(period, OPEN).state is State.OPEN
