"""What the `review` commands share: the ledger under review, who decides and when, and a new approval file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from openchargeback import money
from openchargeback.cli.options import root_of
from openchargeback.cli.report import progress
from openchargeback.files import git
from openchargeback.files.changes import change_files
from openchargeback.ledger.approval_text import approval_file
from openchargeback.model import QueueItem
from openchargeback.problems import LedgerFault, UsageFault
from openchargeback.publish.books import Books, LedgerLines, examine_lines
from openchargeback.publish.gathering import gather_ledger
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.proposals import by_money


def books_of(named: str | None) -> LedgerLines:
    """The ledger, billed as far as possible: a decision may be the fix, so errors do not stop the queue."""
    with progress() as step:
        root = root_of(named)
        ledger, periods, problems = examine_lines(root, step=step)
    if ledger is None:
        raise LedgerFault(problems, root)
    return Books(ledger, periods, tuple(problems))


def ledger_of(root: Path) -> RecordedLedger:
    """The ledger with the records of its closed months, nothing billed. Raises LedgerFault without a usable config."""
    ledger, problems = gather_ledger(root)
    if ledger is None:
        raise LedgerFault(problems, root)
    return ledger


def queue(books: LedgerLines) -> list[QueueItem]:
    """The queue of every period: by period, the largest item first."""
    return by_money([item for period in books.periods for item in period.undecided])


def who_and_when(root: Path, by: str | None, on: dt.datetime | None) -> tuple[str, str]:
    """Who decides and the date: as given, else Git's user and today. Raises UsageFault if there is no user."""
    who = by or git.user(root)
    if not who:
        raise UsageFault("Git has no user.email here; add --by EMAIL")
    return who, (on.date() if on else dt.datetime.now(dt.UTC).date()).isoformat()


def write_batch(root: Path, period: str, name: str, decisions: Sequence[str]) -> str:
    """Write decisions to a new approval file; returns its path in the ledger."""
    written = batch_file(root, period, name, decisions)
    change_files(root, written)
    return next(iter(written))


def batch_file(root: Path, period: str, name: str, decisions: Sequence[str]) -> dict[str, bytes]:
    """The approval file that `write_batch` would write: its path in the ledger and its bytes."""
    path, content = approval_file(root, period, name, decisions)
    return {path.relative_to(root).as_posix(): content}


def describe(item: QueueItem) -> str:
    """An item in a few words: project, service, source, and its account or resource if it has no project."""
    project = item.project or "no project"
    account = item.sub_account or item.resource
    return f"{project}, {item.service or 'no service'} ({item.source})" + (f", {account}" if account else "")


def amount_of(item: QueueItem) -> str:
    """The money of an item, in cents of its currency."""
    return f"{money.human(item.exact_billed, item.currency)} {item.currency}"
