"""The stages of one period in their order: from charge files to everything that is shown (DESIGN section 4).

read ─▶ attribute ─▶ flag ─▶ decide ─▶ sum and round ─▶ statements ─▶ journal ─▶ reconcile
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from openchargeback import money
from openchargeback.billing import charges_data, journal, lines, reconciliation, statements
from openchargeback.billing.coverage import coverage
from openchargeback.billing.events import DONE, Events
from openchargeback.focus.database import count, database, insert, sql
from openchargeback.focus.dialects import BACK_REFERENCES
from openchargeback.focus.months import has_column, months_of, rows_of_months
from openchargeback.focus.reading import LoadedFile, load
from openchargeback.ledger.approvals import Decision
from openchargeback.ledger.files import digest_of
from openchargeback.ledger.periods import accounting_date
from openchargeback.ledger.reading import Ledger
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
from openchargeback.problems import Problem, has_errors
from openchargeback.review.attribution import attribute
from openchargeback.review.decisions import apply_decisions
from openchargeback.review.duplicates import EarlierRows
from openchargeback.review.flags import Past, Spending, flag_charges
from openchargeback.review.ids import number_charges, number_rest
from openchargeback.review.queue import read_flags, read_queue


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """What an earlier closed month tells the rule for unusual amounts."""

    counts: Mapping[str, int]
    spending: Spending


@dataclass(frozen=True, slots=True)
class Posted:
    """What decisions of an open period do to charges of closed ones: lines, charge by charge, and the decisions."""

    lines: tuple[BillingLine, ...] = ()
    corrections: tuple[Correction, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()


Look = Callable[[duckdb.DuckDBPyConnection], None]
"""Sees the database of a period that was billed, before it goes."""


def closed_month(period: BilledPeriod) -> ClosedMonth:
    """Charges by source and billed amounts by source, project and service of a billed period: its own charges only."""
    counts: dict[str, int] = {}
    for source in period.sources:
        counts[source.source] = counts.get(source.source, 0) + source.charges
    spending: dict[tuple[str, str, str], Decimal] = {}
    for line in period.lines:
        if line.entry is not Entry.OWN:
            continue
        key = (line.source, line.project, line.service)
        spending[key] = money.total(spending.get(key, money.ZERO), line.exact_billed)
    return ClosedMonth(counts, spending)


def bill_period(
    ledger: Ledger,
    period: str,
    history: Sequence[ClosedMonth],
    digest: str,
    posted: Posted | None = None,
    look: Look | None = None,
    charges_to: Path | None = None,
) -> tuple[BilledPeriod | None, list[Problem]]:
    """Bill one period of a ledger. None where its charge files have errors.

    history: the closed months before it, the latest last. digest: of everything the result rests on.
    posted: what its decisions on charges of closed periods add. look: is shown the database at the end.
    charges_to: where to write every charge with what became of it (`charges_data.py`), if that is wanted.
    """
    try:
        return _bill(ledger, period, history, digest, posted or Posted(), look, charges_to)
    except duckdb.OutOfRangeException:
        what = f"the amounts of {period} are too large to be summed exactly"
        return None, [Problem(f"charges/{period}", "amount-overflow", what, "look for an amount that cannot be meant")]


def _bill(
    ledger: Ledger,
    period: str,
    history: Sequence[ClosedMonth],
    digest: str,
    posted: Posted,
    look: Look | None,
    charges_to: Path | None,
) -> tuple[BilledPeriod | None, list[Problem]]:
    with database() as con:
        loaded, problems = load(con, ledger.charge_files.get(period, ()), ledger.config)
        if has_errors(problems):
            return None, problems
        records, unusual, faults = settle(con, ledger, period, loaded, history)
        problems += faults
        state = ledger.period_file(period)
        own = lines.read_lines(con, period, ledger.config)
        billing_lines = tuple(sorted((*own, *posted.lines), key=lambda line: line.key))
        queue = read_queue(con, period)
        made = statements.make_statements(con, ledger, period, billing_lines, queue)
        numbers = {(statement.pi.email, statement.project.id): statement.number for statement in made}
        dated = accounting_date(period, state)
        result = BilledPeriod(
            period=period,
            state=state.state,
            revision=state.revision,
            closed_on=state.closed.on if state.closed and state.state is not State.OPEN else None,
            closed_by=state.closed.by if state.closed and state.state is not State.OPEN else "",
            finalized_on=state.finalized.on if state.finalized and state.state is State.FINALIZED else None,
            accounting_date=dated,
            currency=ledger.config.currency,
            sources=_totals(con, period, loaded),
            files=_files(con, loaded),
            lines=billing_lines,
            statements=made,
            queue=queue,
            flags=read_flags(con),
            decisions=(*records, *posted.decisions),
            corrections=posted.corrections,
            without=state.without,
            journal=journal.journal_of(period, dated, billing_lines, numbers, ledger.settings),
            digest=digest,
            unusual=unusual,
        )
        problems += reconciliation.check(result, read=count(con, "SELECT count(*) FROM attributed"))
        if look:
            look(con)
        if charges_to:
            charges_data.write_charges(con, period, loaded, ledger.config, charges_to)
        return result, problems


@dataclass(frozen=True, slots=True)
class Settled:
    """What a period comes to, without statements and journal: enough to compare two revisions of it."""

    lines: tuple[BillingLine, ...] = ()
    sources: tuple[SourceTotals, ...] = ()
    queue: tuple[QueueItem, ...] = ()
    flags: tuple[FlagTotal, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()


def settle_period(
    con: duckdb.DuckDBPyConnection, ledger: Ledger, period: str, history: Sequence[ClosedMonth]
) -> tuple[Settled, list[LoadedFile], list[Problem]]:
    """Read a period's charges and settle them in the database's current schema, where the tables stay.

    With errors in the charge files nothing is settled: no table is to be used, and the problems say why.
    """
    loaded, problems = load(con, ledger.charge_files.get(period, ()), ledger.config)
    if has_errors(problems):
        return Settled(), [], problems
    records, _, faults = settle(con, ledger, period, loaded, history)
    billing_lines = lines.read_lines(con, period, ledger.config)
    settled = Settled(
        lines=billing_lines,
        sources=_totals(con, period, loaded),
        queue=read_queue(con, period),
        flags=read_flags(con),
        decisions=records,
    )
    return settled, loaded, problems + faults


def settle(
    con: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    period: str,
    loaded: Sequence[LoadedFile],
    history: Sequence[ClosedMonth],
) -> tuple[tuple[DecisionRecord, ...], tuple[Unusual, ...], list[Problem]]:
    """Attribute, flag and decide the loaded charges and sum them up: the table `line` stands afterwards."""
    decisions = own_decisions(ledger, period)
    unusual, problems = flag(con, ledger, period, loaded, history, ids_of_all=bool(decisions))
    records, faults = apply_decisions(con, decisions, ledger.config, ledger.directory)
    lines.sum_lines(con, ledger.config.currency)
    return records, unusual, problems + faults


def own_decisions(ledger: Ledger, period: str) -> tuple[Decision, ...]:
    """The decisions in a period's folder on its own charges."""
    return tuple(each for each in ledger.approvals.get(period, ()) if not each.period)


def flag(
    con: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    period: str,
    loaded: Sequence[LoadedFile],
    history: Sequence[ClosedMonth],
    *,
    ids_of_all: bool,
) -> tuple[tuple[Unusual, ...], list[Problem]]:
    """Attribute and flag the loaded charges, and number them: those of sources with flags, or all of them.

    Of a period with a record, what was unusual is taken from there, whatever the months before it say by now.
    """
    config, directory, record = ledger.config, ledger.directory, ledger.frozen.get(period)
    attribute(con, loaded, config, directory)
    follow_earlier(con, ledger, period)
    past = Past(
        spending=[(month.counts, month.spending) for month in history],
        unusual=record.unusual if record else None,
        rows=_earlier_rows(con, ledger, period, loaded),
    )
    unusual, problems = flag_charges(con, period, loaded, config, directory, past)
    needing = con.execute(
        "SELECT DISTINCT source FROM attributed" + ("" if ids_of_all else " WHERE n IN (SELECT n FROM flag)")
    ).fetchall()
    number_charges(con, period, loaded, [source for (source,) in needing])
    return unusual, problems


def follow_earlier(con: duckdb.DuckDBPyConnection, ledger: Ledger, period: str) -> None:
    """Let corrections of charges of earlier months take their payer and what became of them.

    A closed month is billed anew as its record has it; credits and late decisions since then count. What was billed is
    followed, what was rejected is rejected too; what is held, or credited, leaves its correction to a person.
    """
    con.execute(
        "CREATE TABLE original (source VARCHAR, number VARCHAR, disposition VARCHAR, pi VARCHAR, "
        "project VARCHAR, fund VARCHAR, why VARCHAR)"
    )
    wanted = con.execute(
        "SELECT DISTINCT source, refers_to FROM back_reference ANTI JOIN follows USING (n) ORDER BY ALL"
    ).fetchall()
    missing = set(wanted)
    for month in sorted((each for each in ledger.charge_files if each < period), reverse=True):
        files = [file for file in ledger.charge_files[month] if file.source in {source for source, _ in missing}]
        if missing and files and any(has_column(file, own) for file in files for _, own in BACK_REFERENCES):
            rows = _originals(ledger, month, missing)
            insert(con, "original", rows)
            missing -= {(source, number) for source, number, *_ in rows}
    con.execute(sql(__package__, "follow_earlier.sql"))


def _originals(ledger: Ledger, month: str, wanted: Collection[tuple[str, str]]) -> list[tuple[Any, ...]]:
    """What became of charges of an earlier month that corrections refer to: the rows of the table `original`."""
    record = ledger.frozen.get(month)
    then = replace(ledger, config=record.config, directory=record.directory) if record else ledger
    events = Events.of(ledger.frozen.values())
    with database() as con:
        loaded, problems = load(con, ledger.charge_files[month], then.config)
        files = [(file, own) for file in loaded for _, own in BACK_REFERENCES if own in file.columns]
        if has_errors(problems) or not files:
            return []
        settle(con, then, month, loaded, [])
        number_rest(con, month, loaded, {file.file.source for file, _ in files})
        con.execute("CREATE TABLE cited (source VARCHAR, number VARCHAR)")
        insert(con, "cited", sorted(wanted))
        numbers = " UNION ALL ".join(
            f"SELECT {file.first} + rowid AS n, {file.expression(own)} AS number FROM {file.table}"
            for file, own in files
        )
        found = con.execute(sql(__package__, "originals.sql", numbers=numbers)).fetchall()
    rows = []
    for source, number, id_, disposition, *payer in found:
        last = events.last(month, id_)
        if last is None:
            why = "" if disposition == "billed" else f"{number} of {month} is {disposition}"
            rows.append((source, number, disposition, *payer, why))
        elif last.correction.entry in (Entry.LATE, Entry.REBILL):
            each = last.correction
            rows.append((source, number, "billed", each.pi, each.project, each.fund, ""))
        else:
            done = DONE[last.correction.entry]
            became = "rejected" if last.correction.entry is Entry.REJECTED else "credited"
            rows.append((source, number, became, *payer, f"{number} of {month} was {done} in {last.posted}"))
    return rows


def _earlier_rows(
    con: duckdb.DuckDBPyConnection, ledger: Ledger, period: str, loaded: Sequence[LoadedFile]
) -> list[EarlierRows]:
    """Rows in the folders of earlier months that name the same month as rows of this one: one of them is misplaced."""
    months = [each for each in sorted(ledger.charge_files) if each < period]
    if not months or not loaded:
        return []
    starts = " UNION ALL ".join(
        f"SELECT {file.expression('BillingPeriodStart')} AS text FROM {file.table}" for file in loaded
    )
    own = frozenset(month for (month,) in con.execute(f"SELECT DISTINCT left(text, 7) FROM ({starts})").fetchall())
    found: list[EarlierRows] = []
    for month in months:
        record = ledger.frozen.get(month)
        if record and month not in own and not any(each.flag == "wrong-period" for each in record.flags):
            # The record says that all its rows are of its own month.
            continue
        for file in ledger.charge_files[month]:
            shared = own & months_of(file)
            table = f"earlier_{len(found)}"
            names = rows_of_months(con, table, file, shared) if shared else ()
            if names:
                found.append(EarlierRows(file.path, table, {name: f"c{index}" for index, name in enumerate(names)}))
    return found


def _totals(con: duckdb.DuckDBPyConnection, period: str, loaded: Sequence[LoadedFile]) -> tuple[SourceTotals, ...]:
    covered = coverage(con, period, loaded)
    rows = con.execute(sql(__package__, "totals.sql")).fetchall()
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


def _files(con: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile]) -> tuple[FileRecord, ...]:
    sums = dict(con.execute("SELECT file, sum(cost) FROM attributed GROUP BY file").fetchall())
    return tuple(
        FileRecord(
            path=each.file.path,
            source=each.file.source,
            sha256=digest_of(each.file.location),
            size=each.file.size,
            charges=each.rows,
            exact_billed=sums.get(each.number, money.ZERO),
        )
        for each in loaded
    )
