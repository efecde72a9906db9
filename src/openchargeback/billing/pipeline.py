"""The billing stages of a period in order: from charge files to everything that is shown.

read ─▶ attribute ─▶ flag ─▶ decide ─▶ sum and round ─▶ statements ─▶ journal ─▶ reconcile
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from openchargeback import money
from openchargeback.billing import journal, lines, reconciliation, statements
from openchargeback.billing.coverage import coverage
from openchargeback.billing.events import DONE, Events
from openchargeback.focus.database import count, database, insert, query, sql
from openchargeback.focus.dialects import BACK_REFERENCES
from openchargeback.focus.months import has_column, months_of, rows_of_months
from openchargeback.focus.reading import load
from openchargeback.ledger.approvals import Decision
from openchargeback.ledger.files import digest_of
from openchargeback.ledger.periods import accounting_date
from openchargeback.model import (
    BilledPeriod,
    BillingLine,
    Correction,
    DecisionRecord,
    Entry,
    FileRecord,
    FlagTotal,
    QueueItem,
    SourceTotals,
    State,
    Unusual,
)
from openchargeback.problems import LedgerFault, Problem, has_errors
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.attribution import attribute
from openchargeback.review.decisions import apply_decisions
from openchargeback.review.duplicates import EarlierRows
from openchargeback.review.flags import flag_charges
from openchargeback.review.ids import number_charges, number_flagged, number_rest
from openchargeback.review.month import Month
from openchargeback.review.queue import read_flags, read_queue


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


def bill_period(
    ledger: RecordedLedger,
    period: str,
    *,
    digest: str = "",
    posted: PostedCorrections | None = None,
    then: Callable[[Month], None] | None = None,
) -> tuple[BilledPeriod | None, list[Problem]]:
    """Bill one period of a ledger. None if its charge files have errors.

    digest: of everything the result depends on. posted: what its decisions on charges of closed periods add.
    then: called with the billed month while its database is open.
    """
    try:
        with database() as con:
            month, problems = read_month(con, ledger, period)
            if has_errors(problems):
                return None, problems
            decided, unusual, faults = settle(month)
            billed = _billed(month, month_result(month, decided), posted or PostedCorrections(), unusual, digest)
            problems += faults
            problems += reconciliation.check(billed, read=count(con, "SELECT count(*) FROM attributed"))
            if then:
                then(month)
            return billed, problems
    except duckdb.OutOfRangeException:
        return None, [too_large(period)]


def too_large(period: str) -> Problem:
    """The problem of a period whose sums exceed an exact number (DuckDB raises OutOfRangeException)."""
    what = f"the amounts of {period} are too large to sum exactly"
    return Problem(f"charges/{period}", "amount-overflow", what, "check the charges for an implausible amount")


def _billed(
    month: Month, settled: MonthResult, posted: PostedCorrections, unusual: tuple[Unusual, ...], digest: str
) -> BilledPeriod:
    ledger, period = month.ledger, month.period
    state = ledger.period_file(period)
    closed = state.closed if state.state is not State.OPEN else None
    billing_lines = tuple(sorted((*settled.lines, *posted.lines), key=lambda line: line.key))
    made = statements.make_statements(month, billing_lines, settled.queue)
    numbers = {(statement.pi.email, statement.project.id): statement.number for statement in made}
    dated = accounting_date(period, state)
    return BilledPeriod(
        period=period,
        state=state.state,
        revision=state.revision,
        closed_on=closed.on if closed else None,
        closed_by=closed.by if closed else "",
        finalized_on=state.finalized.on if state.finalized and state.state is State.FINALIZED else None,
        accounting_date=dated,
        currency=ledger.config.currency,
        sources=settled.sources,
        files=_files(month),
        lines=billing_lines,
        statements=made,
        queue=settled.queue,
        flags=settled.flags,
        decisions=(*settled.decisions, *posted.decisions),
        corrections=posted.corrections,
        without=state.without,
        journal=journal.journal_of(period, dated, billing_lines, numbers, ledger.settings),
        digest=digest,
        unusual=unusual,
    )


@dataclass(frozen=True, slots=True)
class MonthResult:
    """A billed period without statements and journal: enough to compare two revisions of it."""

    lines: tuple[BillingLine, ...] = ()
    sources: tuple[SourceTotals, ...] = ()
    queue: tuple[QueueItem, ...] = ()
    flags: tuple[FlagTotal, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()


def read_month(con: duckdb.DuckDBPyConnection, ledger: RecordedLedger, period: str) -> tuple[Month, list[Problem]]:
    """Read the charges of a period into the database. If the problems include errors, no further stage may run."""
    loaded, problems = load(con, ledger.charge_files.get(period, ()), ledger.config)
    return Month(con, ledger, period, loaded), problems


@contextmanager
def settled_month(ledger: RecordedLedger, period: str) -> Iterator[Month]:
    """A period settled in a database of its own; a closed one according to its record.

    Raises LedgerFault if its charge files can no longer be read.
    """
    with database() as con:
        month, problems = read_month(con, ledger.as_recorded(period), period)
        if has_errors(problems):
            raise LedgerFault(problems, ledger.root)
        settle(month)
        yield month


def settle(month: Month) -> tuple[tuple[DecisionRecord, ...], tuple[Unusual, ...], list[Problem]]:
    """Attribute, flag and decide the charges of a month and sum them up in the table `line`.

    Returns the decisions, the unusual amounts, and any problems.
    """
    con, config = month.con, month.config
    decisions = own_decisions(month.ledger, month.period)
    unusual, problems = flag(month, ids_of_all=any(each.charges for each in decisions))
    records, faults = apply_decisions(con, decisions, config, month.directory)
    lines.sum_lines(con, config.currency)
    return records, unusual, problems + faults


def month_result(month: Month, decided: tuple[DecisionRecord, ...]) -> MonthResult:
    """The result of a settled month. decided: the decisions returned by `settle`."""
    return MonthResult(
        lines=lines.read_lines(month.con, month.period, month.config),
        sources=_totals(month),
        queue=read_queue(month.con, month.period),
        flags=read_flags(month.con),
        decisions=decided,
    )


def own_decisions(ledger: RecordedLedger, period: str) -> tuple[Decision, ...]:
    """The decisions in a period's folder on its own charges."""
    return tuple(each for each in ledger.approvals.get(period, ()) if not each.period)


def flag(month: Month, *, ids_of_all: bool) -> tuple[tuple[Unusual, ...], list[Problem]]:
    """Attribute and flag the charges of a month, and compute the ids of flagged charges, or of all."""
    attribute(month)
    _follow_earlier(month)
    unusual, problems = flag_charges(month, _earlier_rows(month))
    if ids_of_all:
        number_charges(month, month.sources)
    else:
        number_flagged(month)
    return unusual, problems


def _follow_earlier(month: Month) -> None:
    """Give corrections of charges of earlier months the payer and outcome of those charges.

    A closed month is billed again according to its record, plus credits and late decisions since then. A correction of
    a billed charge follows it, and one of a rejected charge is also rejected. If the charge is held or was credited,
    the correction needs a decision.
    """
    con, ledger = month.con, month.ledger
    con.execute(query(__package__, "original"))
    wanted = con.execute(
        "SELECT DISTINCT source, refers_to FROM back_reference ANTI JOIN follows USING (n) ORDER BY ALL"
    ).fetchall()
    missing = set(wanted)
    for earlier in sorted((each for each in ledger.charge_files if each < month.period), reverse=True):
        files = [file for file in ledger.charge_files[earlier] if file.source in {source for source, _ in missing}]
        if missing and files and any(has_column(file, own) for file in files for _, own in BACK_REFERENCES):
            rows = _originals(ledger, earlier, missing)
            insert(con, "original", rows)
            missing -= {(source, number) for source, number, *_ in rows}
    con.execute(sql(__package__, "follow_earlier.sql"))


def _originals(ledger: RecordedLedger, period: str, wanted: Collection[tuple[str, str]]) -> list[tuple[Any, ...]]:
    """The outcome of the charges of an earlier month that corrections refer to: the rows of the table `original`."""
    events = Events.of(ledger.records.values())
    try:
        with settled_month(ledger, period) as month:
            numbers = " UNION ALL ".join(
                f"SELECT {file.first} + rowid AS n, {file.expression(own)} AS number FROM {file.table}"
                for file in month.loaded
                for _, own in BACK_REFERENCES
                if own in file.columns
            )
            if not numbers:
                return []
            number_rest(month, {source for source, _ in wanted})
            month.con.execute("CREATE TABLE cited (source VARCHAR, number VARCHAR)")
            insert(month.con, "cited", sorted(wanted))
            found = month.con.execute(sql(__package__, "originals.sql", numbers=numbers)).fetchall()
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


def _earlier_rows(month: Month) -> list[EarlierRows]:
    """Rows in folders of earlier months with the same billing month as rows of this one: one of them is misplaced."""
    con, ledger = month.con, month.ledger
    earlier = [each for each in sorted(ledger.charge_files) if each < month.period]
    if not earlier or not month.loaded:
        return []
    starts = " UNION ALL ".join(
        f"SELECT {file.expression('BillingPeriodStart')} AS text FROM {file.table}" for file in month.loaded
    )
    own = frozenset(each for (each,) in con.execute(f"SELECT DISTINCT left(text, 7) FROM ({starts})").fetchall())
    found: list[EarlierRows] = []
    for period in earlier:
        record = ledger.records.get(period)
        if record and period not in own and not any(each.flag == "wrong-period" for each in record.flags):
            # According to the record, all its rows belong to its own month.
            continue
        for file in ledger.charge_files[period]:
            shared = own & months_of(file)
            table = f"earlier_{len(found)}"
            names = rows_of_months(con, table, file, shared) if shared else ()
            if names:
                found.append(EarlierRows(file.path, table, {name: f"c{index}" for index, name in enumerate(names)}))
    return found


def _totals(month: Month) -> tuple[SourceTotals, ...]:
    covered = coverage(month)
    rows = month.con.execute(sql(__package__, "totals.sql")).fetchall()
    return tuple(
        SourceTotals(
            source=source,
            currency=currency,
            files=files,
            charges=charges,
            imported=amounts[0],
            billed=amounts[1],
            held=amounts[2],
            rejected=amounts[3],
            imported_list=amounts[4],
            charges_billed=counts[0],
            charges_held=counts[1],
            charges_rejected=counts[2],
            days=days.days if days else None,
            first_day=days.first_day if days else None,
            last_day=days.last_day if days else None,
        )
        for source, currency, files, charges, *rest in rows
        for amounts, counts, days in [(rest[:5], rest[5:], covered.get(source))]
    )


def _files(month: Month) -> tuple[FileRecord, ...]:
    sums = dict(month.con.execute("SELECT file, sum(cost) FROM attributed GROUP BY file").fetchall())
    return tuple(
        FileRecord(
            path=each.file.path,
            source=each.file.source,
            sha256=digest_of(each.file.location),
            size=each.file.size,
            charges=each.rows,
            exact_billed=sums.get(each.number, money.ZERO),
        )
        for each in month.loaded
    )
