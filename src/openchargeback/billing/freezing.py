"""Freeze a period when it is closed, show it from its record, and detect where the program differs today."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TypeVar

from openchargeback import money
from openchargeback.billing import reconciliation
from openchargeback.billing.periods import bill_period
from openchargeback.billing.pipeline import PostedCorrections
from openchargeback.billing.postings import lazy_journal
from openchargeback.billing.statements import corrections_of, paying_of
from openchargeback.focus.database import sql
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.periods import (
    CHART_MONTHS,
    FROZEN,
    NOTES,
    Event,
    accounting_date,
    last_day,
    months_until,
    part_path,
)
from openchargeback.model import (
    BilledPeriod,
    Entry,
    PeriodAmounts,
    QueueItem,
    ResourceLine,
    State,
    Statement,
    SummedPeriod,
    field_values,
)
from openchargeback.problems import Problem, Severity
from openchargeback.record.closing_record import (
    ClosingRecord,
    Inputs,
    RecordedResource,
    RecordedStatement,
    StatementDetails,
)
from openchargeback.record.lazy import LazySequence
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.charges import Charges

Histories = Mapping[tuple[str, str], tuple[PeriodAmounts, ...]]
"""PI's email address and project's id → the amounts that earlier periods billed them."""

_Listed = TypeVar("_Listed")


@dataclass(slots=True)
class Details:
    """What only the database of a billed period holds: its held charges and its attribution."""

    held: list[tuple[str, ...]] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    projects: set[str] = field(default_factory=set)
    funds: set[str] = field(default_factory=set)

    def read(self, charges: Charges) -> None:
        """Read the details from the database; called by `bill_period`."""
        con = charges.con
        rows = con.execute(sql(__package__, "held_charges.sql")).fetchall()
        self.held = [(*row[:12], money.exact(row[12]), money.exact(row[13]), *row[14:]) for row in rows]
        for names, column in ((self.people, "pi"), (self.projects, "project"), (self.funds, "fund")):
            found = con.execute(
                f"SELECT {column} FROM payer WHERE {column} IS NOT NULL UNION SELECT {column} FROM decided_charge "
                f"WHERE {column} IS NOT NULL UNION SELECT {column} FROM verdict WHERE {column} IS NOT NULL"
            ).fetchall()
            names.update(name for (name,) in found)


def freeze(
    ledger: RecordedLedger, billed: BilledPeriod, details: Details, histories: Histories, version: str
) -> ClosingRecord:
    """The record of a period that is being closed. File digests are computed when the files are written."""
    sources = {each.source for each in billed.sources} | {line.source for line in billed.lines}
    sources |= {each.source for each in billed.without}
    people = details.people | {line.pi for line in billed.lines}
    projects = details.projects | {line.project for line in billed.lines}
    funds = details.funds | {line.fund for line in billed.lines}
    config = ledger.config
    return ClosingRecord(
        period=billed.period,
        version=version,
        libraries={},
        revision=billed.revision,
        closed=Event(billed.closed_on or last_day(billed.period), billed.closed_by),
        accounting_date=billed.accounting_date,
        without=billed.without,
        config=replace(config, sources={name: each for name, each in config.sources.items() if name in sources}),
        directory=_used(ledger.directory, people, projects, funds),
        inputs=Inputs(
            charges=billed.files,
            approvals={
                path: digest
                for path, digest in sorted(ledger.digests.items())
                if path.startswith(f"approvals/{billed.period}/")
            },
        ),
        files={},
        sources=billed.sources,
        invoices=tuple(replace(each, rows=()) for each in billed.invoices),
        queue=billed.queue,
        flags=billed.flags,
        unusual=billed.unusual,
        decisions=billed.decisions,
        statements=_recorded_statements(billed, histories),
        lines=billed.lines,
        resources=tuple(
            RecordedResource(each.pi.email, each.project.id, resource)
            for each in billed.statements
            for resource in each.resources
        ),
        corrections=billed.corrections,
    )


def _recorded_statements(billed: BilledPeriod, histories: Histories) -> tuple[RecordedStatement, ...]:
    """What is recorded of statements besides their lines and resources."""
    charted = months_until(billed.period, CHART_MONTHS)[:-1]
    return tuple(
        RecordedStatement(
            number=each.number,
            pi=each.pi.email,
            project=each.project.id,
            digest=each.digest,
            details=StatementDetails(
                history=tuple(
                    entry for entry in histories.get((each.pi.email, each.project.id), ()) if entry.period in charted
                ),
                attributions=each.attributions,
                references=each.references,
            ),
        )
        for each in billed.statements
    )


def _used(directory: Directory, people: set[str], projects: set[str], funds: set[str]) -> Directory:
    """The entries of these people, projects and funds, and of all people and funds that the projects' entries name.

    Keeps at least one entry of each kind: whether a directory file has any decides which flags unlisted values raise.
    """
    known = _listed(directory.projects, projects)
    entries = [each for entry in known.values() for each in entry.entries]
    persons = _listed(directory.people, people.union(*(each.all_pis for each in entries)))
    return Directory(
        persons,
        {alias: email for alias, email in directory.aliases.items() if email in persons},
        known,
        _listed(directory.funds, funds.union(*(each.all_funds for each in entries))),
    )


def _listed(known: Mapping[str, _Listed], names: set[str]) -> dict[str, _Listed]:
    return {name: entry for name, entry in known.items() if name in names} or dict(sorted(known.items())[:1])


def thaw_lines(
    ledger: RecordedLedger, period: str, still_queued: tuple[QueueItem, ...] = ()
) -> tuple[SummedPeriod, list[Problem]]:
    """A closed period from its record, its billing lines read when first looked at.

    ledger: with the records of its closed periods and today's settings, whose currency must be the same; the problem
    if it is not. still_queued: what is still held.
    """
    frozen, state = ledger.records[period], ledger.period_file(period)
    closed_on = state.closed.on if state.closed else last_day(period)
    lines = SummedPeriod(
        period=period,
        state=state.state,
        revision=state.revision,
        closed_on=closed_on,
        closed_by=state.closed.by if state.closed else "",
        finalized_on=state.finalized.on if state.finalized and state.state is State.FINALIZED else None,
        accounting_date=accounting_date(period, state),
        currency=frozen.config.currency,
        sources=frozen.sources,
        files=frozen.inputs.charges,
        lines=frozen.lines,
        queue=frozen.queue,
        flags=frozen.flags,
        decisions=frozen.decisions,
        digest=frozen.digest,
        unusual=frozen.unusual,
        corrections=frozen.corrections,
        still_queued=still_queued,
        evidence=frozen.evidence,
        without=frozen.without,
        invoices=frozen.invoices,
        documents=frozen.documents,
        again=frozen.again,
    )
    return lines, currency_faults(frozen, ledger.config.currency)


def thaw(
    ledger: RecordedLedger, period: str, still_queued: tuple[QueueItem, ...] = (), *, checked: bool = False
) -> tuple[BilledPeriod, list[Problem]]:
    """Everything of a closed period from its record, and every invariant that it violates. As `thaw_lines`.

    checked: its tables are known to be sound and the invariants to hold, so that nothing is read before it is used.
    Raises LedgerFault if a table of the record is faulty.
    """
    frozen = ledger.records[period]
    lines, problems = thaw_lines(ledger, period, still_queued)
    thawed = BilledPeriod(
        **field_values(lines),
        statements=LazySequence(partial(_statements, frozen, lines)),
        journal=lazy_journal(ledger, period),
    )
    return thawed, [*(() if checked else reconciliation.check(thawed)), *problems]


def _statements(frozen: ClosingRecord, period: SummedPeriod) -> tuple[Statement, ...]:
    """The statements of a closed period, each with its lines, resources, corrections and held items."""
    lines = _by_statement((line.pi, line.project, line) for line in frozen.lines)
    # Most commands look at no resource of a closed month.
    resources = cache(lambda: _by_statement((each.pi, each.project, each.line) for each in frozen.resources))
    held = _by_statement((item.pi, item.project, item) for item in frozen.queue)
    corrections = _by_statement((each.pi, each.project, each) for each in frozen.corrections)
    made = (
        Statement(
            number=each.number,
            period=frozen.period,
            revision=period.revision,
            draft=False,
            issued=period.closed_on or last_day(frozen.period),
            accounting_date=period.accounting_date,
            pi=frozen.directory.person(each.pi),
            project=frozen.directory.project(each.project),
            lines=tuple(lines.get((each.pi, each.project), ())),
            resources=LazySequence(partial(_values_of, resources, each.pi, each.project)),
            held=tuple(held.get((each.pi, each.project), ())),
            digest=each.digest,
            history=each.details.history,
            attributions=each.details.attributions,
            references=each.details.references,
            corrections=corrections_of(corrections.get((each.pi, each.project), ())),
        )
        for each in frozen.statements
    )
    return tuple(replace(each, paying=paying_of(each.funds, frozen.directory)) for each in made)


def _by_statement(rows: Iterable[tuple[str, str, _Listed]]) -> dict[tuple[str, str], list[_Listed]]:
    """PI and project → their values, in order."""
    found: dict[tuple[str, str], list[_Listed]] = {}
    for pi, project, value in rows:
        found.setdefault((pi, project), []).append(value)
    return found


def _values_of(found: Callable[[], dict[tuple[str, str], list[_Listed]]], pi: str, project: str) -> Sequence[_Listed]:
    return found().get((pi, project), ())


def currency_faults(frozen: ClosingRecord, currency: str) -> list[Problem]:
    """Where a record contradicts the ledger's currency of today."""
    problems = []
    if frozen.config.currency != currency:
        what = f"the ledger's currency is {currency}, but {frozen.period} was closed in {frozen.config.currency}"
        fix = f"set `currency` back to {frozen.config.currency}; use a separate ledger for another currency"
        problems.append(Problem("config.yaml", "currency-changed", what, fix))
    return problems


def drift(ledger: RecordedLedger, period: str) -> list[Problem]:
    """Where this program would now compute a closed period differently, from the same charges and decisions, with the
    settings and directory entries of the record.

    Returns a warning that lists the differences, since a closed month does not change. `P.notes.yaml` acknowledges them
    by the digest of the new result; after that nothing is reported until the result changes. The ledger must hold its
    records, and the charge and approval files must be as recorded (see `record.seal`).
    """
    frozen = ledger.records[period]
    posted = PostedCorrections(
        tuple(line for line in frozen.lines if line.entry is not Entry.OWN), tuple(frozen.corrections)
    )
    now, problems = bill_period(ledger.as_recorded(period), period, posted=posted)
    if now is None:
        return problems
    before, _ = thaw(ledger, period)
    pairs = {
        "totals of sources": (before.sources, now.sources),
        "billing lines": (before.lines, now.lines),
        "held charges": (_held(before), _held(now)),
        "resources of statements": (_resources(before), _resources(now)),
        "journal": (_posted(before), _posted(now)),
    }
    differing = [name for name, (was, would_be) in pairs.items() if was != would_be]
    digest = _digest([pairs[name][1] for name in differing])
    if not differing or any(each.covers(digest) for each in ledger.notes.get(period, ())):
        return []
    message = f"this version computes different {', '.join(differing)} for {period}, closed with {frozen.version}"
    for what, was, would in (("", before.amounts, now.amounts), (" (not charged)", before.shown, now.shown)):
        if was.billed != would.billed:
            message += (
                f": {money.human(would.billed, now.currency)} instead of "
                f"{money.human(was.billed, before.currency)} {before.currency}{what}"
            )
    return [
        Problem(
            part_path(period, FROZEN),
            "tool-drift",
            message,
            f"the closed month does not change; acknowledge the difference in {part_path(period, NOTES)} with "
            f"`drift: [{{digest: {digest[:16]}, reason: …, by: …}}]`",
            severity=Severity.WARNING,
        )
    ]


def _digest(values: Sequence[object]) -> str:
    return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()


def _held(period: BilledPeriod) -> list[tuple[object, ...]]:
    return [(each.key, each.charges, each.exact_list, each.exact_billed, each.digest) for each in period.queue]


def _resources(period: BilledPeriod) -> list[tuple[str, Sequence[ResourceLine]]]:
    return [(each.number, each.resources) for each in period.statements]


def _posted(period: BilledPeriod) -> list[tuple[object, ...]]:
    return [(line.side, line.fund, line.account, line.amount, line.statement) for line in period.journal.lines]
