"""The billing stages of periods in order: from charge files to everything that is shown.

read ─▶ attribute ─▶ flag ─▶ decide ─▶ sum and round ─▶ statements ─▶ journal ─▶ reconcile
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import duckdb

from openchargeback import money
from openchargeback.billing import journal, lines, reconciliation, statements
from openchargeback.billing.coverage import coverage
from openchargeback.billing.events import DONE, Events
from openchargeback.focus.database import database, insert, query, sql
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
from openchargeback.review.charges import Charges
from openchargeback.review.decisions import apply_decisions
from openchargeback.review.duplicates import EarlierRows
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


def bill_period(
    ledger: RecordedLedger,
    period: str,
    *,
    digest: str = "",
    posted: PostedCorrections | None = None,
    then: Callable[[Charges], None] | None = None,
) -> tuple[BilledPeriod | None, list[Problem]]:
    """Bill one period of a ledger. None if its charge files have errors.

    digest: of everything the result depends on. posted: what its decisions on charges of closed periods add.
    then: called with the billed charges while their database is open.
    """
    found, problems = bill_periods(
        ledger, [period], digests={period: digest}, posted={period: posted} if posted else {}, then=then
    )
    return found.get(period), problems


def bill_periods(
    ledger: RecordedLedger,
    periods: Sequence[str],
    *,
    digests: Mapping[str, str],
    posted: Mapping[str, PostedCorrections],
    then: Callable[[Charges], None] | None = None,
) -> tuple[dict[str, BilledPeriod], list[Problem]]:
    """Bill periods of a ledger together; those whose charge files have errors are left out. As `bill_period`."""
    result: dict[str, BilledPeriod] = {}
    try:
        with database() as con:
            charges, problems = read_charges(con, ledger, periods)
            settled, faults = settle(charges)
            problems += faults
            details = statements.read_details(charges)
            read = dict(con.execute("SELECT period, count(*) FROM attributed GROUP BY period").fetchall())
            for period, month in month_results(charges, settled).items():
                own = posted.get(period, PostedCorrections())
                billed = _billed(charges, period, month, own, settled.unusual.get(period, ()), details)
                result[period] = replace(billed, digest=digests.get(period, ""))
                problems += reconciliation.check(result[period], read=read.get(period, 0))
            if then and charges.periods:
                then(charges)
            return result, problems
    except duckdb.OutOfRangeException:
        if len(periods) == 1:
            return {}, [too_large(periods[0])]
    problems = []
    for period in periods:
        found, faults = bill_periods(ledger, [period], digests=digests, posted=posted, then=then)
        result |= found
        problems += faults
    return result, problems


def too_large(period: str) -> Problem:
    """The problem of a period whose sums exceed an exact number (DuckDB raises OutOfRangeException)."""
    what = f"the amounts of {period} are too large to sum exactly"
    return Problem(f"charges/{period}", "amount-overflow", what, "check the charges for an implausible amount")


def _billed(
    charges: Charges,
    period: str,
    settled: MonthResult,
    posted: PostedCorrections,
    unusual: tuple[Unusual, ...],
    details: statements.Details,
) -> BilledPeriod:
    ledger = charges.ledger
    state = ledger.period_file(period)
    closed = state.closed if state.state is not State.OPEN else None
    billing_lines = tuple(sorted((*settled.lines, *posted.lines), key=lambda line: line.key))
    made = statements.make_statements(ledger, period, billing_lines, settled.queue, details)
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
        files=settled.files,
        lines=billing_lines,
        statements=made,
        queue=settled.queue,
        flags=settled.flags,
        decisions=(*settled.decisions, *posted.decisions),
        corrections=posted.corrections,
        without=state.without,
        journal=journal.journal_of(period, dated, billing_lines, numbers, ledger.settings),
        unusual=unusual,
    )


@dataclass(frozen=True, slots=True)
class MonthResult:
    """A billed period without statements and journal: enough to compare two revisions of it."""

    lines: tuple[BillingLine, ...] = ()
    sources: tuple[SourceTotals, ...] = ()
    files: tuple[FileRecord, ...] = ()
    queue: tuple[QueueItem, ...] = ()
    flags: tuple[FlagTotal, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()


def read_charges(
    con: duckdb.DuckDBPyConnection, ledger: RecordedLedger, periods: Sequence[str]
) -> tuple[Charges, list[Problem]]:
    """Read the charges of periods into the database; those with an error in a file are left out."""
    files = [file for period in sorted(periods) for file in ledger.charge_files.get(period, ())]
    loaded, problems = load(con, files, ledger.config)
    return Charges(con, ledger, tuple(sorted(set(periods) - loaded.faulty)), loaded), problems


@contextmanager
def settled_month(ledger: RecordedLedger, period: str) -> Iterator[Charges]:
    """A period settled in a database of its own; a closed one according to its record.

    Raises LedgerFault if its charge files can no longer be read.
    """
    with database() as con:
        charges, problems = read_charges(con, ledger.as_recorded(period), [period])
        if has_errors(problems):
            raise LedgerFault(problems, ledger.root)
        settle(charges)
        yield charges


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling the charges of months gives besides its tables, by period: decisions and unusual amounts."""

    decisions: Mapping[str, tuple[DecisionRecord, ...]]
    unusual: Mapping[str, tuple[Unusual, ...]]


def settle(charges: Charges) -> tuple[Settled, list[Problem]]:
    """Attribute, flag and decide charges and sum them up in the table `line`; returns any problems, too."""
    con, config = charges.con, charges.config
    own = {period: own_decisions(charges.ledger, period) for period in charges.periods}
    by_id = {period for period, decisions in own.items() if any(each.charges for each in decisions)}
    unusual, problems = flag(charges, ids_of_all=by_id)
    decisions = [each for found in own.values() for each in found]
    records, faults = apply_decisions(con, decisions, config, charges.directory)
    lines.sum_lines(con, config.currency)
    decided: dict[str, list[DecisionRecord]] = {}
    for decision, record in zip(decisions, records, strict=True):
        decided.setdefault(decision.charges_period, []).append(record)
    return Settled({period: tuple(found) for period, found in decided.items()}, unusual), problems + faults


def month_results(charges: Charges, settled: Settled) -> dict[str, MonthResult]:
    """The results of settled months, by period."""
    con = charges.con
    made = _by_period(lines.read_lines(con, charges.config))
    totals, files = _totals(charges), _files(charges)
    queue, flags = _by_period(read_queue(con)), read_flags(con)
    return {
        period: MonthResult(
            lines=made.get(period, ()),
            sources=totals.get(period, ()),
            files=files.get(period, ()),
            queue=queue.get(period, ()),
            flags=flags.get(period, ()),
            decisions=settled.decisions.get(period, ()),
        )
        for period in charges.periods
    }


def _by_period(found: Iterable[_OfPeriod]) -> dict[str, tuple[_OfPeriod, ...]]:
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
    unusual, problems = flag_charges(charges, _earlier_rows(charges))
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


def _earlier_rows(charges: Charges) -> list[EarlierRows]:
    """Rows in folders of earlier months with the same billing month as rows of a later one: one is misplaced."""
    con, ledger = charges.con, charges.ledger
    months = _months_named(charges)
    found: list[EarlierRows] = []
    for period in charges.periods:
        own = months.get(period, frozenset())
        for earlier in (each for each in sorted(ledger.charge_files) if own and each < period):
            record = ledger.records.get(earlier)
            if record and earlier not in own and not any(each.flag == "wrong-period" for each in record.flags):
                # According to the record, all its rows belong to its own month.
                continue
            if earlier in months and not own & months[earlier]:
                continue
            for file in ledger.charge_files[earlier]:
                shared = own & months_of(file)
                table = f"earlier_{len(found)}"
                names = rows_of_months(con, table, file, shared) if shared else ()
                if names:
                    columns = {name: f"c{index}" for index, name in enumerate(names)}
                    found.append(EarlierRows(period, file.path, table, columns))
    return found


def _months_named(charges: Charges) -> dict[str, frozenset[str]]:
    """By period, the months that BillingPeriodStart names in its files, as written there."""
    starts = " UNION ALL ".join(
        f"SELECT period, {table.expression('BillingPeriodStart')} AS text FROM {table.numbered}"
        for table in charges.loaded.tables
    )
    if not starts:
        return {}
    found: dict[str, set[str]] = {}
    for period, month in charges.con.execute(f"SELECT DISTINCT period, left(text, 7) FROM ({starts})").fetchall():
        found.setdefault(period, set()).add(month)
    return {period: frozenset(named) for period, named in found.items()}


def _totals(charges: Charges) -> dict[str, tuple[SourceTotals, ...]]:
    covered = coverage(charges)
    result: dict[str, list[SourceTotals]] = {}
    for period, source, currency, files, number, *rest in charges.con.execute(
        sql(__package__, "totals.sql")
    ).fetchall():
        amounts, counts, days = rest[:5], rest[5:], covered.get((period, source))
        result.setdefault(period, []).append(
            SourceTotals(
                source=source,
                currency=currency,
                files=files,
                charges=number,
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
        )
    return {period: tuple(totals) for period, totals in result.items()}


def _files(charges: Charges) -> dict[str, tuple[FileRecord, ...]]:
    sums = dict(charges.con.execute("SELECT file, sum(cost) FROM attributed GROUP BY file").fetchall())
    result: dict[str, list[FileRecord]] = {}
    for each in charges.loaded.files:
        result.setdefault(each.file.period, []).append(
            FileRecord(
                path=each.file.path,
                source=each.file.source,
                sha256=digest_of(each.file.location),
                size=each.file.size,
                charges=each.rows,
                exact_billed=sums.get(each.number, money.ZERO),
            )
        )
    return {period: tuple(files) for period, files in result.items()}
