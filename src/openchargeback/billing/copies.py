"""Check that the charges of equal files are billed only once (docs/ARCHITECTURE.md, "Invariants").

A file may be added again, under the right source or period, once every charge of the wrong copy was rejected, or
credited after it was billed. Until then the copies are an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import duckdb

from openchargeback.billing.events import Events
from openchargeback.billing.pipeline import PostedCorrections, settled_month
from openchargeback.focus.database import insert, sql
from openchargeback.focus.equal_files import Copies
from openchargeback.ledger.files import ChargeFile
from openchargeback.model import Entry, State
from openchargeback.problems import LedgerFault, Problem
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.ids import number_rest


def billed_twice(
    ledger: RecordedLedger, found: Sequence[Copies], posted: Mapping[str, PostedCorrections]
) -> list[Problem]:
    """An error for each file whose charges are billed or held while those of an equal earlier file are, too.

    The ledger must hold its records. posted: by period, what open periods do to charges of closed ones.
    """
    billing = still_billing(ledger, (file for copies in found for file in copies), posted)
    problems = []
    for copies in found:
        for file in [each for each in copies if each.path in billing][1:]:
            # Name all others regardless of their outcome, so that deciding one of them does not change the problem.
            others = ", ".join(each.path for each in copies if each is not file)
            what = f"holds the same charges as {others}, so they are billed twice"
            fix = "remove one of the files, or reject all its charges; if its month is closed, credit them"
            problems.append(Problem(file.path, "duplicate-file", what, fix))
    return problems


def still_billing(
    ledger: RecordedLedger, files: Iterable[ChargeFile], posted: Mapping[str, PostedCorrections]
) -> set[str]:
    """The paths of the files that have any charge billed or held.

    Skips a file that cannot be read, or whose closed month has no record: either is already an error. The ledger must
    hold its records.
    """
    events = Events.of(ledger.records.values())
    for period, decided in sorted(posted.items()):
        events.add(period, decided.corrections)
    wanted = {file.path: file.period for file in files}
    billing = {path for period in set(wanted.values()) for path in _billing(ledger, period, events)}
    return billing & set(wanted)


def _billing(ledger: RecordedLedger, period: str, events: Events) -> Collection[str]:
    """The paths of a period's files that have any charge billed or held."""
    record, is_open = ledger.records.get(period), ledger.period_file(period).state is State.OPEN
    if record is None and not is_open:
        return ()
    own = [each for each in ledger.approvals.get(period, ()) if not each.period]
    if not own and not events.charges(period):
        # No decisions: everything is billed or held.
        return [file.path for file in ledger.charge_files.get(period, ())]
    try:
        with settled_month(ledger, period) as charges:
            number_rest(charges)
            _fill_events(charges.con, period, events)
            numbers = {number for (number,) in charges.con.execute(sql(__package__, "copies.sql")).fetchall()}
            return [each.file.path for each in charges.loaded.files if each.number in numbers]
    except (LedgerFault, duckdb.OutOfRangeException):
        # The ledger cannot be billed; that is already an error.
        return ()


def _fill_events(con: duckdb.DuckDBPyConnection, period: str, events: Events) -> None:
    """Fill `event`: the charges of the period that later periods decided on, and whether they are billed now."""
    con.execute("CREATE TABLE event (id VARCHAR, billed BOOLEAN)")
    rows = []
    for id_ in events.charges(period):
        last = events.last(period, id_)
        rows.append((id_, last is not None and last.correction.entry in (Entry.LATE, Entry.REBILL)))
    insert(con, "event", rows)
