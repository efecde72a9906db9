"""Check that what closed months did to charges of earlier months is still consistent.

Each month was right when it was closed. But two branches may each close or reopen a month, and Git merges their files
without a conflict: then a charge may be credited twice, or credited but no longer billed.
"""

from __future__ import annotations

from collections.abc import Iterator

from openchargeback.billing.late import held_ids
from openchargeback.billing.reconciliation import billed_once, credits_fit_lines, describe
from openchargeback.ledger.periods import CORRECTIONS, part_path
from openchargeback.model import Correction, Entry, State
from openchargeback.problems import Problem
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.recorded_ledger import RecordedLedger


def closed_month_clashes(ledger: RecordedLedger) -> list[Problem]:
    """Where closed months contradict each other on charges of earlier ones. The ledger must hold its records."""
    records = [record for _, record in sorted(ledger.records.items())]
    found = list(_invalidated(ledger, records)) or [*billed_once(records), *credits_fit_lines(records)]
    return [
        Problem(
            part_path(period, CORRECTIONS),
            "closed-months-clash",
            what,
            "revert the merge that combined them, or reopen the later month and decide again",
        )
        for period, what in found
    ]


def _invalidated(ledger: RecordedLedger, records: list[ClosingRecord]) -> Iterator[tuple[str, str]]:
    """Corrections of a month that was reopened, or that was re-closed with a different record.

    Skips a month with an unusable record, which is a separate problem.
    """
    held: dict[str, set[str]] = {}
    for record in records:
        for each in record.corrections:
            base = each.corrects[:7] or each.original
            what = f"{describe(each)} in {record.period}"
            if ledger.period_file(base).state is State.OPEN:
                yield record.period, f"{what}, but {base} was reopened"
            elif base not in ledger.records:
                continue
            elif each.entry in (Entry.LATE, Entry.REJECTED):
                if each.original not in held:
                    held[each.original] = held_ids(ledger.root, each.original)
                if each.charge not in held[each.original]:
                    yield record.period, f"{what}, but was not held when {each.original} was last closed"
            elif not _has_statement(ledger.records[base], each):
                yield record.period, f"{what}, but statement {each.corrects} is no longer valid"


def _has_statement(record: ClosingRecord, each: Correction) -> bool:
    return any(statement.number == each.corrects for statement in record.statements)
