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
    found = list(_resting(ledger, records)) or [*billed_once(records), *credits_fit_lines(records)]
    return [
        Problem(
            part_path(period, CORRECTIONS),
            "closed-months-clash",
            what,
            "undo the merge that combined them, or reopen the later month and decide again",
        )
        for period, what in found
    ]


def _resting(ledger: RecordedLedger, records: list[ClosingRecord]) -> Iterator[tuple[str, str]]:
    """Corrections of a month that is open again, or that was re-closed with a different record.

    A month with an unusable record is skipped; that has its own problem.
    """
    held: dict[str, set[str]] = {}
    for record in records:
        for each in record.corrections:
            rests_on = each.corrects[:7] or each.original
            named = f"{describe(each)} in {record.period}"
            if ledger.period_file(rests_on).state is State.OPEN:
                yield record.period, f"{named}, but {rests_on} is open again"
            elif rests_on not in ledger.records:
                continue
            elif each.entry in (Entry.LATE, Entry.REJECTED):
                if each.original not in held:
                    held[each.original] = held_ids(ledger.root, each.original)
                if each.charge not in held[each.original]:
                    yield record.period, f"{named}, but was not held when {each.original} was closed last"
            elif not _states(ledger.records[rests_on], each):
                yield record.period, f"{named}, but the statement {each.corrects} is no longer valid"


def _states(record: ClosingRecord, each: Correction) -> bool:
    return any(statement.number == each.corrects for statement in record.statements)
