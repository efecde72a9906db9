"""The summaries of closed months, from the tables of all their records at once.

SQL passes a month whose cells are clearly as written by closing and whose sums hold. Any other is read line by line, so
that its faults have a location.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from openchargeback import money
from openchargeback.billing import reconciliation
from openchargeback.billing.freezing import currency_faults, thaw
from openchargeback.billing.periods import PeriodSums, Summary, summary_of
from openchargeback.csv_writing import csv_bytes
from openchargeback.focus.database import database, insert, named_rows, sql
from openchargeback.ledger.periods import LINES, RESOURCES, STATEMENTS, part_path
from openchargeback.model import Amounts, Entry, Kind, PeriodTotals, QueueItem
from openchargeback.problems import LedgerFault, Problem
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.record.tables import column_names
from openchargeback.review.recorded_tables import recorded_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """The billing lines of a source in a record, summed up: its own, or those of earlier periods."""

    source: str
    entry: Entry
    posted: bool
    lines: int
    exact_list: Decimal
    exact_billed: Decimal
    amounts: Amounts
    has_amounts: bool
    funds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Tables:
    """What the tables of a record sum up to. statements: their number."""

    sources: tuple[_Lines, ...]
    statements: int


def closed_summaries(
    ledger: RecordedLedger, periods: Sequence[str], still_queued: Mapping[str, tuple[QueueItem, ...]]
) -> tuple[dict[str, Summary], list[Problem]]:
    """The summaries of closed periods by their records, and every invariant that these violate.

    still_queued: what is still held, by period.
    """
    summed = _summed(ledger, periods)
    result: dict[str, Summary] = {}
    problems: list[Problem] = []
    for period in periods:
        record, lines, held = ledger.records[period], summed.get(period), still_queued.get(period, ())
        if lines is not None and not reconciliation.check_sums(_sums(record, lines.sources), lines.sources):
            result[period] = _summary(ledger, record, lines, held)
            problems += currency_faults(record, ledger.config.currency)
            continue
        try:
            thawed, faults = thaw(ledger, period, held)
        except LedgerFault as fault:
            problems += fault.problems
            continue
        result[period] = summary_of(thawed)
        problems += faults
    return result, problems


def _sums(record: ClosingRecord, lines: Sequence[_Lines]) -> PeriodSums:
    corrected = record.corrections or any(each.entry is not Entry.OWN for each in lines)
    return PeriodSums(
        period=record.period,
        currency=record.config.currency,
        sources=record.sources,
        files=record.inputs.charges,
        lines=record.lines if corrected else (),
        corrections=record.corrections,
    )


def _summary(
    ledger: RecordedLedger, record: ClosingRecord, tables: _Tables, still_queued: tuple[QueueItem, ...]
) -> Summary:
    lines = tables.sources
    return Summary(
        totals=PeriodTotals(
            period=record.period,
            state=ledger.period_file(record.period).state,
            currency=record.config.currency,
            sources=record.sources,
            statements=tables.statements,
            amounts=Amounts.total(each.amounts for each in lines if each.posted),
            shown=Amounts.total(each.amounts for each in lines if not each.posted),
            posted=sum(each.lines for each in lines if each.posted),
            unposted=sum(each.lines for each in lines if not each.posted),
            queue=record.queue,
            still_queued=still_queued,
        ),
        crediting=tuple(sorted({each.source for each in lines if each.posted and each.has_amounts})),
        funds=tuple(sorted({fund for each in lines for fund in each.funds})),
    )


def _summed(ledger: RecordedLedger, periods: Sequence[str]) -> dict[str, _Tables]:
    """The lines of each period whose tables are plain, summed up."""
    plain = [period for period in periods if _has_plain_headers(ledger, period)]
    if not plain:
        return {}
    with database() as con:
        try:
            return _read(con, ledger, plain)
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException):
            # One of the files is not readable this way; reading each alone shows which.
            return {}


def _has_plain_headers(ledger: RecordedLedger, period: str) -> bool:
    for name in (LINES, STATEMENTS, RESOURCES):
        head = csv_bytes(column_names(name), [])
        with (ledger.root / part_path(period, name)).open("rb") as file:
            if file.read(len(head)) != head:
                return False
    return True


def _read(con: duckdb.DuckDBPyConnection, ledger: RecordedLedger, periods: Sequence[str]) -> dict[str, _Tables]:
    con.execute("CREATE TABLE closed (period VARCHAR, currency VARCHAR, places INTEGER)")
    currencies = {period: ledger.records[period].config.currency for period in periods}
    insert(con, "closed", [(period, currency, money.places(currency)) for period, currency in currencies.items()])
    lines, statements, resources = (
        recorded_rows(ledger.root, periods, name) for name in (LINES, STATEMENTS, RESOURCES)
    )
    kinds = [str(kind) for kind in Kind]
    unsummed = con.execute(sql(__package__, "closed_resources.sql", lines=lines, resources=resources), {"kinds": kinds})
    doubtful = {period for (period,) in unsummed.fetchall()}
    found: dict[str, list[_Lines]] = {period: [] for period in periods}
    totals = sql(__package__, "closed_totals.sql", lines=lines, statements=statements)
    for row in named_rows(con, totals):
        period, is_plain = row.pop("period"), row.pop("plain")
        if not is_plain:
            doubtful.add(period)
            continue
        cents = {
            name: money.to_cents(row.pop(name), currencies[period])
            for name in ("list", "discount", "covered", "billed")
        }
        own = row.pop("own")
        row["funds"] = tuple(row["funds"])
        # What kind of correction it is does not matter for sums.
        entry = Entry.OWN if own else Entry.LATE
        found[period].append(_Lines(**row, entry=entry, amounts=Amounts(**cents)))
    counted = dict(con.execute(f"SELECT recorded, count(*) FROM ({statements}) GROUP BY recorded").fetchall())
    return {
        period: _Tables(tuple(lines), counted.get(period, 0))
        for period, lines in found.items()
        if period not in doubtful and not _is_mixed(lines)
    }


def _is_mixed(lines: Sequence[_Lines]) -> bool:
    """Whether some of a source's own lines are posted and some are not."""
    own = [each.source for each in lines if each.entry is Entry.OWN]
    return len(own) != len(set(own))
