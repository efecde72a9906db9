"""Looking at what the next commit changes, quickly enough for a commit hook."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from openchargeback.ledger import git
from openchargeback.ledger.periods import is_period
from openchargeback.problems import Problem, UsageFault
from openchargeback.publish.build import Step, examine

_BY_PERIOD = ("charges", "approvals", "periods")


def examine_staged(root: Path, *, index: str = "", step: Step | None = None) -> list[Problem]:
    """The problems of the periods that the next commit touches, and of the other files that it changes.

    All small files are read, but only those periods are billed. What a change of settings or directory does to other
    periods is left to a whole validation. index: as for `git.staged`. Raises UsageFault outside a repository.
    """
    staged = git.staged(root, index)
    if staged is None:
        raise UsageFault(f"{root} belongs to no Git repository, so nothing can be staged")
    periods = {period for path in staged if (period := period_of(path))}
    if not staged:
        return []
    ledger, _, problems = examine(root, only=periods, step=step)
    return problems if ledger is None else [each for each in problems if _concerns(each.path, staged, periods)]


def period_of(path: str) -> str:
    """The period that a file of a ledger belongs to; empty for one that belongs to none."""
    parts = PurePosixPath(path).parts
    name = parts[1].split(".")[0] if len(parts) > 1 and parts[0] in _BY_PERIOD else ""
    return name if is_period(name) else ""


def _concerns(path: str, staged: Collection[str], periods: Collection[str]) -> bool:
    return not path or path in staged or period_of(path) in periods
