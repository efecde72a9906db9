"""The billing stages of periods in order: from charge files to everything that is shown.

read ─▶ attribute ─▶ flag ─▶ decide ─▶ sum and round ─▶ statements ─▶ journal ─▶ reconcile
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import duckdb

from openchargeback.billing import lines
from openchargeback.billing.events import DONE, Events
from openchargeback.billing.invoice_sums import invoice_sums
from openchargeback.billing.provider_invoices import checked_sources
from openchargeback.billing.source_totals import source_totals
from openchargeback.focus.database import count, database, insert, query, sql
from openchargeback.focus.dialects import BACK_REFERENCES
from openchargeback.focus.months import has_column
from openchargeback.focus.reading import load
from openchargeback.ledger.approvals import Decision
from openchargeback.model import (
    BillingLine,
    Correction,
    DecisionRecord,
    Entry,
    FlagTotal,
    InvoiceSum,
    QueueItem,
    SourceTotals,
    Unusual,
)
from openchargeback.problems import LedgerFault, Problem, has_errors
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.record.seal import changed_charges
from openchargeback.review.attribution import attribute
from openchargeback.review.charges import NO_VERSIONS, Charges, Versions
from openchargeback.review.decisions import apply_decisions
from openchargeback.review.earlier_rows import earlier_rows
from openchargeback.review.flags import flag_charges
from openchargeback.review.ids import number_charges, number_flagged, number_rest
from openchargeback.review.queue import read_flags, read_queue


class _HasPeriod(Protocol):
    @property
    def period(self) -> str: ...


_OfPeriod = TypeVar("_OfPeriod", bound=_HasPeriod)


@dataclass(frozen=True, slots=True)
class PostedCorrections:
    """What an open period's decisions on charges of closed ones add: billing lines, single charges, the decisions."""

    lines: tuple[BillingLine, ...] = ()
    corrections: tuple[Correction, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()

    @classmethod
    def total(cls, parts: Sequence[PostedCorrections]) -> PostedCorrections:
        """All of them, in order."""
        lines = tuple(line for part in parts for line in part.lines)
        corrections = tuple(each for part in parts for each in part.corrections)
        return cls(lines, corrections, tuple(each for part in parts for each in part.decisions))


NOTHING_POSTED = PostedCorrections()


def too_large(period: str) -> Problem:
    """The problem of a period whose sums exceed an exact number (DuckDB raises OutOfRangeException)."""
    what = f"the amounts of {period} are too large to sum exactly"
    return Problem(f"charges/{period}", "amount-overflow", what, "check the charges for an implausible amount")


@dataclass(frozen=True, slots=True)
class MonthResult:
    """A billed period without statements and journal: enough to compare two revisions of it."""

    lines: Sequence[BillingLine] = ()
    sources: tuple[SourceTotals, ...] = ()
    queue: tuple[QueueItem, ...] = ()
    flags: tuple[FlagTotal, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()
    invoices: tuple[InvoiceSum, ...] = ()


def read_charges(
    con: duckdb.DuckDBPyConnection,
    ledger: RecordedLedger,
    periods: Sequence[str],
    versions: Versions = NO_VERSIONS,
    *,
    passed: bool = False,
) -> tuple[Charges, list[Problem]]:
    """Read the charges of periods into the database; those with an error in a file are left out.

    versions: of the files, if they were loaded before. passed: as for `load`.
    """
    files = [file for period in sorted(periods) for file in ledger.charge_files.get(period, ())]
    apart = versions.attributed
    loaded, problems = load(con, files, ledger.config, versions.files, passed=passed, only_apart=apart)
    return Charges(con, ledger, tuple(sorted(set(periods) - loaded.faulty)), loaded, versions), problems


@contextmanager
def settled_month(ledger: RecordedLedger, period: str, *, ids_of_all: bool = False) -> Iterator[Charges]:
    """A period settled in a database of its own; a closed one according to its record.

    The files of a closed one passed the checks when it was closed. ids_of_all: of every charge, not only flagged ones.
    Raises LedgerFault if its charge files can no longer be read.
    """
    record = ledger.records.get(period)
    passed = record is not None and not changed_charges(ledger, record)
    with database() as con:
        charges, problems = read_charges(con, ledger.as_recorded(period), [period], passed=passed)
        if has_errors(problems):
            raise LedgerFault(problems, ledger.root)
        settle(charges, ids_of_all=[period] if ids_of_all else ())
        yield charges


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling the charges of months gives besides its tables, by period: decisions and unusual amounts."""

    decisions: Mapping[str, tuple[DecisionRecord, ...]]
    unusual: Mapping[str, tuple[Unusual, ...]]


def settle(charges: Charges, *, ids_of_all: Collection[str] = ()) -> tuple[Settled, list[Problem]]:
    """Attribute, flag and decide charges and sum them up in the table `line`; returns any problems, too.

    ids_of_all: the periods in which all charges get ids, besides those in which decisions name charges by id.
    """
    con, config = charges.con, charges.config
    own = {period: own_decisions(charges.ledger, period) for period in charges.periods}
    by_id = {period for period, decisions in own.items() if any(each.charges for each in decisions)}
    unusual, problems = flag(charges, ids_of_all=by_id.union(ids_of_all))
    decisions = [each for found in own.values() for each in found]
    records, faults = apply_decisions(con, decisions, config, charges.directory)
    lines.sum_lines(con, config.currency)
    decided: dict[str, list[DecisionRecord]] = {}
    for decision, record in zip(decisions, records, strict=True):
        decided.setdefault(decision.charges_period, []).append(record)
    return Settled({period: tuple(found) for period, found in decided.items()}, unusual), problems + faults


def month_results(charges: Charges, settled: Settled, *, every_invoice: bool = False) -> dict[str, MonthResult]:
    """The results of settled months, by period.

    every_invoice: sums by invoice of all sources, not only of those whose invoices the ledger keeps.
    """
    con = charges.con
    made = by_period(lines.read_lines(con, charges.config, charges.directory))
    totals, queue, flags = source_totals(charges), by_period(read_queue(con)), read_flags(con)
    invoices = invoice_sums(charges, None if every_invoice else checked_sources(charges.ledger))
    return {
        period: MonthResult(
            lines=made.get(period, ()),
            sources=totals.get(period, ()),
            queue=queue.get(period, ()),
            flags=flags.get(period, ()),
            decisions=settled.decisions.get(period, ()),
            invoices=invoices.get(period, ()),
        )
        for period in charges.periods
    }


def charges_read(charges: Charges) -> dict[str, int]:
    """How many charges each period has, after attribution."""
    return dict(charges.con.execute("SELECT period, count(*) FROM attributed GROUP BY period").fetchall())


def by_period(found: Iterable[_OfPeriod]) -> dict[str, tuple[_OfPeriod, ...]]:
    """Values of several periods by period, in order."""
    result: dict[str, list[_OfPeriod]] = {}
    for each in found:
        result.setdefault(each.period, []).append(each)
    return {period: tuple(values) for period, values in result.items()}


def own_decisions(ledger: RecordedLedger, period: str) -> tuple[Decision, ...]:
    """The decisions in a period's folder on its own charges."""
    return tuple(each for each in ledger.approvals.get(period, ()) if not each.period)


def flag(charges: Charges, *, ids_of_all: Collection[str]) -> tuple[dict[str, tuple[Unusual, ...]], list[Problem]]:
    """Attribute and flag charges, and compute the ids of flagged charges; in some periods, of all."""
    attribute(charges)
    _follow_earlier(charges)
    unusual, problems = flag_charges(charges, earlier_rows(charges))
    number_charges(charges, charges.sources, ids_of_all)
    number_flagged(charges, set(charges.periods) - set(ids_of_all))
    return unusual, problems


def _follow_earlier(charges: Charges) -> None:
    """Give corrections of charges of earlier months the payer and outcome of those charges.

    A closed month is billed again according to its record, plus credits and late decisions since then. A correction of
    a billed charge follows it, and one of a rejected charge is also rejected. If the charge is held or was credited,
    the correction needs a decision.
    """
    con, ledger = charges.con, charges.ledger
    con.execute(query(__package__, "original"))
    wanted: dict[str, set[tuple[str, str]]] = {}
    for period, *number in con.execute(
        "SELECT DISTINCT period, source, refers_to FROM back_reference ANTI JOIN follows USING (n)"
    ).fetchall():
        wanted.setdefault(period, set()).add((number[0], number[1]))
    for period, missing in sorted(wanted.items()):
        for earlier in sorted((each for each in ledger.charge_files if each < period), reverse=True):
            files = [file for file in ledger.charge_files[earlier] if file.source in {source for source, _ in missing}]
            if missing and files and any(has_column(file, own) for file in files for _, own in BACK_REFERENCES):
                rows = _originals(ledger, earlier, missing)
                insert(con, "original", [(period, *row) for row in rows])
                missing -= {(source, number) for source, number, *_ in rows}
    con.execute(sql(__package__, "follow_earlier.sql"))
    if count(con, "SELECT count(*) FROM follows_earlier"):
        con.execute(query(__package__, "payer_of_earlier"))


def _originals(ledger: RecordedLedger, period: str, wanted: Collection[tuple[str, str]]) -> list[tuple[Any, ...]]:
    """The outcome of the charges of an earlier month that corrections refer to: the rows of the table `original`."""
    events = Events.of(ledger.records.values())
    try:
        with settled_month(ledger, period) as charges:
            numbers = " UNION ALL ".join(
                f"SELECT n, {table.expression(own)} AS number FROM {table.numbered}"
                for table in charges.loaded.tables
                for _, own in BACK_REFERENCES
                if own in table.names
            )
            if not numbers:
                return []
            number_rest(charges, {source for source, _ in wanted})
            charges.con.execute("CREATE TABLE cited (source VARCHAR, number VARCHAR)")
            insert(charges.con, "cited", sorted(wanted))
            found = charges.con.execute(sql(__package__, "originals.sql", numbers=numbers)).fetchall()
    except LedgerFault:
        return []
    rows = []
    for source, number, id_, disposition, *payer in found:
        last = events.last(period, id_)
        if last is None:
            why = "" if disposition == "billed" else f"{number} of {period} is {disposition}"
            rows.append((source, number, disposition, *payer, why))
        elif last.correction.entry in (Entry.LATE, Entry.REBILL):
            each = last.correction
            rows.append((source, number, "billed", each.pi, each.project, each.fund, ""))
        else:
            done = DONE[last.correction.entry]
            outcome = "rejected" if last.correction.entry is Entry.REJECTED else "credited"
            rows.append((source, number, outcome, *payer, f"{number} of {period} was {done} in {last.posted}"))
    return rows
