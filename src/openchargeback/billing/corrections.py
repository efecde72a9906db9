"""Decisions of an open period on charges of closed ones: billed late, rejected late, credited, re-billed.

    held.csv of the original ─▶ late decisions ─▶ separate lines, rounded once per source and original period
    charge files of the original ─▶ cents of single charges ─▶ credits and re-billings of exactly those cents

The original period does not change. The effects of earlier closed periods are in their records
(`ClosingRecord.corrections`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import duckdb

from openchargeback import money
from openchargeback.billing.closed_month_clashes import closed_month_clashes
from openchargeback.billing.credits import credit_charges
from openchargeback.billing.events import Events
from openchargeback.billing.late import HeldOutcome, settle_held, still_held
from openchargeback.billing.pipeline import PostedCorrections
from openchargeback.ledger.approvals import Decision, Verb
from openchargeback.model import BillingLine, Correction, QueueItem, State
from openchargeback.problems import Problem
from openchargeback.record.recorded_ledger import RecordedLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionResults:
    """The effect of all decisions on closed periods in a ledger.

    posted: by open period. queue: what is still held, by closed period, if anything was held when it was closed.
    remaining: exact sums still held, by closed period, source and currency, summed charge by charge.
    """

    posted: dict[str, PostedCorrections] = field(default_factory=dict)
    queue: dict[str, tuple[QueueItem, ...]] = field(default_factory=dict)
    remaining: dict[str, dict[str, dict[str, Decimal]]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def correct(ledger: RecordedLedger) -> CorrectionResults:
    """Apply all decisions of open periods on charges of closed ones. The ledger must hold its closing records."""
    done = _Posting.of(ledger)
    settled = done.settled
    others = sorted(period for period, record in ledger.records.items() if record.queue and period not in settled)
    settled |= still_held(ledger, others, done.events)
    return CorrectionResults(
        posted=done.posted,
        queue={original: outcome.queue for original, outcome in settled.items()},
        remaining={original: dict(outcome.remaining) for original, outcome in settled.items()},
        problems=tuple(done.problems),
    )


def post(ledger: RecordedLedger) -> tuple[dict[str, PostedCorrections], tuple[Problem, ...]]:
    """As `correct`, without what is still held, for which it reads every closed month that has any."""
    done = _Posting.of(ledger)
    return done.posted, tuple(done.problems)


@dataclass(frozen=True, slots=True)
class _Posting:
    """What the decisions of open periods post. settled: the closed periods whose held charges they decide."""

    events: Events
    posted: dict[str, PostedCorrections]
    settled: dict[str, HeldOutcome]
    problems: list[Problem]

    @classmethod
    def of(cls, ledger: RecordedLedger) -> _Posting:
        """Apply them, period by period."""
        done = cls(Events.of(ledger.records.values()), {}, {}, closed_month_clashes(ledger))
        for period in sorted(ledger.approvals):
            if ledger.period_file(period).state is not State.OPEN:
                continue
            by_original, faults = _by_original(ledger, period)
            done.problems.extend(faults)
            parts = []
            for _, decisions in sorted(by_original.items()):
                part, faults = _apply(ledger, period, decisions, done.events, done.settled)
                parts.append(part)
                done.problems.extend(faults)
            done.events.add(period, [each for part in parts for each in part.corrections])
            if by_original:
                done.posted[period] = PostedCorrections.total(parts)
        return done


def _by_original(ledger: RecordedLedger, period: str) -> tuple[dict[str, list[Decision]], list[Problem]]:
    """The decisions in a period's folder on charges of closed periods, by that period, and those that cannot be."""
    found: dict[str, list[Decision]] = {}
    problems = []
    for decision in ledger.approvals[period]:
        if not decision.period:
            continue
        problem = _misplaced(ledger, period, decision)
        if problem:
            problems.append(problem)
        elif decision.period in ledger.records:
            found.setdefault(decision.period, []).append(decision)
    return found, problems


def _apply(
    ledger: RecordedLedger,
    period: str,
    decisions: Sequence[Decision],
    events: Events,
    settled: dict[str, HeldOutcome],
) -> tuple[PostedCorrections, list[Problem]]:
    """Apply a period's decisions on the charges of one closed period. Adds the outcome of held ones to `settled`."""
    original = decisions[0].period
    late = [each for each in decisions if each.verb is not Verb.CREDIT]
    credited = [each for each in decisions if each.verb is Verb.CREDIT]
    parts: list[PostedCorrections] = []
    problems: list[Problem] = []
    try:
        if late:
            outcome = settle_held(ledger, original, period, late, events)
            settled[original] = outcome
            parts.append(PostedCorrections(outcome.lines, outcome.corrections, outcome.records))
            problems += outcome.problems
        if credited:
            corrections, records, faults = credit_charges(ledger, original, period, credited, events)
            parts.append(PostedCorrections(tuple(lines_of(period, corrections)), tuple(corrections), tuple(records)))
            problems += faults
    except duckdb.OutOfRangeException:
        what = f"decides on charges of {original} whose amounts are too large to sum exactly"
        problems.append(decisions[0].problem("amount-overflow", what, "check the charges for an implausible amount"))
    return PostedCorrections.total(parts), problems


def lines_of(period: str, corrections: Sequence[Correction]) -> list[BillingLine]:
    """The billing lines of credits and re-billings: by payer, source, service and corrected statement."""
    found: dict[tuple[str, ...], BillingLine] = {}
    for each in corrections:
        line = BillingLine(
            period=period,
            pi=each.pi,
            project=each.project,
            fund=each.fund,
            source=each.source,
            service=each.service,
            charges=1,
            exact_list=each.exact_list,
            exact_billed=each.exact_billed,
            amounts=each.amounts,
            entry=each.entry,
            original=each.original,
            corrects=each.corrects,
            posted=each.posted,
            invoiced=each.invoiced,
        )
        known = found.get(line.key)
        found[line.key] = line if known is None else _added(known, line)
    return list(found.values())


def _added(one: BillingLine, other: BillingLine) -> BillingLine:
    return replace(
        one,
        charges=one.charges + other.charges,
        exact_list=money.total(one.exact_list, other.exact_list),
        exact_billed=money.total(one.exact_billed, other.exact_billed),
        amounts=one.amounts + other.amounts,
    )


def _misplaced(ledger: RecordedLedger, period: str, decision: Decision) -> Problem | None:
    original = decision.period
    if original >= period:
        what = f"is in the folder of {period} but decides on {original}, which is not an earlier period"
        fix = "remove `period`" if original == period else f"put it in the folder of a period after {original}"
        return decision.problem("not-closed", what, fix)
    if original not in ledger.periods:
        return decision.problem("not-closed", f"the ledger has no period {original}", "correct `period`")
    if ledger.period_file(original).state is State.OPEN:
        fix = f"put the decision in approvals/{original}, without `period`"
        return decision.problem("not-closed", f"decides on {original}, which is still open", fix)
    # The record is missing or altered, which is a separate problem.
    return None
