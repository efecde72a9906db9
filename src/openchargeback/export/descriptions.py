"""What journal lines say, by the template `journal.description` of `config.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from openchargeback.billing.journal import described
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, JournalLine
from openchargeback.problems import LedgerFault, Problem, in_order
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.environment import TEMPLATE_ERRORS, Templates, make_environment, reason_of
from openchargeback.templating.metering import Meter, counted
from openchargeback.templating.text_filters import clean


def describe_journals(
    ledger: RecordedLedger, periods: Sequence[BilledPeriod]
) -> tuple[tuple[BilledPeriod, ...], list[Problem]]:
    """The periods with the descriptions of their journal lines, and what is wrong with the templates of these."""
    env = make_environment(ledger.root / "templates")
    result = []
    problems: list[Problem] = []
    for period in periods:
        try:
            journal = described(period.journal, describer(ledger.settings(period.period), env))
            result.append(replace(period, journal=journal))
        except LedgerFault as fault:
            problems += fault.problems
            result.append(period)
    return tuple(result), in_order(problems)


def describer(config: Config, env: Templates) -> Callable[[JournalLine], str]:
    """What writes the description of a payer's line.

    Raises LedgerFault (`journal-template`) when the template is faulty, here or as soon as a line shows it.
    """
    try:
        template = env.for_text().from_string(config.journal.description)
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
        fix="use source, source_label, period, project, pi, fund, service and statement only",
        excerpt=clean(config.journal.description),
    )
