"""The order of a plan: two revisions, the periods that differ, both billed, the difference."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from openchargeback import __version__
from openchargeback.billing.completeness import Month, completeness
from openchargeback.billing.corrections import Corrected, correct
from openchargeback.billing.pipeline import Posted, Settled
from openchargeback.evidence.gathering import files_to_approve
from openchargeback.evidence.levels import HostRecord, evidence_of, missing_evidence
from openchargeback.files import git
from openchargeback.focus.equal_files import equal_files
from openchargeback.ledger.config import FILE_NAME, read_config
from openchargeback.ledger.directory import FILES as DIRECTORY_FILES
from openchargeback.ledger.files import LOCK_FILE, ChargeFile, charge_files, source_of, suffix_of
from openchargeback.ledger.frozen import Frozen
from openchargeback.ledger.links import CACHE
from openchargeback.ledger.periods import PeriodFile, period_of, read_period
from openchargeback.ledger.pinning import may_name_program, named_programs
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.ledger.revision import FOLDERS, Snapshot, compared, lies_in, take
from openchargeback.ledger.seal import absent_inputs
from openchargeback.ledger.settings import Config
from openchargeback.ledger.sources import unlisted_source
from openchargeback.model import Evidence, Level, State
from openchargeback.plan.changes import beyond_rounding, period_change
from openchargeback.plan.effects import changed_settings
from openchargeback.plan.parts import Side, settle_both, unexplained
from openchargeback.plan.reached import changed_paths, reached_periods
from openchargeback.plan.settings import billing_config
from openchargeback.plan.thresholds import beyond, strictest
from openchargeback.plan.touched import kept_months, touched_periods
from openchargeback.plan.values import PeriodChange, Plan, Revision
from openchargeback.problems import LedgerFault, Problem, Severity, has_errors, in_order
from openchargeback.publish.bill_ledger import equal_file_problems, recorded
from openchargeback.publish.build import Step, no_step, open_cache
from openchargeback.publish.cache import Cache
from openchargeback.publish.past import drifts
from openchargeback.wording import counted

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Both revisions with the folders that their files are put into."""

    base: Snapshot
    head: Snapshot
    base_folder: Path
    head_folder: Path

    def take(self, wanted: Callable[[str], bool]) -> list[Problem]:
        """Put files of both into their folders; gives the problems of the head."""
        take(self.base, wanted, self.base_folder)
        return take(self.head, wanted, self.head_folder)


def make_plan(
    root: Path,
    base: str | None = None,
    head: str | None = None,
    *,
    host: HostRecord | None = None,
    step: Step = no_step,
) -> Plan:
    """What merging the head into the base would change. host: what a host recorded of the reviews.

    Raises UsageFault where they cannot be compared, LedgerFault where the head's settings cannot be read.
    """
    before, after = compared(root, base, head, _main_branch(root))
    with tempfile.TemporaryDirectory(prefix="openchargeback-plan-") as folder:
        sides = _Sides(before, after, Path(folder) / "base", Path(folder) / "head")
        return _plan(sides, _cache(root), host, step)


def _plan(sides: _Sides, store: Cache, host: HostRecord | None, step: Step) -> Plan:
    pair = _read_both(sides, store)
    before, after = pair.ledgers
    _log.info("read both revisions: %s can differ", counted(len(pair.reached), "month"))
    periods = _changes(pair, step)
    _log.info("compared: %s", f"{counted(len(periods), 'month')} changed")
    problems = [*pair.problems, *_told_of_change(sides, pair, periods), *_base_notice(pair.base_problems)]
    problems += [*_billed_twice(sides, pair.reached, after, store), *_other_program(sides, after, step)]
    evidence, missing = _approved(sides, before, after, host)
    return Plan(
        _revision(sides.base),
        _revision(sides.head),
        after.config.currency,
        tuple(periods),
        changed_settings((before.config, before.directory), (after.config, after.directory), periods),
        tuple(in_order([*problems, *missing])),
        evidence,
        tuple(sorted(pair.unread)),
    )


@dataclass(slots=True)
class _Pair:
    """Both ledgers as read, base first, with what is wrong with them. reached: the periods that can differ.

    unread: those of which a file at the head could not be read.
    """

    ledgers: tuple[Ledger, Ledger]
    states: tuple[Mapping[str, PeriodFile], Mapping[str, PeriodFile]]
    reached: tuple[str, ...]
    base_problems: list[Problem]
    problems: list[Problem]
    unread: set[str]


def _read_both(sides: _Sides, store: Cache) -> _Pair:
    """The small files first: they say of which periods the others are needed."""
    problems = sides.take(lambda path: path == FILE_NAME or lies_in(path, ("periods", "directory")))
    states = _states(sides.base_folder), _states(sides.head_folder)
    configs = _config(sides.base_folder), _config(sides.head_folder)
    reached = _reached(sides, states, configs)
    problems += _take_reached(sides, reached, configs)
    after, faults = _read(sides.head_folder, sides.head, sides, store)
    problems += faults
    if after is None:
        raise LedgerFault(problems)
    before, base_problems = _read(sides.base_folder, sides.base, sides, store)
    if before is None:
        before = Ledger(sides.base_folder, after.config, after.directory, {}, {}, {})
    return _Pair((before, after), states, reached, base_problems, problems, _unread(problems, reached, after))


def _changes(pair: _Pair, step: Step) -> list[PeriodChange]:
    """What changes in the reached periods. What is wrong with them is added to the problems of the pair."""
    before, after = pair.ledgers
    corrected = correct(before), correct(after)
    pair.base_problems += corrected[0].problems
    pair.problems += corrected[1].problems
    months = {period: _recorded_month(record) for period, record in after.frozen.items()}
    periods = []
    for number, period in enumerate(pair.reached):
        step("Comparing months", number, len(pair.reached))
        change, old_faults, new_faults = _period(period, (before, corrected[0]), (after, corrected[1]), months)
        pair.base_problems += old_faults
        pair.problems += [each for each in new_faults if not _is_about_quality(each)]
        if change is None:
            pair.unread.add(period)
        elif not change.is_quiet and not _lacks_charges(period, pair.problems):
            periods.append(change)
    return periods


def _told_of_change(sides: _Sides, pair: _Pair, periods: Sequence[PeriodChange]) -> list[Problem]:
    """What a person should know of the change itself, beside its money."""
    before, after = pair.ledgers
    problems = [
        *touched_periods(changed_paths(sides.base.entries, sides.head.entries), *pair.states),
        *kept_months((before.config, before.directory), (after.config, after.directory), after.frozen),
        *beyond(periods, strictest(before.config.plan, after.config.plan), after.config.currency),
        *_bases_notice(sides.base),
        *_new_sources(sides, after.config),
    ]
    for record in (after.frozen[period] for period in pair.reached if period in after.frozen):
        state = after.period_file(record.period)
        problems += absent_inputs(record, state, sides.head.entries, sides.head.root)
    return problems


def _billed_twice(sides: _Sides, reached: Sequence[str], after: Ledger, store: Cache) -> list[Problem]:
    """Charge files of reached periods that equal others of the head, wherever these lie, and are billed beside them."""
    here = [file for found in after.charge_files.values() for file in found]
    among = {file.path for file in here if file.period in reached}
    if not among:
        return []
    known = {file.path for file in here}
    found = equal_files([*here, *(file for file in _of_other_periods(sides, among) if file.path not in known)], among)
    if not found:
        return []
    periods = {file.period for copies in found for file in copies}
    take(sides.head, lambda path: period_of(path) in periods, sides.head_folder)
    ledger, _ = _read(sides.head_folder, sides.head, sides, store)
    if ledger is None:
        return []
    taken = {file.path: file for files in ledger.charge_files.values() for file in files}
    found = [tuple(taken[file.path] for file in copies if file.path in taken) for copies in found]
    return equal_file_problems(ledger, store, correct(ledger), [copies for copies in found if len(copies) > 1])


def _other_program(sides: _Sides, after: Ledger, step: Step) -> list[Problem]:
    """What another program, by a change of the lock, computes differently: each closed month is billed anew.

    The months' records say what the program of then billed. Nothing says that of an open month: both of its sides are
    billed by the program that runs. For this, the files of all closed months are put into the head's folder.
    """
    before, now = _programs(sides.base), _programs(sides.head)
    if not sides.base.entries or (before == now and LOCK_FILE not in _changed(sides)):
        return []
    take(sides.head, lambda path: period_of(path) in after.frozen, sides.head_folder)
    # What a month comes to that this branch touches says nothing of the program.
    touched = {period_of(path) for path in _changed(sides)}
    found = [
        each
        for each in (drifts(sides.head_folder, step=step) if after.frozen.keys() - touched else ())
        if each.code == "tool-drift" and period_of(each.path) not in touched
    ]
    what = f"{_program_change(before, now)}; computed with version {__version__}, "
    return [
        *found,
        Problem(
            LOCK_FILE,
            "program-changes",
            what + _told_of_months(len(found), len(after.frozen.keys() - touched)),
            "both sides of each open month in this plan are computed with this version; to compare versions there, see "
            "docs/CI.md, Upgrading",
            severity=Severity.NOTICE,
        ),
    ]


def _told_of_months(found: int, count: int) -> str:
    """How many of the closed months would be computed differently."""
    if not count:
        return "no month is closed yet to compare with"
    if found:
        return f"{found:,} of {count:,} closed months would be computed differently"
    return "the closed month comes out the same" if count == 1 else f"all {count:,} closed months come out the same"


def _program_change(before: Sequence[str], now: Sequence[str]) -> str:
    was, will_be = ", ".join(before), ", ".join(now)
    if before == now:
        return "the lock changes what the program needs"
    if before and now:
        return f"the program changes from {was} to {will_be}"
    return f"the program is now pinned: {will_be}" if now else f"the program is no longer pinned: {was}"


def _programs(snapshot: Snapshot) -> tuple[str, ...]:
    """What lock and workflows of a revision name as the program."""
    found = {path: snapshot.read(path) for path in snapshot.entries if may_name_program(path)}
    return named_programs({path: data.decode("utf-8", "replace") for path, data in found.items() if data is not None})


def _new_sources(sides: _Sides, config: Config) -> list[Problem]:
    """A notice for each source that only the head has charges of and that its settings do not list."""
    before, after = (
        {source: path for path in sorted(side.entries, reverse=True) if (source := _source_of(path))}
        for side in (sides.base, sides.head)
    )
    new = sorted(set(after) - set(before))
    found = [unlisted_source(name, after[name], config, set(before)) for name in new]
    return [each for each in found if each is not None]


def _source_of(path: str) -> str | None:
    return source_of(path) if lies_in(path, ("charges",)) and suffix_of(path) else None


def _of_other_periods(sides: _Sides, among: Collection[str]) -> list[ChargeFile]:
    """The charge files of the head where they lie in the work tree, so that nothing is copied.

    Of a head that is not what lies there, the files that differ are taken where Git has one of `among` by the same id.
    """
    head, lying = sides.head, sides.head.entries if sides.head.work_tree else git.work_tree(sides.head.root)
    same = {path for path, entry in head.entries.items() if entry.id and path in lying and lying[path].id == entry.id}
    ids = {head.entries[path].id for path in among} - {""}
    take(head, lambda path: path not in same and head.entries[path].id in ids, sides.head_folder)
    there = [file for file in charge_files(head.root)[0] if file.path in same]
    return [*there, *(file for file in charge_files(sides.head_folder)[0] if file.path not in same)]


def _unread(problems: Sequence[Problem], reached: Sequence[str], after: Ledger) -> set[str]:
    """The periods of which a file at the head could not be read; settings and directory concern all open ones."""
    paths = {problem.path for problem in problems if problem.severity is Severity.ERROR}
    found = {period_of(path) for path in paths} - {""}
    if any(path == FILE_NAME or lies_in(path, ("directory",)) for path in paths):
        found |= {period for period in (*reached, *after.periods) if after.period_file(period).state is State.OPEN}
    return found


def _lacks_charges(period: str, problems: Sequence[Problem]) -> bool:
    """Whether charges of a period could not be taken, so that the rest of them says nothing of the month."""
    return any(
        problem.severity is Severity.ERROR and lies_in(problem.path, ("charges",)) and period_of(problem.path) == period
        for problem in problems
    )


def _approved(
    sides: _Sides, before: Ledger, after: Ledger, host: HostRecord | None
) -> tuple[tuple[Evidence, ...], list[Problem]]:
    """Who approved the decisions and closings that the head changes, and what is asked for beyond that.

    Base and head both may ask, so that a branch cannot lower what it is held to. What is asked for may still come,
    since a plan is looked at before the review: it is a warning here. Of files that are not committed there is nothing
    to tell.
    """
    root, changed = sides.head.root, set(_changed(sides))
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


def _main_branch(root: Path) -> str:
    """The branch that counts, as the config names it."""
    config = _config(root)
    return config.portal.branch if config else "main"


def _cache(root: Path) -> Cache:
    """The ledger's cache where a build has made one; a plan adds no folder to the work tree."""
    return open_cache(root) if (root / CACHE).is_dir() else Cache(None)


def _config(folder: Path) -> Config | None:
    try:
        return read_config((folder / FILE_NAME).read_bytes())[0]
    except OSError:
        return None


def _states(folder: Path) -> dict[str, PeriodFile]:
    found = {}
    for path in sorted(folder.glob("periods/*.yaml")):
        state, _ = read_period(path.read_bytes(), path.name) if path.is_file() else (None, [])
        if state is not None and period_of(f"periods/{path.name}") == path.stem:
            found[path.stem] = state
    return found


def _reached(
    sides: _Sides,
    states: tuple[Mapping[str, PeriodFile], Mapping[str, PeriodFile]],
    configs: tuple[Config | None, Config | None],
) -> tuple[str, ...]:
    old, new = (billing_config(config) if config else None for config in configs)
    return reached_periods(
        sides.base.entries,
        sides.head.entries,
        states,
        settings_differ=old != new or any(path in DIRECTORY_FILES for path in _changed(sides)),
        unusual=any(config is not None and config.review.unusual_amount is not None for config in configs),
    )


def _changed(sides: _Sides) -> tuple[str, ...]:
    return changed_paths(sides.base.entries, sides.head.entries)


def _take_reached(sides: _Sides, reached: Sequence[str], configs: tuple[Config | None, Config | None]) -> list[Problem]:
    """Put the files of the reached periods in place, and whatever else changed, so that its faults are told."""
    logos = {config.organization.logo for config in configs if config}
    changed = {path for path in _changed(sides) if lies_in(path, FOLDERS)}
    return sides.take(lambda path: period_of(path) in reached or path in logos or path in changed)


def _read(folder: Path, snapshot: Snapshot, sides: _Sides, store: Cache) -> tuple[Ledger | None, list[Problem]]:
    """A side with the records of its closed months, and with the charges that decisions of reached months name."""
    folder.mkdir(exist_ok=True)
    if not snapshot.entries:
        return None, []
    ledger, problems = read_ledger(folder)
    if ledger is None:
        return None, problems
    if _decides_on_others(ledger):
        # Decisions of all open months, not only of those that are reached: they may be on the same charges.
        sides.take(lambda path: lies_in(path, ("approvals",)))
        ledger, problems = read_ledger(folder)
        named = _decides_on_others(ledger) if ledger else set()
        sides.take(lambda path: period_of(path) in named and lies_in(path, ("charges",)))
        ledger, problems = read_ledger(folder)
        if ledger is None:
            return None, problems
    ledger, faults = recorded(ledger, store)
    return ledger, [*problems, *faults]


def _decides_on_others(ledger: Ledger) -> set[str]:
    """The closed periods whose charges decisions are on that lie in the folders of other periods."""
    return {decision.period for each in ledger.approvals.values() for decision in each if decision.period}


def _side(ledger: Ledger, corrected: Corrected, period: str) -> Side:
    """What a period rests on: a closed one on its record and the settings of then."""
    record = ledger.frozen.get(period)
    if record is None:
        posted = corrected.posted.get(period, Posted())
        return Side(ledger, posted=posted)
    shown = Settled(
        lines=record.lines,
        sources=record.sources,
        queue=record.queue,
        flags=record.flags,
        decisions=record.decisions,
    )
    return Side(ledger.as_recorded(period), shown)


def _period(
    period: str, before: tuple[Ledger, Corrected], after: tuple[Ledger, Corrected], months: dict[str, Month]
) -> tuple[PeriodChange | None, list[Problem], list[Problem]]:
    """The change of a period with the problems of base and head; None where the head's charges cannot be read.

    months: what is known of the head's months, closed ones and those compared before; an open one is added.
    """
    base, head = _side(*before, period), _side(*after, period)
    both = settle_both(period, base, head)
    old_faults, new_faults = list(both.old_faults), list(both.new_faults)
    if has_errors(new_faults) and both.new == Settled():
        return None, old_faults, new_faults
    broken = [f"the causes do not sum to the change of {line}" for line in unexplained(both)]
    change = period_change(
        period,
        (_state(before[0], period), _state(after[0], period)),
        both.old,
        both.new,
        both.parts,
        (before[0].approvals.get(period, ()), after[0].approvals.get(period, ())),
        after[0].config.currency,
    )
    broken += beyond_rounding(change, after[0].config.currency)
    new_faults += [Problem("", "broken-invariant", f"{period}: {what}", "please report this") for what in broken]
    files = after[0].charge_files.get(period, ())
    month = months.setdefault(period, Month(period, both.new.sources, both.new.lines, files))
    # Of a month that was only just opened there is nothing to tell.
    rows = completeness(month, list(months.values()), after[0].settings(period)) if month.sources else ()
    change = replace(change, sources=rows, without=after[0].period_file(period).without)
    return change, old_faults, new_faults


def _recorded_month(record: Frozen) -> Month:
    return Month(record.period, record.sources, record.lines, record.charges)


def _state(ledger: Ledger, period: str) -> State | None:
    return ledger.period_file(period).state if period in ledger.periods else None


def _is_about_quality(problem: Problem) -> bool:
    """Whether a problem only says how well a charge file is made, which `validate` tells and moves no money."""
    return problem.severity is not Severity.ERROR and lies_in(problem.path, ("charges",))


def _base_notice(problems: Sequence[Problem]) -> list[Problem]:
    if not has_errors(problems):
        return []
    first = next(each for each in in_order(problems) if each.severity is Severity.ERROR)
    return [
        Problem(
            first.path,
            "base-has-errors",
            f"the base has errors ({first.message}); what cannot be billed there counts as new",
            "nothing to do in this change",
            severity=Severity.NOTICE,
        )
    ]


def _bases_notice(base: Snapshot) -> list[Problem]:
    """That more than one commit could have been compared with."""
    if not base.others:
        return []
    what = f"branches were merged into each other, so {base.name} and the head have {1 + len(base.others)} last commits"
    others = ", ".join(each[:12] for each in base.others)
    return [
        Problem(
            "",
            "several-bases",
            f"{what} in common; {base.commit[:12]} is compared with, not {others}",
            f"merge {base.name} into the branch, then only what the branch changes is shown",
            severity=Severity.NOTICE,
        )
    ]


def _revision(snapshot: Snapshot) -> Revision:
    return Revision(snapshot.name, snapshot.commit, snapshot.work_tree, snapshot.digest)
