"""Changes of months that are closed or finalized, and of what they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.directory import PROJECTS_FILE, Directory
from openchargeback.ledger.frozen import Frozen, part_path
from openchargeback.ledger.notes import NOTES
from openchargeback.ledger.periods import PeriodFile
from openchargeback.ledger.settings import Config
from openchargeback.model import State
from openchargeback.plan.reached import period_of
from openchargeback.plan.settings import billing_config
from openchargeback.problems import Problem, Severity


def touched_periods(
    changed: Iterable[str], base: Mapping[str, PeriodFile], head: Mapping[str, PeriodFile]
) -> list[Problem]:
    """A problem for each month that was closed in the base and of which files changed: an error once it is finalized.

    Closing, finalizing and reopening change the period file and are no fault by themselves. But a month that was closed
    is only opened, or closed otherwise, as a later revision: else two statements would have the same number.
    """
    paths: dict[str, list[str]] = {}
    for path in changed:
        if period_of(path) and path != part_path(period_of(path), NOTES):  # notes are not sealed
            paths.setdefault(period_of(path), []).append(path)
    found = [
        _touched(period, touched, base.get(period, PeriodFile()), head.get(period, PeriodFile()))
        for period, touched in sorted(paths.items())
    ]
    return [problem for problem in found if problem is not None]


def _touched(period: str, touched: list[str], was: PeriodFile, now: PeriodFile) -> Problem | None:
    """What there is to say of the changed files of a period."""
    data = [path for path in touched if not path.startswith("periods/")]
    if was.state is State.FINALIZED:
        told = f"{period} is finalized and never changes; {len(touched):,} of its files do"
        return Problem(
            touched[0], "sealed-period", told, "undo this, and correct the month by new entries in an open one"
        )
    if was.state is State.OPEN:
        return None
    same_closing = now.state is not State.OPEN and (now.closed, now.frozen) == (was.closed, was.frozen)
    if now.revision <= was.revision and not same_closing:
        how = "open" if now.state is State.OPEN else "closed otherwise"
        told = f"{period} was closed as revision {was.revision}, and is {how} without a later revision"
        fix = f"restore periods/{period}.* from the base; `focus-billing periods open {period}` opens the month"
        return Problem(f"periods/{period}.yaml", "revision-reused", told, fix)
    if now.state is State.OPEN:
        told = f"{period} was closed and is opened again"
        fix = "its statements get a new revision"
        return Problem(f"periods/{period}.yaml", "reopened-period", told, fix, severity=Severity.WARNING)
    if not data:
        return None
    told = f"{period} is closed; {len(data):,} of its files of charges and approvals change"
    fix = "put what arrives late into an open month"
    return Problem(data[0], "closed-period", told, fix, severity=Severity.WARNING)


def kept_months(
    old: tuple[Config, Directory], new: tuple[Config, Directory], records: Mapping[str, Frozen]
) -> list[Problem]:
    """A notice where changed settings or directory entries bear on closed months, which stay as they are recorded.

    records: of the closed months, by month. A month counts where it used a changed entry, or any month where settings
    changed that decide what is billed to whom. Whether an amount would differ is not computed.
    """
    notices = []
    if billing_config(old[0]) != billing_config(new[0]) and records:
        notices.append(_kept(FILE_NAME, "what changes of the settings", sorted(records)))
    changed = {
        name
        for name in old[1].projects.keys() | new[1].projects.keys()
        if old[1].projects.get(name) != new[1].projects.get(name)
    }
    using = [period for period, record in sorted(records.items()) if changed & record.directory.projects.keys()]
    if using:
        used = sorted({name for period in using for name in changed & records[period].directory.projects.keys()})
        more = f" and {len(used) - 3} more" if len(used) > 3 else ""
        notices.append(_kept(PROJECTS_FILE, f"what changes of {', '.join(used[:3])}{more}", using))
    return notices


def _kept(path: str, what: str, months: list[str]) -> Problem:
    span = months[0] if len(months) == 1 else f"{len(months)} closed months from {months[0]} to {months[-1]}"
    return Problem(
        path,
        "closed-months-kept",
        f"{what} bears on {span}, shown as closing recorded",
        "nothing to do; what should be billed otherwise there is corrected by late decisions and credits",
        severity=Severity.NOTICE,
    )
