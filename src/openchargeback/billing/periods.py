"""Bill periods: settle their charges together, and make of them what is asked for.

summaries   totals, and what validation must look at
summed      the billing lines
billed      everything: lines, statements, journal
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TypeVar

import duckdb

from openchargeback.billing import journal, reconciliation, statements
from openchargeback.billing.lines import amounts_of
from openchargeback.billing.pipeline import (
    PostedCorrections,
    Settled,
    by_period,
    month_results,
    read_charges,
    settle,
    too_large,
)
from openchargeback.billing.source_totals import file_records, source_totals
from openchargeback.focus.database import database, named_rows, query, sql
from openchargeback.ledger.periods import accounting_date
from openchargeback.model import (
    Amounts,
    BilledPeriod,
    BillingLine,
    Correction,
    Entry,
    FileRecord,
    PeriodTotals,
    SourceTotals,
    State,
    SummedPeriod,
)
from openchargeback.problems import Problem
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.charges import Charges
from openchargeback.review.ids import canonical_json
from openchargeback.review.queue import read_queue

T = TypeVar("T")
Posted = Mapping[str, PostedCorrections]
"""By open period, what its decisions on charges of closed ones add."""

Make = Callable[[Charges, Settled, Posted], tuple[dict[str, T], list[Problem]]]
"""Makes something of each period whose charges are settled; also returns the invariants that it violates."""

_NOTHING = PostedCorrections()
_SHOWN = ("ServiceName", "ResourceId", "ResourceName", "AllocatedResourceId", "AllocatedResourceName")
"""The columns whose cells statements may show; tags are apart."""


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
    posted: PostedCorrections = _NOTHING,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The totals of a period, and what validation must look at.

    crediting: the sources with amounts to post. funds: the accounting strings of its lines.
    texts: texts that its statements may show and that are not ASCII; tags as canonical JSON.
    """

    totals: PeriodTotals
    crediting: tuple[str, ...] = ()
    funds: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _SourceLines:
    """The period's own billing lines of a source, summed up."""

    source: str
    lines: int
    has_amounts: bool
    exact_list: Decimal
    exact_billed: Decimal
    amounts: Amounts
    posted: bool
    entry: Entry = Entry.OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSums:
    """What the sums of a period consist of. lines: only those of corrections are needed."""

    period: str
    currency: str
    sources: tuple[SourceTotals, ...]
    files: tuple[FileRecord, ...]
    lines: Sequence[BillingLine] = ()
    corrections: Sequence[Correction] = ()


def summaries(charges: Charges, _settled: Settled, posted: Posted) -> tuple[dict[str, Summary], list[Problem]]:
    """The totals of each period, without making its billing lines."""
    con, config = charges.con, charges.config
    totals, files, queue = source_totals(charges), file_records(charges), by_period(read_queue(con))
    own = _source_lines(charges)
    read = _charges_read(charges)
    payers: dict[str, set[tuple[str, str]]] = {}
    for period, *payer in con.execute(query(__package__, "payers")).fetchall():
        payers.setdefault(period, set()).add((payer[0], payer[1]))
    funds, texts = _funds(charges), _texts(charges)
    result: dict[str, Summary] = {}
    problems: list[Problem] = []
    for period in charges.periods:
        added = posted.get(period, _NOTHING)
        sums = PeriodSums(
            period=period,
            currency=config.currency,
            sources=totals.get(period, ()),
            files=files.get(period, ()),
            lines=added.lines,
            corrections=added.corrections,
        )
        own_lines = own.get(period, ())
        problems += reconciliation.check_sums(sums, (*own_lines, *added.lines), read.get(period, 0))
        every = [(each.posted, each.lines, each.amounts, each.source, each.has_amounts) for each in own_lines]
        every += [(each.posted, 1, each.amounts, each.source, bool(each.amounts.billed)) for each in added.lines]
        result[period] = Summary(
            totals=PeriodTotals(
                period=period,
                state=charges.ledger.period_file(period).state,
                currency=config.currency,
                sources=sums.sources,
                statements=len(payers.get(period, set()) | {(each.pi, each.project) for each in added.lines}),
                amounts=Amounts.total(amounts for is_posted, _, amounts, *_ in every if is_posted),
                shown=Amounts.total(amounts for is_posted, _, amounts, *_ in every if not is_posted),
                posted=sum(lines for is_posted, lines, *_ in every if is_posted),
                unposted=sum(lines for is_posted, lines, *_ in every if not is_posted),
                queue=queue.get(period, ()),
            ),
            crediting=tuple(sorted({source for is_posted, *_, source, some in every if is_posted and some})),
            funds=tuple(sorted({*funds.get(period, ()), *(each.fund for each in added.lines)})),
            texts=texts,
        )
    return result, problems


def summary_of(period: SummedPeriod) -> Summary:
    """The summary of a period whose lines are known, without texts: those of a closed period cannot be changed."""
    return Summary(
        totals=PeriodTotals(
            period=period.period,
            state=period.state,
            currency=period.currency,
            sources=period.sources,
            statements=len({(line.pi, line.project) for line in period.lines}),
            amounts=period.amounts,
            shown=period.shown,
            posted=period.posted,
            unposted=period.unposted,
            queue=period.queue,
            still_queued=period.still_queued,
        ),
        crediting=tuple(sorted({line.source for line in period.lines if line.posted and line.amounts.billed})),
        funds=tuple(sorted({line.fund for line in period.lines})),
    )


def _source_lines(charges: Charges) -> dict[str, tuple[_SourceLines, ...]]:
    found: dict[str, list[_SourceLines]] = {}
    for row in named_rows(charges.con, query(__package__, "line_totals")):
        period, source = row.pop("period"), row["source"]
        amounts = amounts_of(row.pop("discount"), row.pop("billed"), charges.config, source)
        made = _SourceLines(**row, amounts=amounts, posted=charges.config.posts(source))
        found.setdefault(period, []).append(made)
    return {period: tuple(lines) for period, lines in found.items()}


def _funds(charges: Charges) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for period, fund in charges.con.execute(query(__package__, "funds")).fetchall():
        found.setdefault(period, []).append(fund)
    return {period: tuple(funds) for period, funds in found.items()}


def _texts(charges: Charges) -> tuple[str, ...]:
    """The texts of charges that are not ASCII and that statements may show."""
    cells = [
        f"SELECT DISTINCT {column} AS text FROM {table.numbered} WHERE strlen({column}) <> length({column})"
        for table in charges.loaded.tables
        for column in map(table.column, _SHOWN)
        if column
    ]
    cells.append("SELECT unnest([pi, project, fund]) AS text FROM line")
    texts = charges.con.execute(sql(__package__, "texts.sql", texts=" UNION ".join(cells))).fetchall()
    tags = charges.con.execute(query(__package__, "odd_tags")).fetchall()
    return tuple(sorted({text for (text,) in texts} | {canonical_json(text) for (text,) in tags}))


def _charges_read(charges: Charges) -> dict[str, int]:
    return dict(charges.con.execute("SELECT period, count(*) FROM attributed GROUP BY period").fetchall())


def summed(charges: Charges, settled: Settled, posted: Posted) -> tuple[dict[str, SummedPeriod], list[Problem]]:
    """Each period with its billing lines."""
    read = _charges_read(charges)
    result: dict[str, SummedPeriod] = {}
    problems: list[Problem] = []
    for period, month in month_results(charges, settled).items():
        state, added = charges.ledger.period_file(period), posted.get(period, _NOTHING)
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
            files=month.files,
            lines=tuple(sorted((*month.lines, *added.lines), key=lambda line: line.key)),
            queue=month.queue,
            flags=month.flags,
            decisions=(*month.decisions, *added.decisions),
            corrections=added.corrections,
            without=state.without,
            unusual=settled.unusual.get(period, ()),
        )
        problems += reconciliation.check_sums(made, made.lines, read.get(period, 0))
        result[period] = made
    return result, problems


def billed(charges: Charges, settled: Settled, posted: Posted) -> tuple[dict[str, BilledPeriod], list[Problem]]:
    """Each period with everything."""
    ledger = charges.ledger
    found, problems = summed(charges, settled, posted)
    details = statements.read_details(charges)
    result: dict[str, BilledPeriod] = {}
    for period, each in found.items():
        made = statements.make_statements(ledger, each, details)
        numbers = {(statement.pi.email, statement.project.id): statement.number for statement in made}
        result[period] = BilledPeriod(
            **{one.name: getattr(each, one.name) for one in fields(each)},
            statements=made,
            journal=journal.journal_of(period, each.accounting_date, each.lines, numbers, ledger.settings),
        )
        problems += reconciliation.check_published(result[period])
    return result, problems
