"""How much a month may change before the plan warns or fails (`plan:` in the config)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from openchargeback import money
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.settings import PlanSettings
from openchargeback.plan.values import PeriodChange
from openchargeback.problems import Problem, Severity


def strictest(base: PlanSettings, head: PlanSettings) -> PlanSettings:
    """The lower of base's and head's limits, so that a change cannot raise the limits that apply to it."""

    def lower(*limits: Decimal | None) -> Decimal | None:
        return min((limit for limit in limits if limit is not None), default=None)

    return PlanSettings(lower(base.warn, head.warn), lower(base.fail, head.fail))


def beyond(periods: Iterable[PeriodChange], limits: PlanSettings, currency: str) -> list[Problem]:
    """A problem for every period that changes more than the limits allow, in percent of its total before.

    The change is the larger of what billing lines gain and lose: moving half of a month to another fund counts,
    although the total stays the same. A period that had nothing billed has nothing to compare with.
    """
    problems = []
    for period in periods:
        for limit, severity, word in (
            (limits.fail, Severity.ERROR, "fail"),
            (limits.warn, Severity.WARNING, "warn"),
        ):
            if limit is None or not period.old or period.moved * 100 <= limit * abs(period.old):
                continue
            amount = f"{money.human(period.moved, currency)} of {money.human(period.old, currency)} {currency}"
            problems.append(
                Problem(
                    FILE_NAME,
                    "plan-threshold",
                    f"{period.period}: {amount} changes, more than the {money.exact(limit)}% limit of `plan: {word}:`",
                    "check the largest changes; if they are intended, say so in the pull request",
                    severity=severity,
                )
            )
            break
    return problems
