"""A new credit: the charges that it takes back, and the decision that says so. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.credits import Billed, BilledFilter, billed_charges, creditable
from openchargeback.billing.period_review import new_errors, original_of, refuse_faulty
from openchargeback.ledger.approval_text import Proposal
from openchargeback.problems import UsageFault
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.wording import shortened


@dataclass(frozen=True, slots=True)
class Selection:
    """The charges of a closed period `of` that an open `period` credits: by id, and those that the filter selects."""

    period: str
    of: str
    charges: tuple[str, ...]
    wanted: BilledFilter


def credit_entry(ledger: RecordedLedger, selection: Selection, credit: Proposal) -> tuple[str, list[Billed]]:
    """The decision that credits these charges, as text, and what was billed for each.

    Raises UsageFault if some of them cannot be credited there.
    """
    period, of = selection.period, selection.of
    original_of(ledger, period, of)
    ids = list(dict.fromkeys((*selection.charges, *_selected(ledger, of, selection.wanted))))
    billed, faults = creditable(ledger, of, period, ids)
    if faults:
        raise UsageFault("\n".join([f"these charges of {of} cannot be credited", *shortened(faults)]))
    entry = credit.on_charges(ids)
    refuse_faulty(new_errors(ledger, period, [entry]))
    return entry, billed


def sums_by_statement(billed: Sequence[Billed]) -> list[tuple[Billed, int, Decimal]]:
    """For each statement that billed some of the charges: one of them, how many there are, and their sum in cents.

    The largest first.
    """
    sums: dict[tuple[str, str, str], tuple[Billed, int, Decimal]] = {}
    for each in billed:
        key = (each.corrects, each.pi, each.project)
        first, number, amount = sums.get(key, (each, 0, money.ZERO))
        sums[key] = (first, number + 1, amount + each.amounts.billed)
    return [sums[key] for key in sorted(sums, key=lambda key: (-abs(sums[key][2]), key))]


def _selected(ledger: RecordedLedger, of: str, wanted: BilledFilter) -> list[str]:
    """The ids of the charges that a filter selects. Raises UsageFault if there are none."""
    if wanted == BilledFilter():
        return []
    numbers = {each.number for each in ledger.records[of].statements}
    unknown = next((each for each in wanted.statements if each not in numbers), "")
    if unknown:
        raise UsageFault(f"{of} has no statement {unknown}")
    found = billed_charges(ledger, of, wanted)
    if not found:
        raise UsageFault(f"nothing billed in {of} matches all of these options")
    return found
