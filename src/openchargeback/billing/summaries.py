"""The summaries of periods: their totals, and what validation must look at. Billing lines are not made for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from openchargeback.billing import reconciliation
from openchargeback.billing.invoice_sums import invoice_sums
from openchargeback.billing.lines import amounts_of
from openchargeback.billing.pipeline import NOTHING_POSTED, PostedCorrections, Settled, by_period, charges_read
from openchargeback.billing.source_totals import file_sums, source_totals
from openchargeback.focus.database import named_rows, query, sql
from openchargeback.model import (
    Amounts,
    BillingLine,
    Correction,
    Entry,
    InvoiceSum,
    PeriodTotals,
    QueueItem,
    SourceTotals,
    State,
    SummedPeriod,
)
from openchargeback.problems import Problem
from openchargeback.review.charges import Charges
from openchargeback.review.ids import canonical_json
from openchargeback.review.queue import read_queue

_SHOWN = ("ServiceName", "ResourceId", "ResourceName", "AllocatedResourceId", "AllocatedResourceName")
"""The columns whose cells statements may show; tags are apart."""


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
class LineSum:
    """Billing lines of one source, summed up: their number, whether any amount is not zero, and the sums."""

    source: str
    entry: Entry = Entry.OWN
    posted: bool
    lines: int
    has_amounts: bool
    exact_list: Decimal
    exact_billed: Decimal
    amounts: Amounts

    @classmethod
    def of(cls, line: BillingLine) -> LineSum:
        """A single line."""
        return cls(
            source=line.source,
            entry=line.entry,
            posted=line.posted,
            lines=1,
            has_amounts=bool(line.amounts.billed),
            exact_list=line.exact_list,
            exact_billed=line.exact_billed,
            amounts=line.amounts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSums:
    """What the sums of a period consist of. lines: only those of corrections are needed."""

    period: str
    currency: str
    sources: tuple[SourceTotals, ...]
    files: Sequence[reconciliation.HasSums]
    lines: Sequence[BillingLine] = ()
    corrections: Sequence[Correction] = ()
    invoices: tuple[InvoiceSum, ...] = ()


def summary(
    period: PeriodSums | SummedPeriod,
    state: State,
    sums: Sequence[LineSum],
    *,
    statements: int,
    funds: Iterable[str],
    queue: tuple[QueueItem, ...],
    still_queued: tuple[QueueItem, ...] | None = None,
) -> Summary:
    """The summary of a period from the sums of its lines, without texts. statements: their number."""
    return Summary(
        totals=PeriodTotals(
            period=period.period,
            state=state,
            currency=period.currency,
            sources=period.sources,
            statements=statements,
            amounts=Amounts.total(each.amounts for each in sums if each.posted),
            shown=Amounts.total(each.amounts for each in sums if not each.posted),
            posted=sum(each.lines for each in sums if each.posted),
            unposted=sum(each.lines for each in sums if not each.posted),
            queue=queue,
            still_queued=still_queued,
            invoices=period.invoices,
        ),
        crediting=tuple(sorted({each.source for each in sums if each.posted and each.has_amounts})),
        funds=tuple(sorted(set(funds))),
    )


def summary_of(period: SummedPeriod) -> Summary:
    """The summary of a period whose lines are known, without texts: those of a closed period cannot be changed."""
    return summary(
        period,
        period.state,
        list(map(LineSum.of, period.lines)),
        statements=len({(line.pi, line.project) for line in period.lines}),
        funds=(line.fund for line in period.lines),
        queue=period.queue,
        still_queued=period.still_queued,
    )


def summaries(
    charges: Charges, _settled: Settled, posted: Mapping[str, PostedCorrections]
) -> tuple[dict[str, Summary], list[Problem]]:
    """The summary of each period."""
    con, config = charges.con, charges.config
    totals, files, queue = source_totals(charges), file_sums(charges), by_period(read_queue(con))
    own, read, invoices = _line_sums(charges), charges_read(charges), invoice_sums(charges)
    payers: dict[str, set[tuple[str, str]]] = {}
    for period, pi, project in con.execute(query(__package__, "payers")).fetchall():
        payers.setdefault(period, set()).add((pi, project))
    funds, texts = _funds(charges), _texts(charges)
    result: dict[str, Summary] = {}
    problems: list[Problem] = []
    for period in charges.periods:
        added = posted.get(period, NOTHING_POSTED)
        sums = PeriodSums(
            period=period,
            currency=config.currency,
            sources=totals.get(period, ()),
            files=files.get(period, ()),
            lines=added.lines,
            corrections=added.corrections,
            invoices=invoices.get(period, ()),
        )
        lines = [*own.get(period, ()), *map(LineSum.of, added.lines)]
        problems += reconciliation.check_sums(sums, lines, read.get(period, 0))
        made = summary(
            sums,
            charges.ledger.period_file(period).state,
            lines,
            statements=len(payers.get(period, set()) | {(each.pi, each.project) for each in added.lines}),
            funds=(*funds.get(period, ()), *(each.fund for each in added.lines)),
            queue=queue.get(period, ()),
        )
        result[period] = replace(made, texts=texts)
    return result, problems


def _line_sums(charges: Charges) -> dict[str, list[LineSum]]:
    found: dict[str, list[LineSum]] = {}
    for row in named_rows(charges.con, query(__package__, "line_totals")):
        period, source = row.pop("period"), row["source"]
        amounts = amounts_of(row.pop("discount"), row.pop("billed"), charges.config, source)
        found.setdefault(period, []).append(LineSum(**row, amounts=amounts, posted=charges.config.posts(source)))
    return found


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
