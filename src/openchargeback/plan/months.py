"""Bill and compare one month of both revisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from openchargeback.billing.completeness import Month, completeness
from openchargeback.billing.pipeline import NOTHING_POSTED, MonthResult, PostedCorrections
from openchargeback.billing.provider_invoices import InvoiceCheck, checked_sources, compare_invoices
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.periods import INVOICES, period_of
from openchargeback.ledger.revision import lies_in
from openchargeback.model import State
from openchargeback.plan.changes import PeriodFacts, beyond_rounding, period_change
from openchargeback.plan.comparison import Side, compare_month, unexplained
from openchargeback.plan.values import PeriodChange
from openchargeback.problems import Problem, Severity, has_errors
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.recorded_ledger import RecordedLedger


def unread_periods(problems: Sequence[Problem], reached: Sequence[str], after: RecordedLedger) -> set[str]:
    """The periods with a file at the head that could not be read; settings and directory affect all open ones."""
    # An invoice of a provider moves no money.
    paths = {each.path for each in problems if each.severity is Severity.ERROR and not lies_in(each.path, (INVOICES,))}
    found = {period_of(path) for path in paths} - {""}
    if any(path == FILE_NAME or lies_in(path, ("directory",)) for path in paths):
        found |= {period for period in (*reached, *after.periods) if after.period_file(period).state is State.OPEN}
    return found


def lacks_charges(period: str, problems: Sequence[Problem]) -> bool:
    """Whether some charges of a period could not be read, which makes the others meaningless."""
    return any(
        problem.severity is Severity.ERROR and lies_in(problem.path, ("charges",)) and period_of(problem.path) == period
        for problem in problems
    )


@dataclass(frozen=True, slots=True)
class LedgerSide:
    """A revision of a ledger with what its decisions on charges of closed months post, by open month."""

    ledger: RecordedLedger
    posted: Mapping[str, PostedCorrections]


def _side(whole: LedgerSide, period: str) -> Side:
    """The inputs of a period; for a closed one its record and the settings it was closed with."""
    ledger = whole.ledger
    record = ledger.records.get(period)
    if record is None:
        return Side(ledger, posted=whole.posted.get(period, NOTHING_POSTED))
    shown = MonthResult(
        lines=record.lines,
        sources=record.sources,
        queue=record.queue,
        flags=record.flags,
        decisions=record.decisions,
        invoices=record.invoices,
    )
    return Side(ledger.as_recorded(period), shown)


def compared_period(
    period: str,
    before: Callable[[], LedgerSide],
    after: LedgerSide,
    months: dict[str, Month],
) -> tuple[PeriodChange | None, list[Problem], list[Problem]]:
    """The change of a period with the problems of base and head; None if the head's charges cannot be read.

    before: gives the base; called once the head is billed.
    months: the head's known months, closed or already compared; an open one is added.
    """
    both = compare_month(period, lambda: _side(before(), period), _side(after, period))
    base, head = before().ledger, after.ledger
    old_faults, new_faults = list(both.old_faults), list(both.new_faults)
    if has_errors(new_faults) and not both.read and both.new == MonthResult():
        return None, old_faults, new_faults
    broken = [f"the causes do not sum to the change of {line}" for line in unexplained(both)]
    facts = _facts(base, period), _facts(head, period)
    change = period_change(period, both, facts, head.config.currency)
    broken += beyond_rounding(change, head.config.currency)
    new_faults += [Problem("", "broken-invariant", f"{period}: {what}", "please report this bug") for what in broken]
    files = head.charge_files.get(period, ())
    month = months.setdefault(period, Month(period, both.new.sources, both.new.lines, files))
    # A newly opened month has nothing to report.
    rows = completeness(month, list(months.values()), head.settings(period)) if month.sources else ()
    change = replace(
        change,
        sources=rows,
        without=head.period_file(period).without,
        old_invoices=_invoices(base, period, both.old),
        invoices=_invoices(head, period, both.new),
    )
    return change, old_faults, new_faults


def _invoices(ledger: RecordedLedger, period: str, month: MonthResult) -> tuple[InvoiceCheck, ...]:
    sources, invoices = checked_sources(ledger), ledger.invoices.get(period, ())
    return tuple(compare_invoices(month.invoices, invoices, ledger.settings(period), sources))


def recorded_month(record: ClosingRecord) -> Month:
    """A closed month as input for completeness."""
    return Month(record.period, record.sources, record.lines, record.inputs.charges)


def _facts(ledger: RecordedLedger, period: str) -> PeriodFacts:
    state = ledger.period_file(period).state if period in ledger.periods else None
    return PeriodFacts(state, ledger.approvals.get(period, ()))


def is_about_quality(problem: Problem) -> bool:
    """Whether a problem is only about the quality of a charge file: `validate` reports it, and no money moves."""
    return problem.severity is not Severity.ERROR and lies_in(problem.path, ("charges",))
