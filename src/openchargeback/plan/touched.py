"""Changes of months that are closed or finalized."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from openchargeback.ledger.periods import PeriodFile
from openchargeback.model import State
from openchargeback.plan.reached import period_of
from openchargeback.problems import Problem, Severity


def touched_periods(
    changed: Iterable[str], base: Mapping[str, PeriodFile], head: Mapping[str, PeriodFile]
) -> list[Problem]:
    """A problem for each month that was closed in the base and of which files changed: an error once it is finalized.

    Closing, finalizing and reopening change the period file and are no fault by themselves.
    """
    problems = []
    paths: dict[str, list[str]] = {}
    for path in changed:
        paths.setdefault(period_of(path), []).append(path)
    for period, touched in sorted(paths.items()):
        was, now = (side.get(period, PeriodFile()).state for side in (base, head))
        data = [path for path in touched if not path.startswith("periods/")]
        if was is State.FINALIZED:
            problems.append(
                Problem(
                    touched[0],
                    "sealed-period",
                    f"{period} is finalized and never changes; {len(touched):,} of its files do",
                    "undo this, and correct the month by new entries in an open one",
                )
            )
        elif was is State.CLOSED and now is State.OPEN:
            problems.append(
                Problem(
                    f"periods/{period}.yaml",
                    "reopened-period",
                    f"{period} was closed and is opened again",
                    "its statements get a new revision",
                    severity=Severity.WARNING,
                )
            )
        elif was is State.CLOSED and data:
            problems.append(
                Problem(
                    data[0],
                    "closed-period",
                    f"{period} is closed; {len(data):,} of its files of charges and approvals change",
                    "put what arrives late into an open month",
                    severity=Severity.WARNING,
                )
            )
    return problems
