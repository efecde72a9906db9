"""The ledger as of a commit, and closed months as this program would compute them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from openchargeback.billing.freezing import drift
from openchargeback.files import git
from openchargeback.ledger.revision import FOLDERS, lies_in, stored, take
from openchargeback.problems import LedgerFault, Problem
from openchargeback.publish.books import Step, no_step
from openchargeback.publish.cache import Cache
from openchargeback.publish.gathering import gather_ledger

NO_CACHE = Cache(None)
"""Cached computations prove nothing."""


@contextmanager
def ledger_at(
    root: Path, revision: str, needed: Callable[[str, Collection[str]], bool] = lambda _path, _whole: True
) -> Iterator[tuple[Path, git.Commit]]:
    """The ledger as of a commit, in a temporary private folder; nothing is checked out.

    needed: whether a file is wanted, given its path and the paths of all files.
    Raises UsageFault if there is no such commit, LedgerFault if it contains anything that a ledger must not contain.
    """
    snapshot = stored(root, revision)
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as place:
        folder = Path(place) / "ledger"
        folder.mkdir()
        problems = take(snapshot, lambda path: not path.startswith(".") and needed(path, snapshot.entries), folder)
        refused = [each for each in problems if lies_in(each.path, FOLDERS)]
        if refused:
            raise LedgerFault(refused)
        yield folder, git.commit_of(root, snapshot.commit)


def drifts(root: Path, period: str = "", *, step: Step = no_step) -> list[Problem]:
    """Where this program would compute closed months, or one of them, differently than when they were closed.

    Leaves out what `periods/P.notes.yaml` acknowledges. The ledger must be free of errors.
    """
    ledger, problems = gather_ledger(root)
    if ledger is None:
        raise LedgerFault(problems, root)
    months = [each for each in sorted(ledger.records) if period in ("", each)]
    found = []
    for number, month in enumerate(months):
        step("Recomputing closed months", number, len(months))
        found += drift(ledger, month)
    return found
