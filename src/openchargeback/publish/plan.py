"""The steps of a plan: read two revisions, find the periods that differ, bill both, compare."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from openchargeback.billing.corrections import post
from openchargeback.evidence.gathering import files_to_approve
from openchargeback.evidence.levels import HostRecord, evidence_of, missing_evidence
from openchargeback.files import git
from openchargeback.focus.equal_files import equal_files
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.files import LOCK_FILE
from openchargeback.ledger.periods import INVOICES, PeriodFile, period_of
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.ledger.revision import Snapshot, compared, lies_in, take
from openchargeback.model import Evidence, Level
from openchargeback.plan.closed_months import closed_month_changes, closed_months_kept
from openchargeback.plan.months import (
    LedgerSide,
    compared_period,
    is_about_quality,
    lacks_charges,
    recorded_month,
    unread_periods,
)
from openchargeback.plan.notices import base_notice, bases_notice, new_sources, program_notice
from openchargeback.plan.settings import changed_settings
from openchargeback.plan.sides import (
    Sides,
    changed_between,
    config_in,
    files_of_other_periods,
    main_branch,
    program_of,
    reached_by,
    states_in,
    take_reached,
)
from openchargeback.plan.thresholds import beyond, strictest
from openchargeback.plan.values import PeriodChange, Plan, Revision
from openchargeback.problems import LedgerFault, Problem, Severity, in_order
from openchargeback.publish.bill_ledger import equal_file_problems
from openchargeback.publish.books import Step, no_step
from openchargeback.publish.gathering import recorded
from openchargeback.publish.past import drifts
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.record.seal import absent_inputs
from openchargeback.wording import counted

_log = logging.getLogger(__name__)


def make_plan(
    root: Path,
    base: str | None = None,
    head: str | None = None,
    *,
    host: HostRecord | None = None,
    step: Step = no_step,
) -> Plan:
    """What merging the head into the base would change. host: the host's record of the reviews.

    Raises UsageFault if they cannot be compared, LedgerFault if the head's settings cannot be read.
    """
    before, after = compared(root, base, head, main_branch(root))
    with tempfile.TemporaryDirectory(prefix="openchargeback-plan-") as folder, ThreadPoolExecutor(1) as beside:
        sides = Sides(before, after, Path(folder) / "base", Path(folder) / "head", beside)
        return _plan(sides, host, step)


def _plan(sides: Sides, host: HostRecord | None, step: Step) -> Plan:
    pair = _read_head(sides)
    after = pair.after
    _log.info("read the head: %s can differ", counted(len(pair.reached), "month"))
    periods = _changes(pair, step)
    _log.info("compared: %s", f"{counted(len(periods), 'month')} changed")
    before = pair.before().ledger
    problems = [*pair.problems, *_change_notices(sides, pair, periods), *base_notice(pair.base_problems)]
    problems += [*_billed_twice(sides, pair.reached, after), *_other_program(sides, after, step)]
    evidence, missing = _approval_evidence(sides, before, after, host)
    return Plan(
        _revision(sides.base),
        _revision(sides.head, host),
        after.config.currency,
        tuple(periods),
        changed_settings((before.config, before.directory), (after.config, after.directory)),
        tuple(in_order([*problems, *missing])),
        evidence,
        tuple(sorted(pair.unread)),
    )


@dataclass(slots=True)
class _Pair:
    """Both ledgers with their problems. before: reads the base when it is first called. reached: the periods that can
    differ. unread: those with a file at the head that could not be read.
    """

    before: Callable[[], LedgerSide]
    after: RecordedLedger
    states: tuple[Mapping[str, PeriodFile], Mapping[str, PeriodFile]]
    reached: tuple[str, ...]
    base_problems: list[Problem]
    problems: list[Problem]
    unread: set[str]


def _read_head(sides: Sides) -> _Pair:
    """Read the head, small files first: they determine which periods' files are needed.

    The base is read later, since Git takes long to extract a large file, and the head can be billed meanwhile.
    """
    problems = sides.take(lambda path: path == FILE_NAME or lies_in(path, ("periods", "directory", INVOICES)))
    states = states_in(sides.base_folder), states_in(sides.head_folder)
    configs = config_in(sides.base_folder), config_in(sides.head_folder)
    reached = reached_by(sides, states, configs)
    problems += take_reached(sides, reached, configs)
    after, faults = _read(sides.head_folder, sides.head, sides)
    problems += faults
    if after is None:
        raise LedgerFault(problems)
    base_problems: list[Problem] = []

    @cache
    def before() -> LedgerSide:
        sides.finish()
        ledger, found = _read(sides.base_folder, sides.base, sides)
        if ledger is None:
            ledger = RecordedLedger(sides.base_folder, after.config, after.directory, {}, {}, {})
        posted, faults = post(ledger)
        base_problems.extend([*found, *faults])
        return LedgerSide(ledger, posted)

    return _Pair(before, after, states, reached, base_problems, problems, unread_periods(problems, reached, after))


def _changes(pair: _Pair, step: Step) -> list[PeriodChange]:
    """The changes of the affected periods. Adds their problems to those of the pair."""
    posted, faults = post(pair.after)
    after = LedgerSide(pair.after, posted)
    pair.problems += faults
    months = {period: recorded_month(record) for period, record in pair.after.records.items()}
    periods = []
    for number, period in enumerate(pair.reached):
        step("Comparing months", number, len(pair.reached))
        change, old_faults, new_faults = compared_period(period, pair.before, after, months)
        pair.base_problems += old_faults
        pair.problems += [each for each in new_faults if not is_about_quality(each)]
        if change is None:
            pair.unread.add(period)
        elif not change.is_quiet and not lacks_charges(period, pair.problems):
            periods.append(change)
    return periods


def _change_notices(sides: Sides, pair: _Pair, periods: Sequence[PeriodChange]) -> list[Problem]:
    """Notices about the change itself, besides its money."""
    before, after = pair.before().ledger, pair.after
    problems = [
        *closed_month_changes(changed_between(sides), *pair.states),
        *closed_months_kept((before.config, before.directory), (after.config, after.directory), after.records),
        *beyond(periods, strictest(before.config.plan, after.config.plan), after.config.currency),
        *bases_notice(sides.base),
        *new_sources(sides, after.config),
    ]
    for record in (after.records[period] for period in pair.reached if period in after.records):
        state = after.period_file(record.period)
        problems += absent_inputs(record, state, sides.head.entries, sides.head.root)
    return problems


def _billed_twice(sides: Sides, reached: Sequence[str], after: RecordedLedger) -> list[Problem]:
    """Problems for charge files of affected periods that equal another file of the head if both are billed."""
    here = [file for found in after.charge_files.values() for file in found]
    among = {file.path for file in here if file.period in reached}
    if not among:
        return []
    known = {file.path for file in here}
    found = equal_files(
        [*here, *(file for file in files_of_other_periods(sides, among) if file.path not in known)], among
    )
    if not found:
        return []
    periods = {file.period for copies in found for file in copies}
    take(sides.head, lambda path: period_of(path) in periods, sides.head_folder)
    ledger, _ = _read(sides.head_folder, sides.head, sides)
    if ledger is None:
        return []
    taken = {file.path: file for files in ledger.charge_files.values() for file in files}
    found = [tuple(taken[file.path] for file in copies if file.path in taken) for copies in found]
    return equal_file_problems(ledger, post(ledger)[0], [copies for copies in found if len(copies) > 1])


def _other_program(sides: Sides, after: RecordedLedger, step: Step) -> list[Problem]:
    """What a different program version, from a change of the lock, computes differently: bills each closed month again.

    The records of closed months have what the earlier program billed. An open month has no record, so the running
    program bills both of its sides. Extracts the files of all closed months into the head's folder.
    """
    before, now = program_of(sides.base), program_of(sides.head)
    if not sides.base.entries or (before == now and LOCK_FILE not in changed_between(sides)):
        return []
    take(sides.head, lambda path: period_of(path) in after.records, sides.head_folder)
    # A month that this branch changes says nothing about the program.
    changed_months = {period_of(path) for path in changed_between(sides)}
    found = [
        each
        for each in (drifts(sides.head_folder, step=step) if after.records.keys() - changed_months else ())
        if each.code == "tool-drift" and period_of(each.path) not in changed_months
    ]
    return [*found, program_notice(before, now, len(found), len(after.records.keys() - changed_months))]


def _approval_evidence(
    sides: Sides, before: RecordedLedger, after: RecordedLedger, host: HostRecord | None
) -> tuple[tuple[Evidence, ...], list[Problem]]:
    """Who approved the decisions and closings that the head changes, and warnings for missing evidence.

    Both base and head may require evidence, so that a branch cannot lower its own requirements. A plan is read before
    the review, so missing evidence may still come and is only a warning here. Uncommitted files have no evidence to
    check.
    """
    root, changed = sides.head.root, set(changed_between(sides))
    if sides.head.commit != git.resolve(root, "HEAD"):
        return (), []
    files = {path: who for path, who in files_to_approve(after, after.periods).items() if path in changed}
    found = [
        each
        for each in evidence_of(root, files, sides.base.commit, host)
        if each.content or each.level is not Level.UNKNOWN or git.is_shallow(root)
    ]
    rules = dict.fromkeys((before.config.review.evidence, after.config.review.evidence))
    missing = [problem for rule in rules for problem in missing_evidence(found, rule)]
    return tuple(found), [replace(each, severity=Severity.WARNING) for each in missing]


def _read(folder: Path, snapshot: Snapshot, sides: Sides) -> tuple[RecordedLedger | None, list[Problem]]:
    """A side with the records of its closed months, and with the charges that decisions of affected months name."""
    folder.mkdir(exist_ok=True)
    if not snapshot.entries:
        return None, []
    ledger, problems = read_ledger(folder)
    if ledger is None:
        return None, problems
    if _decided_elsewhere(ledger):
        # Decisions of all open months, not only affected ones: they may be on the same charges.
        sides.take(lambda path: lies_in(path, ("approvals",)))
        ledger, problems = read_ledger(folder)
        named = _decided_elsewhere(ledger) if ledger else set()
        sides.take(lambda path: period_of(path) in named and lies_in(path, ("charges",)))
        ledger, problems = read_ledger(folder)
        if ledger is None:
            return None, problems
    whole, faults = recorded(ledger)
    return whole, [*problems, *faults]


def _decided_elsewhere(ledger: Ledger) -> set[str]:
    """The closed periods whose charges decisions in other periods' folders decide on."""
    return {decision.period for each in ledger.approvals.values() for decision in each if decision.period}


def _revision(snapshot: Snapshot, host: HostRecord | None = None) -> Revision:
    """A side of the plan. host: of the pull request that the side is, or that CI has merged into it."""
    found = Revision(snapshot.name, snapshot.commit, snapshot.work_tree, snapshot.digest)
    if host is None or host.head == snapshot.commit or not git.is_ancestor(snapshot.root, host.head, snapshot.commit):
        return found
    return replace(found, request=host.name, reviewed=host.head)
