"""The stages of one period in their order: from charge files to everything that is shown (DESIGN section 4).

read ─▶ attribute ─▶ flag ─▶ decide ─▶ sum and round ─▶ statements ─▶ journal ─▶ reconcile
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from openchargeback import money
from openchargeback.billing import charges_data, journal, lines, reconciliation, statements
from openchargeback.focus.database import count, database, sql
from openchargeback.focus.reading import LoadedFile, load
from openchargeback.ledger.files import digest_of
from openchargeback.ledger.periods import last_day
from openchargeback.ledger.reading import Ledger
from openchargeback.model import (
    BilledPeriod,
    BillingLine,
    Correction,
    DecisionRecord,
    Entry,
    FileRecord,
    FlagGroup,
    HeldGroup,
    SourceTotals,
    State,
)
from openchargeback.problems import Problem, has_errors
from openchargeback.review.attribution import attribute
from openchargeback.review.decisions import apply_decisions, digest_of_ids
from openchargeback.review.flags import Spending, Unusual, flag_charges
from openchargeback.review.ids import number_charges

IDS_SHOWN = 5
"""How many ids of a flag group are shown."""


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
        records, faults = settle(con, ledger, period, loaded, history)
        problems += faults
        state = ledger.period_file(period)
        own = lines.read_lines(con, period, ledger.config)
        billing_lines = tuple(sorted((*own, *posted.lines), key=lambda line: line.key))
        held = held_groups(con)
        made = statements.make_statements(con, ledger, period, billing_lines, held)
        numbers = {(statement.pi.email, statement.project.id): statement.number for statement in made}
        issued = state.closed.on if state.closed and state.state is not State.OPEN else last_day(period)
        result = BilledPeriod(
            period=period,
            state=state.state,
            revision=state.revision,
            closed_on=state.closed.on if state.closed and state.state is not State.OPEN else None,
            closed_by=state.closed.by if state.closed and state.state is not State.OPEN else "",
            finalized_on=state.finalized.on if state.finalized and state.state is State.FINALIZED else None,
            currency=ledger.config.currency,
            sources=_totals(con),
            files=_files(con, loaded),
            lines=billing_lines,
            statements=made,
            held=held,
            flags=flag_groups(con, period),
            decisions=(*records, *posted.decisions),
            corrections=posted.corrections,
            journal=journal.journal_of(period, issued, billing_lines, numbers, ledger.settings),
            digest=digest,
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
    flags: tuple[FlagGroup, ...] = ()
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
    records, faults = settle(con, ledger, period, loaded, history)
    billing_lines = lines.read_lines(con, period, ledger.config)
    return Settled(billing_lines, _totals(con), flag_groups(con, period), records), loaded, problems + faults


def settle(
    con: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    period: str,
    loaded: Sequence[LoadedFile],
    history: Sequence[ClosedMonth],
) -> tuple[tuple[DecisionRecord, ...], list[Problem]]:
    """Attribute, flag and decide the loaded charges and sum them up: the table `line` stands afterwards.

    Of a period with a record, what was unusual is taken from there, whatever the months before it say by now.
    """
    config, directory, record = ledger.config, ledger.directory, ledger.frozen.get(period)
    unusual = _unusual_in(record.flags) if record else None
    attribute(con, period, loaded, config, directory)
    before = [(month.counts, month.spending) for month in history]
    problems = flag_charges(con, period, loaded, config, before, unusual)
    decisions = tuple(each for each in ledger.approvals.get(period, ()) if not each.period)
    needing = con.execute(
        "SELECT DISTINCT source FROM attributed" + ("" if decisions else " WHERE n IN (SELECT n FROM flag)")
    ).fetchall()
    number_charges(con, period, loaded, [source for (source,) in needing])
    records, faults = apply_decisions(con, decisions, config, directory)
    lines.sum_lines(con, config.currency)
    return records, problems + faults


def _unusual_in(flags: Sequence[FlagGroup]) -> list[Unusual]:
    found = {(each.source, each.project, each.service): each.why for each in flags if each.flag == "unusual-amount"}
    return [(*key, why) for key, why in sorted(found.items())]


def _totals(con: duckdb.DuckDBPyConnection) -> tuple[SourceTotals, ...]:
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
        )
        for source, currency, files, charges, *rest in rows
        for amounts, counts in [(rest[:5], rest[5:])]
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


def held_groups(con: duckdb.DuckDBPyConnection) -> tuple[HeldGroup, ...]:
    """The held charges, grouped by payer, source, service and flags."""
    rows = con.execute(sql(__package__, "held.sql")).fetchall()
    return tuple(
        HeldGroup(source, service, pi, project, fund, tuple(flags), charges, exact_list, exact_billed, currency)
        for source, service, pi, project, fund, flags, charges, exact_list, exact_billed, currency in rows
    )


def flag_groups(con: duckdb.DuckDBPyConnection, period: str) -> tuple[FlagGroup, ...]:
    """The flagged charges of the period, grouped as a reviewer decides them."""
    rows = con.execute(sql(__package__, "flag_groups.sql")).fetchall()
    return tuple(
        FlagGroup(
            period=period,
            flag=flag,
            source=source,
            project=project,
            service=service,
            pi=pi,
            charges=charges,
            exact_billed=exact_billed,
            exact_list=exact_list,
            currency=currency,
            held=held,
            exact_held=exact_held,
            digest=digest_of_ids(ids) if ids else "",
            ids=tuple(id_[:16] for id_ in (ids or [])[:IDS_SHOWN]),
            why=why or "",
        )
        for flag, source, project, service, pi, currency, *rest in rows
        for charges, exact_billed, exact_list, held, exact_held, ids, why in [rest]
    )
