"""Late decisions on charges that were held when their period closed, from an open period's approvals folder.

They go through the same stages that decide and sum a period's own charges, in a database built from `P.held.csv`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from openchargeback.billing import lines as lines_
from openchargeback.billing.events import Events
from openchargeback.billing.pipeline import by_period
from openchargeback.focus.database import database, insert, named_rows, query, sql
from openchargeback.ledger.approvals import Decision
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.files import Gate
from openchargeback.ledger.periods import HELD, part_path
from openchargeback.model import Amounts, BillingLine, Correction, DecisionRecord, Entry, Kind, QueueItem
from openchargeback.problems import Problem
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.attribution import directory_tables
from openchargeback.review.decisions import apply_decisions
from openchargeback.review.queue import read_queue
from openchargeback.review.recorded_tables import recorded_rows
from openchargeback.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutcome:
    """The result of one period's late decisions on the held charges of a closed period.

    queue: what is still held afterwards. remaining: its exact sums, by source and currency.
    """

    lines: tuple[BillingLine, ...] = ()
    corrections: tuple[Correction, ...] = ()
    records: tuple[DecisionRecord, ...] = ()
    queue: tuple[QueueItem, ...] = ()
    remaining: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def settle_held(
    ledger: RecordedLedger, original: str, period: str, decisions: Sequence[Decision], events: Events
) -> HeldOutcome:
    """Apply the decisions of an open `period` to what is still held of the closed period `original`.

    `set` is checked with today's fund patterns, since it is posted today, and with the directory as of `original`.
    """
    record = ledger.records[original]
    fresh, problems = _not_decided_before(decisions, events)
    if not Gate(ledger.root).is_file(part_path(original, HELD)):
        return HeldOutcome(problems=(*problems, *(_nothing_held(each) for each in fresh)))
    directory = as_of(ledger.directory, record)
    with database() as con:
        held_tables(con, ledger, [original], events, directory)
        records, faults = apply_decisions(con, fresh, ledger.config, directory)
        problems += faults
        problems += _still_held(con, fresh)
        lines_.sum_lines(con, ledger.config.currency)
        lines_.sum_resources(con, ledger.config.currency)
        numbers = [number for (number,) in con.execute("SELECT id FROM line").fetchall()]
        lines_.share_charges(con, ledger.config.currency, numbers)
        return HeldOutcome(
            lines=tuple(
                replace(line, period=period, entry=Entry.LATE, original=original)
                for line in lines_.read_lines(con, ledger.config, ledger.directory)
            ),
            corrections=_corrections(con, original, fresh, ledger),
            records=tuple(replace(each, what=f"{original}: {each.what}") for each in records),
            queue=read_queue(con),
            remaining=_remaining(con).get(original, {}),
            problems=tuple(problems),
        )


def still_held(ledger: RecordedLedger, originals: Sequence[str], events: Events) -> dict[str, HeldOutcome]:
    """What is still held of closed periods that no open period decides on, by period; read together."""
    found = {original: HeldOutcome() for original in originals}
    there = [original for original in originals if Gate(ledger.root).is_file(part_path(original, HELD))]
    if not there:
        return found
    with database() as con:
        held_tables(con, ledger, there, events, ledger.directory)
        apply_decisions(con, (), ledger.config, ledger.directory)
        queue, remaining = by_period(read_queue(con)), _remaining(con)
    return found | {
        original: HeldOutcome(queue=queue.get(original, ()), remaining=remaining.get(original, {}))
        for original in there
    }


def held_tables(
    con: duckdb.DuckDBPyConnection,
    ledger: RecordedLedger,
    originals: Sequence[str],
    events: Events,
    directory: Directory,
) -> None:
    """Create the tables that decisions apply to, from what is still held of closed periods."""
    con.execute(sql("openchargeback.focus", "macros.sql"))
    con.execute("CREATE TABLE done (recorded VARCHAR, id VARCHAR)")
    insert(con, "done", [(original, id_) for original in originals for id_ in events.charges(original)])
    con.execute("CREATE TABLE shown_only (source VARCHAR)")
    sources = {each.source for original in originals for each in ledger.records[original].sources}
    insert(con, "shown_only", [(name,) for name in sorted(sources) if not ledger.config.posts(name)])
    con.execute(sql(__package__, "held_tables.sql", rows=f"({recorded_rows(ledger.root, originals, HELD)})"))
    directory_tables(con, directory)
    con.execute(sql("openchargeback.review", "flagged.sql"))


def held_ids(root: Path, period: str) -> set[str]:
    """The ids of the charges that were held when a period closed."""
    path = part_path(period, HELD)
    if not Gate(root).is_file(path):
        return set()
    with database() as con:
        return {id_ for (id_,) in con.execute(f"SELECT charge FROM ({recorded_rows(root, [period], HELD)})").fetchall()}


def as_of(directory: Directory, record: ClosingRecord) -> Directory:
    """Today's directory, but with the period's projects as they were recorded."""
    return replace(directory, projects={**directory.projects, **record.directory.projects})


def _not_decided_before(decisions: Sequence[Decision], events: Events) -> tuple[list[Decision], list[Problem]]:
    fresh, problems = [], []
    for decision in decisions:
        before = next((last for id_ in decision.charges if (last := events.last_by_prefix(decision.period, id_))), None)
        if before is None:
            fresh.append(decision)
            continue
        what = f"{before.correction.charge[:16]} was already decided in {before.posted}, at {before.correction.place}"
        problems.append(
            decision.problem("decided-already", what, "remove it; to reverse what was billed, use `credit`")
        )
    return fresh, problems


def _nothing_held(decision: Decision) -> Problem:
    what = f"no charge of {decision.period} was held when it was closed"
    return decision.problem("void-decision", what, "remove it; to reverse what was billed, use `credit`")


def _still_held(con: duckdb.DuckDBPyConnection, decisions: Sequence[Decision]) -> list[Problem]:
    """Problems for late decisions that clear only some flags of a charge: charges that stay held would be lost."""
    rows = con.execute(query(__package__, "still_held")).fetchall()
    return [
        decisions[number].problem(
            "late-still-held",
            f"leaves {counted(charges, 'charge')} held by {', '.join(flags)}",
            "clear all flags of these charges in the same period",
        )
        for number, charges, flags in rows
    ]


def _corrections(
    con: duckdb.DuckDBPyConnection, original: str, decisions: Sequence[Decision], ledger: RecordedLedger
) -> tuple[Correction, ...]:
    result = []
    for row in named_rows(con, sql(__package__, "late_charges.sql")):
        rejected = row.pop("disposition") == "rejected"
        amounts = lines_.amounts_of(row.pop("discount"), row.pop("billed"), ledger.config, row["source"])
        place = decisions[row.pop("decision")].place
        posted, invoiced = lines_.due_as(row["source"], row["pi"], ledger.config, ledger.directory)
        kind, usage = Kind(row.pop("kind")), lines_.usage_of(row)
        correction = Correction(
            **row,
            kind=kind,
            usage=usage,
            original=original,
            entry=Entry.REJECTED if rejected else Entry.LATE,
            amounts=Amounts() if rejected else amounts,
            corrects="",
            place=place,
            posted=posted,
            invoiced=invoiced,
        )
        result.append(correction)
    return tuple(result)


def _remaining(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, dict[str, Decimal]]]:
    """The exact sums that are still held, by period, source and currency."""
    result: dict[str, dict[str, dict[str, Decimal]]] = {}
    for period, source, currency, amount in con.execute(query(__package__, "remaining")).fetchall():
        result.setdefault(period, {}).setdefault(source, {})[currency] = amount
    return result
