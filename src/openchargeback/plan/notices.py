"""Notices of a plan besides the money: new sources, a different program version, problems of the base."""

from __future__ import annotations

from collections.abc import Sequence

from openchargeback import __version__
from openchargeback.ledger.files import LOCK_FILE, source_of, suffix_of
from openchargeback.ledger.revision import Snapshot, lies_in
from openchargeback.ledger.settings import Config
from openchargeback.ledger.sources import unlisted_source
from openchargeback.plan.sides import Sides
from openchargeback.problems import Problem, Severity, has_errors, in_order


def program_notice(before: str, now: str, differing: int, closed: int) -> Problem:
    """The notice that the program version changes, and how many closed months it would compute differently."""
    what = f"{_program_change(before, now)}; with version {__version__}, {_describe_months(differing, closed)}"
    return Problem(
        LOCK_FILE,
        "program-changes",
        what,
        "this plan computes both sides of each open month with this version; to compare versions there, see "
        "docs/CI.md, Upgrading",
        severity=Severity.NOTICE,
    )


def _describe_months(found: int, count: int) -> str:
    """How many of the closed months would be computed differently, in words."""
    if not count:
        return "there is no closed month to compare"
    if found:
        return f"{found:,} of {count:,} closed months would be computed differently"
    return (
        "the closed month is computed the same" if count == 1 else f"all {count:,} closed months are computed the same"
    )


def _program_change(before: str, now: str) -> str:
    if before == now:
        return "the lock changes the program's dependencies"
    if before and now:
        return f"the program changes from {before} to {now}"
    return f"the program is now pinned: {now}" if now else f"the program is no longer pinned: {before}"


def new_sources(sides: Sides, config: Config) -> list[Problem]:
    """A notice for each source that has charges only at the head and is not listed in the settings."""
    before, after = (
        {source: path for path in sorted(side.entries, reverse=True) if (source := _source_of(path))}
        for side in (sides.base, sides.head)
    )
    new = sorted(set(after) - set(before))
    found = [unlisted_source(name, after[name], config, set(before)) for name in new]
    return [each for each in found if each is not None]


def base_notice(problems: Sequence[Problem]) -> list[Problem]:
    """The notice that the base itself has errors, with the first of them."""
    if not has_errors(problems):
        return []
    first = next(each for each in in_order(problems) if each.severity is Severity.ERROR)
    return [
        Problem(
            first.path,
            "base-has-errors",
            f"the base has errors ({first.message}); charges that cannot be billed there count as new",
            "nothing to do in this branch",
            severity=Severity.NOTICE,
        )
    ]


def bases_notice(base: Snapshot) -> list[Problem]:
    """The notice that there is more than one merge base."""
    if not base.others:
        return []
    what = f"branches were merged into each other, so {base.name} and the head have {1 + len(base.others)} merge bases"
    others = ", ".join(each[:12] for each in base.others)
    return [
        Problem(
            "",
            "several-bases",
            f"{what}; this plan compares with {base.commit[:12]}, not {others}",
            f"merge {base.name} into the branch, so that the plan shows only what the branch changes",
            severity=Severity.NOTICE,
        )
    ]


def _source_of(path: str) -> str | None:
    return source_of(path) if lies_in(path, ("charges",)) and suffix_of(path) else None
