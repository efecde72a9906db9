"""The summaries of closed months, from the tables of all their records at once.

SQL passes a month whose cells are clearly as written by closing and whose sums hold. Any other is read line by line, so
that its faults have a location.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from openchargeback import money
from openchargeback.billing import reconciliation
from openchargeback.billing.freezing import currency_faults, thaw
from openchargeback.billing.summaries import LineSum, PeriodSums, Summary, summary, summary_of
from openchargeback.csv_writing import csv_bytes
from openchargeback.focus.database import database, insert, named_rows, sql
from openchargeback.ledger.periods import LINES, RESOURCES, STATEMENTS, part_path
from openchargeback.model import Amounts, Entry, Kind, QueueItem
from openchargeback.problems import LedgerFault, Problem
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.record.tables import column_names
from openchargeback.review.recorded_tables import recorded_rows


@dataclass(frozen=True, slots=True)
class _Tables:
    """What the tables of a record sum up to. statements: their number. funds: the accounting strings of its lines."""

    sums: tuple[LineSum, ...]
    statements: int
    funds: frozenset[str]


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
        record, tables, held = ledger.records[period], summed.get(period), still_queued.get(period, ())
        if tables is not None:
            sums = _sums(record, tables)
            if not reconciliation.check_sums(sums, tables.sums):
                result[period] = summary(
                    sums,
                    ledger.period_file(period).state,
                    tables.sums,
                    statements=tables.statements,
                    funds=tables.funds,
                    queue=record.queue,
                    still_queued=held,
                )
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


def _sums(record: ClosingRecord, tables: _Tables) -> PeriodSums:
    corrected = record.corrections or any(each.entry is not Entry.OWN for each in tables.sums)
    return PeriodSums(
        period=record.period,
        currency=record.config.currency,
        sources=record.sources,
        files=record.inputs.charges,
        lines=record.lines if corrected else (),
        corrections=record.corrections,
        invoices=record.invoices,
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
    found: dict[str, list[LineSum]] = {period: [] for period in periods}
    funds: dict[str, set[str]] = {period: set() for period in periods}
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
        funds[period].update(row.pop("funds"))
        # What kind of correction it is does not matter for sums.
        entry = Entry.OWN if own else Entry.LATE
        found[period].append(LineSum(**row, entry=entry, amounts=Amounts(**cents)))
    counted = dict(con.execute(f"SELECT recorded, count(*) FROM ({statements}) GROUP BY recorded").fetchall())
    return {
        period: _Tables(tuple(lines), counted.get(period, 0), frozenset(funds[period]))
        for period, lines in found.items()
        if period not in doubtful and not _is_mixed(lines)
    }


def _is_mixed(lines: Sequence[LineSum]) -> bool:
    """Whether some of a source's own lines are posted and some are not."""
    own = [each.source for each in lines if each.entry is Entry.OWN]
    return len(own) != len(set(own))
