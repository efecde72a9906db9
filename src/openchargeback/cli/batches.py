"""What the `review` commands share: the queue, who decides and when, and a new approval file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from openchargeback.cli.options import root_of
from openchargeback.cli.report import progress
from openchargeback.ledger import git
from openchargeback.ledger.approval_text import approval_file
from openchargeback.model import FlagGroup, State
from openchargeback.problems import LedgerFault, UsageFault
from openchargeback.publish.build import Books, examine
from openchargeback.publish.deciding import new_faults
from openchargeback.publish.single import write_file


def books_of(named: str | None) -> Books:
    """The ledger as far as it can be billed: decisions may be what mends it, so their errors do not stop the queue."""
    with progress() as step:
        root = root_of(named)
        ledger, periods, problems = examine(root, step=step)
    if ledger is None:
        raise LedgerFault(problems, root)
    return Books(ledger, periods, tuple(problems))


def queue(books: Books) -> list[FlagGroup]:
    """What waits: by period, then flag, the group with most money first."""
    groups = [group for period in books.periods for group in period.queue]
    return sorted(groups, key=lambda each: (each.period, each.flag, -abs(each.exact_held)))


def is_open(books: Books, period: str) -> bool:
    """Whether a period still takes decisions."""
    return books.ledger.period_file(period).state is State.OPEN


def who_and_when(root: Path, by: str | None, on: str | None) -> tuple[str, str]:
    """Who decides and the date, as given or else Git's user and today. Raises UsageFault where nobody is known."""
    who = by or git.user(root)
    if not who:
        raise UsageFault("give --by: Git knows no user.email here")
    return who, on or str(dt.datetime.now(dt.UTC).date())


def refuse_faulty(books: Books, period: str, decisions: Sequence[str]) -> None:
    """Say what would be wrong with the ledger once these decisions were in it; nothing is written then.

    Raises UsageFault with the errors that the ledger would have and does not have now.
    """
    faults = new_faults(books, period, *approval_file(books.ledger.root, period, "batch", decisions))
    if faults:
        told = "\n  ".join(dict.fromkeys(f"{each.message}; {each.fix}" for each in faults))
        raise UsageFault(f"these decisions would be errors, so nothing was written\n  {told}")


def write_batch(root: Path, period: str, name: str, decisions: Sequence[str]) -> str:
    """Write decisions as a new approval file; gives its path in the ledger."""
    path, content = approval_file(root, period, name, decisions)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, content)
    return path.relative_to(root).as_posix()
