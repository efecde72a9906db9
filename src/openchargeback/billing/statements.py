"""Statements: the billing lines of one PI and one project in one period, with a number."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from openchargeback.billing import lines as lines_
from openchargeback.billing import provenance
from openchargeback.ledger.periods import last_day
from openchargeback.model import BillingLine, QueueItem, State, Statement
from openchargeback.review.month import Month


def statement_number(period: str, pi: str, project: str, revision: int) -> str:
    """Period and a digest of PI and project, plus the revision after a reopening: `2025-01-3f9a1c22b7-r2`."""
    digest = hashlib.sha256(f"{pi}\n{project}".encode()).hexdigest()[:10]
    return f"{period}-{digest}" + (f"-r{revision}" if revision > 1 else "")


def make_statements(month: Month, lines: Sequence[BillingLine], queue: Sequence[QueueItem]) -> tuple[Statement, ...]:
    """The statements of a month, ordered by PI and project. Call `lines.sum_lines` first."""
    con, ledger, period, config = month.con, month.ledger, month.period, month.config
    state = ledger.period_file(period)
    draft = state.state is State.OPEN or state.closed is None
    issued = last_day(period) if draft or state.closed is None else state.closed.on
    lines_.sum_resources(con, config.currency)
    resources = lines_.read_resources(con, config, config.statements.resources)
    provenance.trace(con, config)
    attributions = provenance.read_attributions(con, config)
    references = provenance.read_references(con)
    grouped: dict[tuple[str, str], list[BillingLine]] = {}
    for line in lines:
        grouped.setdefault((line.pi, line.project), []).append(line)
    result = []
    for (pi, project), own in sorted(grouped.items()):
        own_resources = tuple(resources.get((pi, project), ()))
        own_held = tuple(item for item in queue if (item.pi, item.project) == (pi, project))
        number = statement_number(period, pi, project, state.revision)
        person, title = ledger.directory.person(pi), ledger.directory.project(project)
        found, named = attributions.get((pi, project), ()), references.get((pi, project), ())
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
