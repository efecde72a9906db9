"""What a new approval file would do to the ledger, before it is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from openchargeback.ledger.approvals import read_approvals
from openchargeback.problems import Problem, Severity
from openchargeback.publish.billed import bill_ledger
from openchargeback.publish.build import Books, open_cache


def new_faults(books: Books, period: str, path: Path, content: bytes) -> list[Problem]:
    """The errors that a ledger would have with a further approval file of an open period, beside those that it has.

    What is billed on the way is kept in the cache, where the next command finds it.
    """
    ledger = books.ledger
    decisions, faults = read_approvals(content, path.relative_to(ledger.root).as_posix())
    together = {**ledger.approvals, period: (*ledger.approvals.get(period, ()), *decisions)}
    _, found = bill_ledger(replace(ledger, approvals=together), open_cache(ledger.root), only={period})
    known = {(each.code, each.message) for each in books.warnings}
    return [
        each for each in (*faults, *found) if each.severity is Severity.ERROR and (each.code, each.message) not in known
    ]
