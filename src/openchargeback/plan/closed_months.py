"""Problems with changes to closed and finalized months, and to the files that they were billed from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.directory import FUNDS_FILE, PEOPLE_FILE, PROJECTS_FILE, Directory
from openchargeback.ledger.periods import INVOICES, NOTES, OPEN, PeriodFile, part_path, period_of
from openchargeback.ledger.revision import lies_in
from openchargeback.ledger.settings import IRREGULAR, Config, EvidenceRule
from openchargeback.model import State
from openchargeback.problems import Problem, Severity
from openchargeback.record.closing_record import ClosingRecord
from openchargeback.wording import listed


def closed_month_changes(
    changed: Iterable[str], base: Mapping[str, PeriodFile], head: Mapping[str, PeriodFile]
) -> list[Problem]:
    """A problem for each month that is closed in the base and has changed files: an error if it is finalized.

    Closing, finalizing and reopening may change the period file. But a closed month may only be reopened or re-closed
    as a later revision; otherwise two statements would have the same number.
    """
    paths: dict[str, list[str]] = {}
    for path in changed:
        # Notes and invoices of providers are not sealed.
        sealed = path != part_path(period_of(path), NOTES) and not lies_in(path, (INVOICES,))
        if period_of(path) and sealed:
            paths.setdefault(period_of(path), []).append(path)
    found = [
        _change_problem(period, changes, base.get(period, OPEN), head.get(period, OPEN))
        for period, changes in sorted(paths.items())
    ]
    return [problem for problem in found if problem is not None]


def _closing(state: PeriodFile) -> tuple[object, ...]:
    """The part of a period file that describes the closing; finalizing adds to it."""
    return (state.closed, state.accounting_date, state.without, state.frozen)


def _change_problem(period: str, changed: list[str], was: PeriodFile, now: PeriodFile) -> Problem | None:
    """The problem of a period's changed files, if any."""
    data = [path for path in changed if not path.startswith("periods/")]
    if was.state is State.FINALIZED:
        message = f"{period} is finalized, but this branch changes {len(changed):,} of its files"
        fix = "revert the change, and correct the month with decisions in an open one"
        return Problem(changed[0], "sealed-period", message, fix)
    if was.state is State.OPEN:
        return None
    same_closing = now.state is not State.OPEN and _closing(now) == _closing(was)
    if now.revision <= was.revision and not same_closing:
        how = "reopened" if now.state is State.OPEN else "re-closed"
        message = f"{period} was closed as revision {was.revision} and {how} without a new revision"
        fix = (
            f"restore periods/{period}.* from the base; to reopen the month, run `focus-billing periods open {period}`"
        )
        return Problem(f"periods/{period}.yaml", "revision-reused", message, fix)
    if now.state is State.OPEN:
        message = f"this branch reopens {period}, which was closed"
        fix = "expect its statements to get a new revision"
        return Problem(f"periods/{period}.yaml", "reopened-period", message, fix, severity=Severity.WARNING)
    if not data:
        return None
    message = f"{period} is closed, but this branch changes {len(data):,} of its charge and approval files"
    fix = "put late charges into an open month"
    return Problem(data[0], "closed-period", message, fix, severity=Severity.WARNING)


def closed_months_kept(
    old: tuple[Config, Directory], new: tuple[Config, Directory], records: Mapping[str, ClosingRecord]
) -> list[Problem]:
    """A notice if changed settings or directory entries would affect closed months, which stay as recorded.

    records: of the closed months, by month. What affects a month is what closing records: settings for the month's
    sources, and the entries of its PIs and projects. Does not compute whether anything would differ.
    """
    notices = []
    other = sorted(
        period for period, record in records.items() if _settings(old[0], record) != _settings(new[0], record)
    )
    if other:
        notices.append(_kept(FILE_NAME, "changed settings", other))
    for path, changed, used in (
        (PEOPLE_FILE, _changed_people(old[1], new[1]), _people),
        (PROJECTS_FILE, _different(old[1].projects, new[1].projects), _projects),
        (FUNDS_FILE, _different(old[1].funds, new[1].funds), _funds),
    ):
        if not changed:
            continue  # looking up whom a month uses may take reading its lines
        using = {period: changed & used(record) for period, record in sorted(records.items())}
        months = [period for period, names in using.items() if names]
        if months:
            names = sorted(set().union(*using.values()))
            notices.append(_kept(path, f"changes to {listed(names, 3)}", months))
    return notices


def _settings(config: Config, record: ClosingRecord) -> dict[str, Any]:
    """The settings that affect a month, without the rules for approving and closing it."""
    sources = {
        name: replace(source, expected=IRREGULAR, invoice_tolerance=None) for name, source in config.sources.items()
    }
    without = replace(config, sources=sources, review=replace(config.review, evidence=EvidenceRule()))
    return without.of_month(source.source for source in record.sources)


def _people(record: ClosingRecord) -> set[str]:
    return {*record.directory.people, *(line.pi for line in record.lines)}


def _projects(record: ClosingRecord) -> set[str]:
    return {*record.directory.projects, *(line.project for line in record.lines)}


def _funds(record: ClosingRecord) -> set[str]:
    return {*record.directory.funds, *(line.fund for line in record.lines)}


def _changed_people(old: Directory, new: Directory) -> set[str]:
    """People whose name changed, or whose aliases now bring them other charges."""
    aliases = _different(old.aliases, new.aliases)
    return (
        _different(old.people, new.people) | aliases | {old.aliases[alias] for alias in aliases if alias in old.aliases}
    )


def _different(old: Mapping[str, object], new: Mapping[str, object]) -> set[str]:
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _kept(path: str, what: str, months: list[str]) -> Problem:
    one = len(months) == 1
    span = f"{months[0]}, which stays" if one else f"{len(months)} months, {months[0]} to {months[-1]}, which stay"
    return Problem(
        path,
        "closed-months-kept",
        f"{what} would affect {span} as recorded at closing",
        "nothing to do; correct closed months with late decisions and credits",
        severity=Severity.NOTICE,
    )
