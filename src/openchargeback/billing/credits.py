"""Credits: take back a charge that a closed period billed, to the cent, and re-bill it to the payer in `set`, if any.

The record of a period does not hold the cents of single charges, but the digests of its charge files. The cents are
recomputed from those files: the same sums, with each line's recorded cents allocated to its resources and charges
(`allocate.sql`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import duckdb

from openchargeback import money
from openchargeback.billing import lines as lines_
from openchargeback.billing.events import DONE, Event, Events
from openchargeback.billing.pipeline import settled_month
from openchargeback.focus.database import insert, named_rows, sql
from openchargeback.ledger.approvals import Decision
from openchargeback.ledger.periods import first_day
from openchargeback.ledger.settings import Payer
from openchargeback.model import Amounts, Correction, DecisionRecord, Entry, Kind, State
from openchargeback.problems import LedgerFault, Problem, has_errors
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.decisions import unusable_values
from openchargeback.review.ids import number_rest

_WHOLE = 64
"""Digits of a full id."""

Billed = Correction
"""A charge as a closed period billed it; `corrects` is the number of that statement."""


def credit_charges(
    ledger: RecordedLedger,
    original: str,
    period: str,
    decisions: Sequence[Decision],
    events: Events,
) -> tuple[list[Correction], list[DecisionRecord], list[Problem]]:
    """The credits (and re-billings) that decisions of an open `period` make of charges of the closed `original`."""
    problems: list[Problem] = []
    found: list[tuple[Decision, Billed]] = []
    unknown: list[tuple[Decision, str]] = []
    whole = _whole_ids(ledger, original, [id_ for each in decisions for id_ in each.charges], events)
    for decision in decisions:
        fault = unusable_values(decision.set, ledger.config, ledger.directory)
        problems += [decision.problem(*fault)] if fault else []
        for prefix in (whole.get(id_, id_) for id_ in decision.charges):
            billed = _billed_since(ledger, period, decision, prefix, events, problems)
            if billed:
                found.append((decision, billed))
            elif events.last(original, prefix) is None:
                unknown.append((decision, prefix))
    if unknown:
        charges = charge_cents(ledger, ledger.records[original], [prefix for _, prefix in unknown])
        for decision, prefix in unknown:
            result = charges[prefix]
            if isinstance(result, str):
                problems.append(decision.problem("void-decision", f"credit is void: {result}", "correct the id"))
            else:
                found.append((decision, result))
    problems += _twice(found)
    if has_errors(problems):
        return [], [_record(decision, []) for decision in decisions], problems
    corrections = [each for decision, billed in found for each in _posted(ledger, decision, billed, problems)]
    records = [_record(decision, [billed for other, billed in found if other is decision]) for decision in decisions]
    return corrections, records, problems


def creditable(
    ledger: RecordedLedger, original: str, period: str, ids: Sequence[str]
) -> tuple[list[Billed], list[str]]:
    """What closed periods billed for these charges of the closed `original`, and messages on why an open `period`
    cannot credit some of them.
    """
    events = Events.of(ledger.records.values())
    record = ledger.records[original]
    found: list[Billed] = []
    faults: list[str] = []
    whole = _whole_ids(ledger, original, ids, events)
    ids = [whole.get(id_, id_) for id_ in ids]
    own = [id_ for id_ in ids if events.last(original, id_) is None]
    cents = charge_cents(ledger, record, own) if own else {}
    for id_ in ids:
        last = events.last(original, id_)
        if last is None:
            result = cents[id_]
            (faults if isinstance(result, str) else found).append(result)  # type: ignore[arg-type]  # as tested
        elif last.posted > period:
            done = DONE[last.correction.entry]
            faults.append(f"{id_} was {done} in {last.posted}, which is later than {period}")
        elif last.correction.entry in (Entry.LATE, Entry.REBILL):
            found.append(_on_statement(ledger.records[last.posted], last.correction))
        else:
            done = DONE[last.correction.entry]
            faults.append(f"{id_} was already {done} in {last.posted}, at {last.correction.place}")
    return found, faults


def _whole_ids(ledger: RecordedLedger, original: str, ids: Sequence[str], events: Events) -> dict[str, str]:
    """Id prefixes that match earlier corrections, each with the one full id that it matches.

    A prefix may also match another charge of the period that was never corrected. It is then ambiguous and left out;
    looking up its cents reports that.
    """
    short = [id_ for id_ in ids if len(id_) < _WHOLE and events.has_prefix(original, id_)]
    if not short:
        return {}
    with _settled(ledger, original) as con:
        if con is None:
            return {}
        rows = [
            (prefix, con.execute("SELECT id FROM charge_id WHERE starts_with(id, ?) LIMIT 2", [prefix]).fetchall())
            for prefix in short
        ]
    return {prefix: found[0][0] for prefix, found in rows if len(found) == 1}


@dataclass(frozen=True, slots=True)
class BilledFilter:
    """Selects charges of a closed period: those that match every non-empty list.

    resources: ResourceIds. statements: numbers. projects: as billed. sources: names.
    """

    resources: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def billed_charges(ledger: RecordedLedger, period: str, wanted: BilledFilter) -> list[str]:
    """The ids (16 digits) of the charges of a closed period that a filter selects and that are billed now: by the
    period itself, late or again, and not credited since.
    """
    record, events = ledger.records[period], Events.of(ledger.records.values())
    payers = [[each.pi, each.project] for each in record.statements if each.number in wanted.statements]
    with _settled(ledger, period) as con:
        if con is None:
            return []
        rows = con.execute(
            sql(__package__, "billed_ids.sql"),
            {
                "resources": list(wanted.resources),
                "payers": payers,
                "of_statements": bool(wanted.statements),
                "projects": list(wanted.projects),
                "sources": list(wanted.sources),
            },
        ).fetchall()
    return [id_[:16] for id_, billed in rows if _is_billed(events.last(period, id_), billed=billed)]


def _is_billed(last: Event | None, *, billed: bool) -> bool:
    """Whether a charge is billed now. billed: whether its own period billed it."""
    return billed if last is None else last.correction.entry in (Entry.LATE, Entry.REBILL)


@contextmanager
def _settled(ledger: RecordedLedger, period: str) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """The database of a closed period, billed according to its record, all charges with ids; None if unreadable."""
    with ExitStack() as stack:
        try:
            charges = stack.enter_context(settled_month(ledger, period))
        except LedgerFault:
            yield None
            return
        number_rest(charges)
        lines_.sum_resources(charges.con, charges.config.currency)
        yield charges.con


def charge_cents(ledger: RecordedLedger, record: ClosingRecord, prefixes: Iterable[str]) -> dict[str, Billed | str]:
    """The amount billed for each charge of a closed period, by id or prefix; or a message saying why it is unknown.

    Reads the charge files of the period and compares every line with the record, so that the cents of its charges add
    up to the recorded cents.
    """
    period, wanted = record.period, list(dict.fromkeys(prefixes))
    with _settled(ledger, period) as con:
        if con is None:
            return dict.fromkeys(wanted, f"the charge files of {period} can no longer be read")
        con.execute("CREATE TABLE wanted (place INTEGER, prefix VARCHAR)")
        insert(con, "wanted", list(enumerate(wanted)))
        result: dict[str, Billed | str] = {}
        faithful = _faithful_lines(con, record)
        good: dict[str, tuple[str, int]] = {}
        for prefix, count, id_, line in con.execute(sql(__package__, "wanted_lines.sql")).fetchall():
            if count != 1:
                result[prefix] = f"{prefix} {'matches several charges' if count else 'matches no charge'} of {period}"
            elif line is None:
                result[prefix] = f"{prefix} was held or rejected in {period}, not billed"
            elif line not in faithful:
                result[prefix] = (
                    f"this version computes {prefix} differently from {period}, so its cents cannot be reproduced"
                )
            else:
                good[prefix] = (id_, line)
        lines_.share_charges(con, record.config.currency, sorted({line for _, line in good.values()}))
        billed = _billed(con, record)
        return {**result, **{prefix: billed[id_] for prefix, (id_, _) in good.items()}}


def _faithful_lines(con: duckdb.DuckDBPyConnection, record: ClosingRecord) -> set[int]:
    """The lines that are recomputed exactly as recorded, both exact sums and cents."""
    recorded = {line for line in record.lines if line.entry is Entry.OWN}
    made = lines_.numbered_lines(con, record.config, record.directory)
    return {number for line, number in made.items() if line in recorded}


def _billed(con: duckdb.DuckDBPyConnection, record: ClosingRecord) -> dict[str, Billed]:
    """The requested charges as the period billed them, by full id."""
    numbers = {(each.pi, each.project): each.number for each in record.statements}
    recorded = {line.key: line for line in record.lines if line.entry is Entry.OWN}
    result = {}
    for row in named_rows(con, sql(__package__, "shared_charges.sql")):
        usage, kind = lines_.usage_of(row), Kind(row.pop("kind"))
        amounts = lines_.amounts_of(row.pop("discount"), row.pop("billed"), record.config, row["source"])
        line = recorded[row["pi"], row["project"], row["fund"], row["source"], row["service"]]
        result[row["charge"]] = Correction(
            **row,
            original=record.period,
            entry=Entry.OWN,
            currency=record.config.currency,
            amounts=amounts,
            corrects=numbers[row["pi"], row["project"]],
            place="",
            posted=line.posted,
            invoiced=line.invoiced,
            kind=kind,
            usage=usage,
        )
    return result


def _billed_since(
    ledger: RecordedLedger, period: str, decision: Decision, prefix: str, events: Events, problems: list[Problem]
) -> Billed | None:
    """The charge as a later period billed it; else None, with a problem if it cannot be credited."""
    last = events.last(decision.period, prefix)
    if last is None:
        return None
    what, place = last.correction.charge[:16], f"{last.posted}, at {last.correction.place}"
    if last.correction.entry is Entry.CREDIT:
        message = f"{what} was already credited in {place}, and not billed again since"
        problems.append(decision.problem("credited-already", message, "keep one of the credits"))
        return None
    if last.correction.entry is Entry.REJECTED:
        message = f"{what} was never billed: it was rejected in {place}"
        problems.append(decision.problem("void-decision", message, "remove the decision"))
        return None
    record = ledger.records.get(last.posted)
    if record is None or ledger.period_file(last.posted).state is State.OPEN:
        message = f"{what} was billed in the open period {place}"
        problems.append(decision.problem("not-closed", message, "change that decision instead"))
        return None
    if last.posted > period:
        message = f"{what} was billed in {place}, which is later than {period}"
        fix = f"put the decision in the folder of a period after {last.posted}"
        problems.append(decision.problem("not-closed", message, fix))
        return None
    return _on_statement(record, last.correction)


def _on_statement(record: ClosingRecord, billed: Billed) -> Billed:
    """A charge with the number of the statement on which a closed period billed it."""
    numbers = {(each.pi, each.project): each.number for each in record.statements}
    return replace(billed, corrects=numbers[billed.pi, billed.project])


def _twice(found: Sequence[tuple[Decision, Billed]]) -> list[Problem]:
    """Problems for charges that the decisions of a period credit more than once."""
    first: dict[str, Decision] = {}
    problems = []
    for decision, billed in found:
        if billed.charge in first:
            message = f"{billed.charge[:16]} is already credited at {first[billed.charge].place}"
            problems.append(decision.problem("credited-already", message, "keep one of the credits"))
        first.setdefault(billed.charge, decision)
    return problems


def _posted(ledger: RecordedLedger, decision: Decision, billed: Billed, problems: list[Problem]) -> list[Correction]:
    """The credit of a charge, and its re-billing if the decision sets a payer."""
    credit = replace(
        billed,
        entry=Entry.CREDIT,
        exact_list=money.negative(billed.exact_list),
        exact_billed=money.negative(billed.exact_billed),
        amounts=Amounts() - billed.amounts,
        place=decision.place,
        usage=billed.usage.taken_back,
    )
    if decision.set == Payer():
        return [credit]
    payer = _payer(ledger, decision, billed)
    # A re-billing is due if its source posts today, and invoiced if its PI is external, whatever the credit reverses.
    posted, invoiced = lines_.due_as(billed.source, payer.pi, ledger.config, ledger.directory)
    if posted and not invoiced and not payer.fund and billed.amounts.billed:
        message = f"credit re-bills {billed.charge[:16]} without a fund"
        problems.append(decision.problem("incomplete-decision", message, "add `fund` to `set`"))
    again = replace(
        billed,
        entry=Entry.REBILL,
        pi=payer.pi,
        project=payer.project,
        fund=payer.fund,
        place=decision.place,
        posted=posted,
        invoiced=invoiced,
    )
    return [credit, again]


def _payer(ledger: RecordedLedger, decision: Decision, billed: Billed) -> Payer:
    """Per field: the value in `set`, else the new project's entry as of the charge's date, else the previous value."""
    chosen = decision.set
    entry = ledger.directory.projects.get(chosen.project)
    held = entry.entry_on(billed.usage.first_day or first_day(decision.period)) if entry else None
    return Payer(
        ledger.directory.email(chosen.pi) if chosen.pi else (held.pi if held and held.pi else billed.pi),
        chosen.project or billed.project,
        chosen.fund or (held.fund if held and held.fund else billed.fund),
    )


def _record(decision: Decision, charges: Sequence[Billed]) -> DecisionRecord:
    credited = money.total(*(each.exact_billed for each in charges))
    return DecisionRecord(
        path=decision.path,
        line=decision.line,
        decision=decision.verb.value,
        what=f"{decision.period}: {decision.subject}",
        charges=len(charges),
        exact_billed=money.negative(credited),
        reason=decision.reason,
        by=decision.by,
        on=decision.on.isoformat() if decision.on else "",
    )
