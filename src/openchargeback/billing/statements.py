"""Statements: the billing lines of one PI and one project in one period, with a number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openchargeback.billing import lines as lines_
from openchargeback.billing import provenance
from openchargeback.billing.lines import StatementKey
from openchargeback.ledger.periods import last_day
from openchargeback.model import Attribution, BillingLine, QueueItem, Reference, ResourceLine, State, Statement
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.charges import Charges


def statement_number(period: str, pi: str, project: str, revision: int) -> str:
    """Period and a digest of PI and project, plus the revision after a reopening: `2025-01-3f9a1c22b7-r2`."""
    digest = hashlib.sha256(f"{pi}\n{project}".encode()).hexdigest()[:10]
    return f"{period}-{digest}" + (f"-r{revision}" if revision > 1 else "")


@dataclass(frozen=True, slots=True)
class Details:
    """What statements show besides their lines, by statement."""

    resources: Mapping[StatementKey, Sequence[ResourceLine]]
    attributions: Mapping[StatementKey, tuple[Attribution, ...]]
    references: Mapping[StatementKey, tuple[Reference, ...]]


def read_details(charges: Charges) -> Details:
    """The details of all statements. Call `lines.sum_lines` first."""
    con, config = charges.con, charges.config
    lines_.sum_resources(con, config.currency)
    resources = lines_.read_resources(con, config, config.statements.resources)
    provenance.trace(con, config)
    return Details(resources, provenance.read_attributions(con, config), provenance.read_references(con))


def make_statements(
    ledger: RecordedLedger, period: str, lines: Sequence[BillingLine], queue: Sequence[QueueItem], details: Details
) -> tuple[Statement, ...]:
    """The statements of a month, ordered by PI and project."""
    state = ledger.period_file(period)
    draft = state.state is State.OPEN or state.closed is None
    issued = last_day(period) if draft or state.closed is None else state.closed.on
    grouped: dict[tuple[str, str], list[BillingLine]] = {}
    for line in lines:
        grouped.setdefault((line.pi, line.project), []).append(line)
    held: dict[tuple[str, str], list[QueueItem]] = {}
    for item in queue:
        held.setdefault((item.pi, item.project), []).append(item)
    result = []
    for (pi, project), own in sorted(grouped.items()):
        key = (period, pi, project)
        own_resources, own_held = tuple(details.resources.get(key, ())), tuple(held.get((pi, project), ()))
        number = statement_number(period, pi, project, state.revision)
        person, title = ledger.directory.person(pi), ledger.directory.project(project)
        found, named = details.attributions.get(key, ()), details.references.get(key, ())
        shown = (number, issued, draft, person, title, own, own_resources, own_held, found, named)
        result.append(
            Statement(
                number=number,
                period=period,
                revision=state.revision,
                draft=draft,
                issued=issued,
                pi=person,
                project=title,
                lines=tuple(own),
                resources=own_resources,
                held=own_held,
                digest=hashlib.sha256(repr(shown).encode()).hexdigest(),
                attributions=found,
                references=named,
            )
        )
    return tuple(result)
