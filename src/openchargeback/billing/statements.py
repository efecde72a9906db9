"""Statements: the billing lines of one PI and one project in one period, with a number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from openchargeback.billing import lines as lines_
from openchargeback.billing import provenance
from openchargeback.billing.lines import StatementKey
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.periods import last_day
from openchargeback.model import (
    Attribution,
    BillingLine,
    Correction,
    Entry,
    Fund,
    QueueItem,
    Reference,
    ResourceLine,
    Statement,
    StatementLines,
    SummedPeriod,
)
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


def by_statement(period: SummedPeriod, directory: Directory) -> tuple[StatementLines, ...]:
    """The billing lines of a period by statement, ordered by PI and project.

    directory: the one that the period is shown with.
    """
    grouped: dict[tuple[str, str], list[BillingLine]] = {}
    for line in period.lines:
        grouped.setdefault((line.pi, line.project), []).append(line)
    return tuple(
        StatementLines(
            number=statement_number(period.period, pi, project, period.revision),
            period=period.period,
            pi=directory.person(pi),
            project=directory.project(project),
            lines=tuple(own),
        )
        for (pi, project), own in sorted(grouped.items())
    )


def corrections_of(corrections: Iterable[Correction]) -> tuple[Correction, ...]:
    """The corrections that a statement shows: those that bill or credit a charge."""
    return tuple(each for each in corrections if each.entry is not Entry.REJECTED)


def paying_of(funds: Iterable[str], directory: Directory) -> tuple[Fund, ...]:
    """What the directory says about the funds of a statement."""
    return tuple(directory.fund(fund) for fund in funds)


def make_statements(ledger: RecordedLedger, period: SummedPeriod, details: Details) -> tuple[Statement, ...]:
    """The statements of a period, ordered by PI and project."""
    draft = period.closed_on is None
    issued = period.closed_on or last_day(period.period)
    held: dict[tuple[str, str], list[QueueItem]] = {}
    for item in period.queue:
        held.setdefault((item.pi, item.project), []).append(item)
    result = []
    corrections: dict[tuple[str, str], list[Correction]] = {}
    for correction in period.corrections:
        corrections.setdefault((correction.pi, correction.project), []).append(correction)
    for each in by_statement(period, ledger.directory):
        payer = each.pi.email, each.project.id
        own_corrections, paying = corrections_of(corrections.get(payer, ())), paying_of(each.funds, ledger.directory)
        key = (period.period, *payer)
        own_resources, own_held = tuple(details.resources.get(key, ())), tuple(held.get(payer, ()))
        found, named = details.attributions.get(key, ()), details.references.get(key, ())
        shown = (
            each.number,
            issued,
            draft,
            period.accounting_date,
            each.pi,
            each.project,
            list(each.lines),
            own_resources,
            own_held,
            found,
            named,
            own_corrections,
            paying,
        )
        result.append(
            Statement(
                number=each.number,
                period=each.period,
                revision=period.revision,
                draft=draft,
                issued=issued,
                accounting_date=period.accounting_date,
                pi=each.pi,
                project=each.project,
                lines=each.lines,
                resources=own_resources,
                held=own_held,
                digest=hashlib.sha256(repr(shown).encode()).hexdigest(),
                attributions=found,
                references=named,
                corrections=own_corrections,
                paying=paying,
            )
        )
    return tuple(result)
