"""Bill periods: settle their charges together, and make of them what is asked for.

summaries   totals, and what validation must look at
summed      the billing lines
billed      everything: lines, statements, journal
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import duckdb

from openchargeback.billing import journal, reconciliation, statements
from openchargeback.billing.pipeline import (
    NOTHING_POSTED,
    PostedCorrections,
    Settled,
    charges_read,
    month_results,
    read_charges,
    settle,
    too_large,
)
from openchargeback.billing.postings import journaled_again
from openchargeback.billing.source_totals import file_records
from openchargeback.focus.database import database
from openchargeback.ledger.periods import accounting_date
from openchargeback.model import (
    BilledPeriod,
    State,
    SummedPeriod,
    field_values,
)
from openchargeback.problems import Problem
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.charges import Charges

T = TypeVar("T")
Posted = Mapping[str, PostedCorrections]
"""By open period, what its decisions on charges of closed ones add."""

Make = Callable[[Charges, Settled, Posted], tuple[dict[str, T], list[Problem]]]
"""Makes something of each period whose charges are settled; also returns the invariants that it violates."""


def bill(
    ledger: RecordedLedger, periods: Sequence[str], make: Make[T], posted: Posted | None = None
) -> tuple[dict[str, T], list[Problem]]:
    """Settle the charges of periods together and make something of each; periods with errors are left out.

    A closed period must be alone, in the ledger `RecordedLedger.as_recorded`.
    """
    try:
        with database() as con:
            charges, problems = read_charges(con, ledger, periods)
            settled, faults = settle(charges)
            made, broken = make(charges, settled, posted or {})
            return made, [*problems, *faults, *broken]
    except duckdb.OutOfRangeException:
        if len(periods) == 1:
            return {}, [too_large(periods[0])]
    result: dict[str, T] = {}
    problems = []
    for period in periods:
        made, faults = bill(ledger, [period], make, posted)
        result |= made
        problems += faults
    return result, problems


def bill_period(
    ledger: RecordedLedger,
    period: str,
    *,
    posted: PostedCorrections = NOTHING_POSTED,
    then: Callable[[Charges], None] | None = None,
) -> tuple[BilledPeriod | None, list[Problem]]:
    """Bill one period of a ledger. None if its charge files have errors.

    posted: what its decisions on charges of closed periods add. then: called with the billed charges while their
    database is open.
    """

    def make(charges: Charges, settled: Settled, posted: Posted) -> tuple[dict[str, BilledPeriod], list[Problem]]:
        made = billed(charges, settled, posted)
        if then and made[0]:
            then(charges)
        return made

    found, problems = bill(ledger, [period], make, {period: posted})
    return found.get(period), problems


def summed(
    charges: Charges, settled: Settled, posted: Posted, *, every_invoice: bool = False
) -> tuple[dict[str, SummedPeriod], list[Problem]]:
    """Each period with its billing lines. every_invoice: as for `month_results`."""
    read, files = charges_read(charges), file_records(charges)
    result: dict[str, SummedPeriod] = {}
    problems: list[Problem] = []
    for period, month in month_results(charges, settled, every_invoice=every_invoice).items():
        state, added = charges.ledger.period_file(period), posted.get(period, NOTHING_POSTED)
        closed = state.closed if state.state is not State.OPEN else None
        made = SummedPeriod(
            period=period,
            state=state.state,
            revision=state.revision,
            closed_on=closed.on if closed else None,
            closed_by=closed.by if closed else "",
            finalized_on=state.finalized.on if state.finalized and state.state is State.FINALIZED else None,
            accounting_date=accounting_date(period, state),
            currency=charges.config.currency,
            sources=month.sources,
            files=files.get(period, ()),
            lines=tuple(sorted((*month.lines, *added.lines), key=lambda line: line.key)),
            queue=month.queue,
            flags=month.flags,
            decisions=(*month.decisions, *added.decisions),
            corrections=added.corrections,
            without=state.without,
            again=journaled_again(charges.ledger, period),
            unusual=settled.unusual.get(period, ()),
            invoices=month.invoices,
        )
        problems += reconciliation.check_sums(made, made.lines, read.get(period, 0))
        result[period] = made
    return result, problems


def billed(charges: Charges, settled: Settled, posted: Posted) -> tuple[dict[str, BilledPeriod], list[Problem]]:
    """Each period with everything."""
    ledger = charges.ledger
    # The record of a month has the sums of every source, for invoices that come later.
    found, problems = summed(charges, settled, posted, every_invoice=True)
    details = statements.read_details(charges)
    result: dict[str, BilledPeriod] = {}
    for period, each in found.items():
        made = statements.make_statements(ledger, each, details)
        numbers = {(statement.pi.email, statement.project.id): statement.number for statement in made}
        result[period] = BilledPeriod(
            **field_values(each),
            statements=made,
            journal=journal.journal_of(period, each.accounting_date, each.lines, numbers, ledger.settings, each.again),
        )
        problems += reconciliation.check_published(result[period])
    return result, problems
