"""Bill all periods of a ledger: open ones together, closed ones from their records."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from openchargeback.billing import copies, freezing, periods
from openchargeback.billing.closed_totals import closed_summaries
from openchargeback.billing.corrections import CorrectionResults, correct
from openchargeback.billing.periods import Make, Posted, bill
from openchargeback.billing.pipeline import NOTHING_POSTED, PostedCorrections, Settled
from openchargeback.billing.reconciliation import check_ledger
from openchargeback.billing.summaries import Summary, summaries
from openchargeback.focus.equal_files import Copies, equal_files
from openchargeback.ledger.files import TOGETHER, ChargeFile, digest_of
from openchargeback.ledger.reading import Ledger
from openchargeback.model import (
    BilledPeriod,
    BillingLine,
    Correction,
    QueueItem,
    SourceTotals,
    State,
    SummedPeriod,
)
from openchargeback.problems import LedgerFault, Problem, has_errors
from openchargeback.publish.cache import Cache
from openchargeback.publish.gathering import recorded
from openchargeback.publish.keys import Keys, code_digest, key_of
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.charges import Charges
from openchargeback.wording import counted

if TYPE_CHECKING:
    from openchargeback.publish.month_charges import Wanted

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which periods are billed: those up to `wanted` (all if empty), and only these.

    progress is called with each period before it is billed.
    """

    wanted: str = ""
    only: Collection[str] | None = None
    progress: Callable[[str], None] | None = None

    def periods(self, ledger: Ledger) -> list[str]:
        """The periods of the ledger in this scope, ascending."""
        return [
            period
            for period in ledger.periods
            if (not self.wanted or period <= self.wanted) and (self.only is None or period in self.only)
        ]


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class _Month:
    """What the invariants across periods need of an open one."""

    period: str
    sources: tuple[SourceTotals, ...]
    corrections: Sequence[Correction]
    lines: Sequence[BillingLine] = ()


Thaw = Callable[
    [RecordedLedger, Sequence[str], Mapping[str, tuple[QueueItem, ...]]], tuple[dict[str, T], list[Problem]]
]
"""Closed periods from their records, given what is still held of each, and every invariant that they violate."""


def bill_ledger(
    ledger: RecordedLedger, store: Cache, scope: Scope = EVERYTHING, *, keep: Collection[Wanted] = ()
) -> tuple[tuple[BilledPeriod, ...], list[Problem]]:
    """Everything of each period.

    Periods whose files have errors, and closed ones without a record (see `gathering.with_records`), are left out.
    Searches for equal files in all periods up to the wanted one, billed or not.
    keep: what to keep of the charges of newly billed periods for `MonthCharges`.
    """
    from openchargeback.publish.month_charges import keep_charges

    corrected = correct_ledger(ledger, store)
    keys = Keys(ledger)

    def make(charges: Charges, settled: Settled, posted: Posted) -> tuple[dict[str, BilledPeriod], list[Problem]]:
        made, problems = periods.billed(charges, settled, posted)
        made = {period: replace(each, digest=keys.period(period, posted.get(period))) for period, each in made.items()}
        asked = [each for each in made.values() if scope.wanted in ("", each.period)]
        keep_charges(store, charges, asked, keep)
        return made, problems

    found, problems = _run(ledger, corrected, make, _each(partial(_thaw, store)), scope)
    return _checked(ledger, corrected, scope, found, {period: each.sources for period, each in found.items()}, problems)


def sum_ledger(
    ledger: RecordedLedger, store: Cache, scope: Scope = EVERYTHING
) -> tuple[tuple[SummedPeriod, ...], list[Problem]]:
    """The billing lines of each period. Otherwise as `bill_ledger`."""
    corrected = correct_ledger(ledger, store)
    found, problems = _run(ledger, corrected, periods.summed, _each(freezing.thaw_lines), scope)
    return _checked(ledger, corrected, scope, found, {period: each.sources for period, each in found.items()}, problems)


@dataclass(frozen=True, slots=True)
class _Summaries:
    """The cached summaries of a ledger."""

    summaries: tuple[Summary, ...]
    problems: tuple[Problem, ...]


def summarize_ledger(
    ledger: RecordedLedger, store: Cache, scope: Scope = EVERYTHING
) -> tuple[tuple[Summary, ...], list[Problem]]:
    """The summary of each period; from the cache if nothing has changed. Otherwise as `bill_ledger`."""
    wanted = scope.periods(ledger)
    # Without periods to bill, hashing all files would take longer than what the cache saves.
    key = Keys(ledger).periods(wanted) if wanted else ""
    kept = store.value("summaries", key, _Summaries) if wanted else None
    if kept is None:
        corrected = correct_ledger(ledger, store)
        found, problems = _run(ledger, corrected, summaries, closed_summaries, scope)
        sources = {period: each.totals.sources for period, each in found.items()}
        every, problems = _checked(ledger, corrected, scope, found, sources, problems)
        kept = _Summaries(every, tuple(problems))
        if wanted:
            store.keep("summaries", key, kept)
    return kept.summaries, list(kept.problems)


def _run(
    ledger: RecordedLedger, corrected: CorrectionResults, make: Make[T], thaw: Thaw[T], scope: Scope
) -> tuple[dict[str, T], list[Problem]]:
    result: dict[str, T] = {}
    problems: list[Problem] = []
    wanted = scope.periods(ledger)
    closed = [period for period in wanted if period in ledger.records]
    if closed:
        _report(scope, closed[0])
        thawed, faults = thaw(ledger, closed, corrected.queue)
        result |= thawed
        problems += faults
    for batch in _batches(ledger, [each for each in wanted if ledger.period_file(each).state is State.OPEN]):
        _report(scope, batch[0])
        try:
            made, faults = bill(ledger, batch, make, corrected.posted)
        except LedgerFault as fault:
            # The record of a closed month that these are compared with is faulty.
            made, faults = {}, list(fault.problems)
        result |= made
        problems += faults
    return result, problems


def _each(thaw: Callable[[RecordedLedger, str, tuple[QueueItem, ...]], tuple[T, list[Problem]]]) -> Thaw[T]:
    """Thaws one period after the other; one with a faulty record is left out."""

    def thaw_all(
        ledger: RecordedLedger, closed: Sequence[str], still_queued: Mapping[str, tuple[QueueItem, ...]]
    ) -> tuple[dict[str, T], list[Problem]]:
        result: dict[str, T] = {}
        problems: list[Problem] = []
        for period in closed:
            try:
                result[period], faults = thaw(ledger, period, still_queued.get(period, ()))
            except LedgerFault as fault:
                faults = list(fault.problems)
            problems += faults
        return result, problems

    return thaw_all


def _thaw(
    store: Cache, ledger: RecordedLedger, period: str, still_queued: tuple[QueueItem, ...]
) -> tuple[BilledPeriod, list[Problem]]:
    """A closed period from its record. Whether the invariants hold is kept, since a record never changes."""
    records = [(name, record.digest) for name, record in sorted(ledger.records.items()) if name <= period]
    key = key_of(code_digest(), records)
    checked = store.get("checked", key) is not None
    thawed, problems = freezing.thaw(ledger, period, still_queued, checked=checked)
    if not checked and not problems:
        store.put("checked", key, b"")
    return thawed, problems


def _report(scope: Scope, period: str) -> None:
    if scope.progress:
        scope.progress(period)


def _batches(ledger: Ledger, open_periods: Sequence[str]) -> list[list[str]]:
    """Open periods that are billed together, bounded by the size of their files."""
    batches: list[list[str]] = []
    size = 0
    for period in open_periods:
        own = sum(file.text_size for file in ledger.charge_files.get(period, ()))
        if not batches or size + own > TOGETHER:
            batches.append([])
            size = 0
        batches[-1].append(period)
        size += own
    return batches


def _checked(
    ledger: RecordedLedger,
    corrected: CorrectionResults,
    scope: Scope,
    found: Mapping[str, T],
    sources: Mapping[str, tuple[SourceTotals, ...]],
    problems: Sequence[Problem],
) -> tuple[tuple[T, ...], list[Problem]]:
    """The periods in order, with the problems that concern several of them."""
    files = [
        file
        for period, every in ledger.charge_files.items()
        if not scope.wanted or period <= scope.wanted
        for file in every
    ]
    result = [*corrected.problems, *equal_file_problems(ledger, corrected.posted, equal_files(files)), *problems]
    if len(found) == len(ledger.periods) and not has_errors(corrected.problems):
        months = [
            ledger.records.get(period)
            or _Month(period, sources[period], corrected.posted.get(period, NOTHING_POSTED).corrections)
            for period in sorted(found)
        ]
        result += check_ledger(months, corrected.remaining)
    _log.info("billed %s", counted(len(found), "month"))
    return tuple(found[period] for period in sorted(found)), result


def correct_ledger(ledger: RecordedLedger, store: Cache) -> CorrectionResults:
    """The effect of decisions on closed periods; from the cache if its inputs are unchanged."""
    decisions = [
        decision
        for period, each in sorted(ledger.approvals.items())
        if ledger.period_file(period).state is State.OPEN
        for decision in each
        if decision.period
    ]
    if not decisions and not any(record.corrections or record.queue for record in ledger.records.values()):
        return CorrectionResults()
    records = [(period, record.digest) for period, record in sorted(ledger.records.items())]
    states = [(period, ledger.period_file(period)) for period in ledger.periods]
    files = [
        (file.path, digest_of(file.location))
        for period in sorted({decision.period for decision in decisions})
        for file in ledger.charge_files.get(period, ())
    ]
    key = key_of(code_digest(), ledger.config, ledger.directory, decisions, records, states, files)
    corrected = store.value("corrected", key, CorrectionResults)
    if corrected is None:
        corrected = correct(ledger)
        store.keep("corrected", key, corrected)
    return corrected


def equal_file_problems(
    ledger: RecordedLedger, posted: Mapping[str, PostedCorrections], found: Sequence[Copies]
) -> list[Problem]:
    """Problems for equal files that are billed more than once. The ledger must hold its records."""
    return copies.billed_twice(ledger, found, posted) if found else []


def still_billing(ledger: Ledger, store: Cache, files: Sequence[ChargeFile]) -> set[str]:
    """The paths of the files that have any charge billed or held."""
    whole, _ = recorded(ledger)
    return copies.still_billing(whole, files, correct_ledger(whole, store).posted)
