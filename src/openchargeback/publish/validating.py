"""Find every problem of a ledger, as fast as its size allows.

Months of ordinary size are billed as in a build, so that everything that would stop a build is reported. For a very
large month without decisions only its files are checked, row by row. What only billing finds (funds that a journal
cannot carry, a journal template that fails on them) is reported by the build.
"""

from __future__ import annotations

from pathlib import Path

from openchargeback.focus.database import database
from openchargeback.focus.reading import check
from openchargeback.ledger.lock import watched
from openchargeback.ledger.reading import Ledger
from openchargeback.model import State
from openchargeback.problems import Problem
from openchargeback.publish.bill_ledger import Scope, summarize_ledger
from openchargeback.publish.books import Step, no_step, open_cache
from openchargeback.publish.gathering import gather_ledger
from openchargeback.publish.output_problems import output_problems

LARGE = 32 * 1024 * 1024
"""From this size of its charge files, in bytes, a month without decisions is checked but not billed."""


def validate(root: Path, *, full: bool = False, step: Step = no_step) -> tuple[Ledger | None, list[Problem]]:
    """Every problem of a ledger; None for the ledger if its config is unusable.

    full: let Frictionless check every row of every file, not only the rows that fail the prefilter.
    Raises OutsideFault if the ledger changed in the meantime.
    """
    check_unchanged = watched(root)
    store = open_cache(root)
    ledger, problems = gather_ledger(root)
    if ledger is None:
        return None, problems
    large = {period for period in ledger.periods if _is_large(ledger, period)}
    names = list(ledger.periods)
    for number, period in enumerate(names):
        step("Checking months", number, len(names))
        if full or period in large:
            with database() as con:
                problems += check(con, ledger.charge_files.get(period, ()), ledger.config, full=full)
    summaries, faults = summarize_ledger(ledger, store, Scope(only=set(ledger.periods) - large))
    problems += [*faults, *output_problems(ledger, summaries, store)]
    check_unchanged()
    return ledger, problems


def _is_large(ledger: Ledger, period: str) -> bool:
    size = sum(file.size for file in ledger.charge_files.get(period, ()))
    is_open = ledger.period_file(period).state is State.OPEN
    return size >= LARGE and is_open and not ledger.approvals.get(period)
