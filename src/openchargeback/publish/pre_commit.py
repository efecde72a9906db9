"""Check what the next commit changes, quickly enough for a commit hook."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from openchargeback.files import git
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.files import OWN_FOLDERS
from openchargeback.ledger.lock import never_committed
from openchargeback.ledger.periods import period_of
from openchargeback.ledger.revision import staged_ledger, take
from openchargeback.problems import LedgerFault, Problem, UsageFault
from openchargeback.publish.books import Step, examine, no_step, open_cache


@contextmanager
def as_staged(root: Path, *, index: str = "") -> Iterator[Path]:
    """A folder with the ledger as the next commit would have it: the ledger's own folder if the two are equal.

    index: as for `git.staged`. Raises UsageFault outside a repository, LedgerFault for anything a ledger must not
    contain.
    """
    if not git.inside_repository(root):
        raise UsageFault(f"{root} is not in a Git repository, so nothing is staged")
    if not git.lies_otherwise(root, (FILE_NAME, *OWN_FOLDERS), index):
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as place:
        folder = Path(place) / "ledger"
        folder.mkdir()
        problems = take(staged_ledger(root, index), lambda path: not path.startswith("."), folder)
        if problems:
            raise LedgerFault(problems)
        yield folder


def examine_staged(root: Path, place: Path, *, index: str = "", step: Step = no_step) -> list[Problem]:
    """The problems of the periods that the next commit affects, and of the other files that it changes.

    Reads all small files, but bills only those periods. The effect of changed settings or directory entries on other
    periods is left to a full validation. place: the ledger as staged (`as_staged`). index: as for `git.staged`.
    """
    staged = git.staged(root, index) or []
    periods = {period for path in staged if (period := period_of(path))}
    if not staged:
        return []
    ledger, _, problems = examine(place, only=periods, store=open_cache(root), step=step)
    if ledger is None:
        return problems
    found = {each for each in problems if _concerns(each.path, staged, periods)}
    # If the staged ledger differs from the work tree, it is a folder without Git.
    return [*found, *(each for each in never_committed(root, index) if each not in found)]


def _concerns(path: str, staged: Collection[str], periods: Collection[str]) -> bool:
    return not path or path in staged or period_of(path) in periods
