"""Review a period: its queue with every charge, and the effect of further decisions.

Runs the stages up to the flags once, then applies decisions to the result: first the ledger's, then the same with the
new ones added. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb

from openchargeback.billing.corrections import post
from openchargeback.billing.events import Events
from openchargeback.billing.late import as_of, held_tables
from openchargeback.billing.pipeline import flag, own_decisions, read_charges
from openchargeback.focus.database import database
from openchargeback.ledger.approval_text import approval_text
from openchargeback.ledger.approvals import Decision, read_approvals
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.directory_stubs import Suggestion
from openchargeback.ledger.periods import HELD, part_path
from openchargeback.model import DecisionRecord, HeldCharge, QueueItem, State
from openchargeback.problems import LedgerFault, Problem, Severity, UsageFault, has_errors
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.decisions import apply_decisions
from openchargeback.review.queue import charges_of_items, read_queue
from openchargeback.review.suggestions import suggestions

_Place = tuple[tuple[str, ...], tuple[str, ...]]


def _place(item: QueueItem) -> _Place:
    """A key that is unique within a queue. Items of charges named by id differ only in the flags that hold them."""
    return item.key, item.uncleared


@dataclass(frozen=True, slots=True)
class Effect:
    """What further decisions do: each with whether it is void, the errors they cause, and the items they settle."""

    records: tuple[DecisionRecord, ...]
    errors: list[Problem]
    settled: tuple[QueueItem, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """The queue of one period and its database. items: those still undecided. charges: the charges of each item.

    period: the period of the charges. folder: the open period whose approval files decide on them.
    """

    con: duckdb.DuckDBPyConnection
    ledger: RecordedLedger
    directory: Directory
    period: str
    folder: str
    decisions: tuple[Decision, ...]
    problems: tuple[Problem, ...]
    items: tuple[QueueItem, ...]
    charges: Mapping[_Place, tuple[HeldCharge, ...]]

    def charges_of(self, item: QueueItem) -> tuple[HeldCharge, ...]:
        """All charges of an item of this queue, largest amount first."""
        return self.charges[_place(item)]

    def errors_with(self, texts: Sequence[str]) -> list[Problem]:
        """The errors that adding these decisions to the ledger would cause."""
        path = f"approvals/{self.folder}/new.yaml"
        added, faults = read_approvals(approval_text(texts).encode(), path)
        return [*_new_errors(faults, self.problems), *self.with_decisions(added).errors]

    def with_decisions(self, added: Sequence[Decision]) -> Effect:
        """What adding these decisions to the ledger would do."""
        records, found = apply_decisions(self.con, (*self.decisions, *added), self.ledger.config, self.directory)
        left = {item.id for item in read_queue(self.con)}
        settled = tuple(item for item in self.items if item.id not in left)
        return Effect(records[len(self.decisions) :], _new_errors(found, self.problems), settled)


def suggested(ledger: RecordedLedger, period: str) -> list[Suggestion]:
    """Directory entries that would attribute what is held of a period, open or closed.

    Raises UsageFault if the ledger has no such period, LedgerFault as `open_review` does.
    """
    if period not in ledger.periods:
        raise UsageFault(f"the ledger has no period {period}")
    of = "" if ledger.period_file(period).state is State.OPEN else period
    with open_review(ledger, "" if of else period, of) as review:
        return suggestions(review.items, ledger.config.currency)


def new_errors(ledger: RecordedLedger, period: str, texts: Sequence[str]) -> list[Problem]:
    """The errors that new decisions on closed periods, in the folder of an open one, would cause."""
    decisions, faults = read_approvals(approval_text(texts).encode(), f"approvals/{period}/new.yaml")
    together = {**ledger.approvals, period: (*ledger.approvals.get(period, ()), *decisions)}
    _, found = post(replace(ledger, approvals=together))
    return _new_errors((*faults, *found), post(ledger)[1])


def _new_errors(found: Iterable[Problem], before: Iterable[Problem]) -> list[Problem]:
    known = {(each.path, each.line, each.code) for each in before}
    errors = (each for each in found if each.severity is Severity.ERROR)
    return [each for each in errors if (each.path, each.line, each.code) not in known]


def is_open(ledger: RecordedLedger, period: str) -> bool:
    """Whether a period still accepts decisions."""
    return ledger.period_file(period).state is State.OPEN


def original_of(ledger: RecordedLedger, period: str, of: str | None) -> str:
    """The closed period whose charges are decided; empty for the open period's own."""
    if period not in ledger.periods and not of:
        raise UsageFault(f"the ledger has no period {period}")
    if not is_open(ledger, period):
        hint = f"; decide it from an open period with --of {period}" if not of else ""
        raise UsageFault(f"{period} is {ledger.period_file(period).state}; only an open period accepts decisions{hint}")
    if of and of not in ledger.periods:
        raise UsageFault(f"the ledger has no period {of}")
    if of and is_open(ledger, of):
        raise UsageFault(f"{of} is open: decide its charges with --period {of}")
    if of and of > period:
        raise UsageFault(f"{of} is later than {period}")
    if of and of not in ledger.records:
        raise UsageFault(f"{of} has no usable closing record; see `focus-billing validate`")
    return of or ""


def refuse_faulty(faults: Sequence[Problem]) -> None:
    """Raise UsageFault with the errors that these decisions would cause in the ledger."""
    if faults:
        reasons = "\n  ".join(dict.fromkeys(f"{each.message}; {each.fix}" for each in faults))
        raise UsageFault(f"these decisions would be invalid, so nothing was written\n  {reasons}")


@contextmanager
def open_review(ledger: RecordedLedger, folder: str, of: str = "") -> Iterator[Review]:
    """Review an open period, or what is still held of the closed period `of`, decided from the open period `folder`.

    The ledger must hold its records. Raises LedgerFault if charge files cannot be read.
    """
    with database() as con:
        if of:
            decisions, directory = _held(con, ledger, folder, of)
        else:
            decisions, directory = _own(con, ledger, folder), ledger.directory
        _, problems = apply_decisions(con, decisions, ledger.config, directory)
        period = of or folder
        items = read_queue(con)
        charges = dict(zip(map(_place, items), charges_of_items(con), strict=True))
        yield Review(con, ledger, directory, period, folder, decisions, tuple(problems), items, charges)


def _own(con: duckdb.DuckDBPyConnection, ledger: RecordedLedger, period: str) -> tuple[Decision, ...]:
    charges, problems = read_charges(con, ledger, [period])
    if has_errors(problems):
        raise LedgerFault(problems, ledger.root)
    flag(charges, ids_of_all=[period])
    return own_decisions(ledger, period)


def _held(
    con: duckdb.DuckDBPyConnection, ledger: RecordedLedger, folder: str, of: str
) -> tuple[tuple[Decision, ...], Directory]:
    """Create the tables of a closed period's held charges, before the decisions of this folder."""
    directory = as_of(ledger.directory, ledger.records[of])
    events = Events.of(ledger.records.values())
    # Decisions of other open periods are applied before or after this one's, in the order of the periods.
    others = {period: each for period, each in ledger.approvals.items() if period < folder}
    for period, posted in sorted(post(replace(ledger, approvals=others))[0].items()):
        events.add(period, posted.corrections)
    if not (ledger.root / part_path(of, HELD)).is_file():
        raise LedgerFault(
            [Problem(part_path(of, HELD), "not-frozen", f"no charge of {of} is held", "nothing to decide")]
        )
    held_tables(con, ledger, [of], events, directory)
    decisions = tuple(each for each in ledger.approvals.get(folder, ()) if each.period == of and each.verb != "credit")
    return decisions, directory
