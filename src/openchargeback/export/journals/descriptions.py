"""Descriptions of journal lines, from the template `journal.description` of `config.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from openchargeback.billing.journal import journal_of_period, with_descriptions
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, Journal, JournalLine, State, SummedPeriod
from openchargeback.problems import LedgerFault, Problem, in_order
from openchargeback.record.lazy import LazySequence
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.clean_text import clean
from openchargeback.templating.environment import TEMPLATE_ERRORS, Templates, make_environment, reason_of
from openchargeback.templating.metering import Meter, counted


def describe_journals(
    ledger: RecordedLedger, periods: Sequence[BilledPeriod]
) -> tuple[tuple[BilledPeriod, ...], list[Problem]]:
    """The periods with the descriptions of their journal lines, and problems with the template.

    Those of closed ones are made when they are looked at: few commands do, and closing has tried each.
    """
    env = make_environment(ledger.root / "templates")
    result = []
    problems: list[Problem] = []
    for period in periods:
        if period.state is not State.OPEN:
            made = LazySequence(partial(_described_lines, ledger, period, env))
            result.append(replace(period, journal=replace(period.journal, described=made)))
            continue
        try:
            journal = with_descriptions(period.journal, describer(ledger.settings(period.period), env))
            result.append(replace(period, journal=journal))
        except LedgerFault as fault:
            problems += fault.problems
            result.append(period)
    return tuple(result), in_order(problems)


def _described_lines(ledger: RecordedLedger, period: BilledPeriod, env: Templates) -> Sequence[JournalLine]:
    return with_descriptions(period.journal, describer(ledger.settings(period.period), env)).lines


def described_journal(ledger: RecordedLedger, period: SummedPeriod, env: Templates) -> Journal:
    """The journal of a period with descriptions. Raises LedgerFault (`journal-template`) if the template is faulty."""
    journal = journal_of_period(period, ledger.settings)
    return with_descriptions(journal, describer(ledger.settings(period.period), env))


def describer(config: Config, env: Templates) -> Callable[[JournalLine], str]:
    """A function that returns the description of a payer's line.

    Both raise LedgerFault (`journal-template`) if the template is faulty.
    """
    try:
        template = env.for_text.from_string(config.journal.description)
    except TEMPLATE_ERRORS as error:
        raise LedgerFault([_problem(config, error)]) from error

    meter = Meter()  # for all lines of a period together

    def describe(line: JournalLine) -> str:
        try:
            with counted(meter):
                return template.render(
                    source=line.source,
                    source_label=config.source(line.source).label or line.source,
                    period=line.period,
                    project=line.project,
                    pi=line.pi,
                    fund=line.fund,
                    service=line.service,
                    statement=line.statement,
                )
        except TEMPLATE_ERRORS as error:
            raise LedgerFault([_problem(config, error)]) from error

    return describe


def _problem(config: Config, error: BaseException) -> Problem:
    return Problem(
        path="config.yaml",
        code="journal-template",
        message=f"journal.description fails: {reason_of(error)}",
        fix="use only source, source_label, period, project, pi, fund, service and statement",
        excerpt=clean(config.journal.description),
    )
