"""What further decisions on closed periods would do to the ledger, before they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from openchargeback.billing.corrections import correct
from openchargeback.ledger.approval_text import approval_text
from openchargeback.ledger.approvals import read_approvals
from openchargeback.problems import Problem, Severity
from openchargeback.record.recorded_ledger import RecordedLedger


def new_faults(ledger: RecordedLedger, period: str, texts: Sequence[str]) -> list[Problem]:
    """The errors that a ledger would have with these decisions in the folder of an open period, and has not now."""
    decisions, faults = read_approvals(approval_text(texts).encode(), f"approvals/{period}/new.yaml")
    together = {**ledger.approvals, period: (*ledger.approvals.get(period, ()), *decisions)}
    known = {(each.path, each.line, each.code) for each in correct(ledger).problems}
    found = correct(replace(ledger, approvals=together)).problems
    return [
        each
        for each in (*faults, *found)
        if each.severity is Severity.ERROR and (each.path, each.line, each.code) not in known
    ]
