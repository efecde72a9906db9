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
from openchargeback.model import QueueItem, State
from openchargeback.problems import LedgerFault, Problem, UsageFault
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


def is_open(ledger: RecordedLedger, period: str) -> bool:
    """Whether a period still accepts decisions."""
    return ledger.period_file(period).state is State.OPEN


def original_of(ledger: RecordedLedger, period: str, of: str | None) -> str:
    """The closed period whose charges are decided; empty for the open period's own."""
    if period not in ledger.periods and not of:
        raise UsageFault(f"the ledger has no period {period}")
    if not is_open(ledger, period):
        hint = f"; decide it from an open period with --of {period}" if not of else ""
        raise UsageFault(f"{period} is {ledger.period_file(period).state}; only an open period accepts decisions{hint}")
    if of and of not in ledger.periods:
        raise UsageFault(f"the ledger has no period {of}")
    if of and is_open(ledger, of):
        raise UsageFault(f"{of} is open: decide its charges with --period {of}")
    if of and of > period:
        raise UsageFault(f"{of} is later than {period}")
    if of and of not in ledger.records:
        raise UsageFault(f"{of} has no usable closing record; see `focus-billing validate`")
    return of or ""


def who_and_when(root: Path, by: str | None, on: dt.datetime | None) -> tuple[str, str]:
    """Who decides and the date: as given, else Git's user and today. Raises UsageFault if there is no user."""
    who = by or git.user(root)
    if not who:
        raise UsageFault("Git has no user.email here; add --by EMAIL")
    return who, (on.date() if on else dt.datetime.now(dt.UTC).date()).isoformat()


def refuse_faulty(faults: Sequence[Problem]) -> None:
    """Raise UsageFault with the errors that these decisions would cause in the ledger."""
    if faults:
        reasons = "\n  ".join(dict.fromkeys(f"{each.message}; {each.fix}" for each in faults))
        raise UsageFault(f"these decisions would be invalid, so nothing was written\n  {reasons}")


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
