"""A ledger with its periods billed as far as a command needs: totals, billing lines, or everything."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from openchargeback.ledger.links import CACHE
from openchargeback.ledger.lock import watched
from openchargeback.model import BilledPeriod, PeriodTotals, SummedPeriod
from openchargeback.problems import LedgerFault, Problem, has_errors
from openchargeback.publish.bill_ledger import Scope, bill_ledger, sum_ledger, summarize_ledger
from openchargeback.publish.cache import Cache
from openchargeback.publish.gathering import Gathered, gather_ledger
from openchargeback.publish.output_problems import line_warnings, output_problems, output_warnings
from openchargeback.record.recorded_ledger import RecordedLedger

if TYPE_CHECKING:
    from openchargeback.publish.month_charges import Wanted

Step = Callable[[str, int, int], None]
"""Reports progress: the activity, how many items are done, and the total (0 if unknown)."""


def no_step(_what: str, _done: int, _total: int) -> None:
    """Report no progress."""


class _HasPeriod(Protocol):
    @property
    def period(self) -> str: ...


Period_co = TypeVar("Period_co", bound=_HasPeriod, covariant=True)


@dataclass(frozen=True, slots=True)
class Books(Generic[Period_co]):
    """A ledger with all its periods billed, without errors.

    check_unchanged: raises OutsideFault if a file has changed since reading began. Call it before what was made of the
    books is put in place, since closed periods are read when they are looked at.
    """

    ledger: RecordedLedger
    periods: tuple[Period_co, ...]
    warnings: tuple[Problem, ...]
    check_unchanged: Callable[[], None] = field(default=lambda: None, compare=False)

    def period(self, name: str) -> Period_co | None:
        """One billed period, None if the ledger has none of that name."""
        return next((period for period in self.periods if period.period == name), None)


AllBooks = Books[BilledPeriod]
"""Books with everything of each period."""

LedgerLines = Books[SummedPeriod]
"""Books with the billing lines of each period."""


def open_cache(root: Path) -> Cache:
    """The cache of a ledger."""
    return Cache(root / CACHE / "cache")


Examined = tuple[RecordedLedger | None, tuple[Period_co, ...], list[Problem]]
"""A ledger, its periods billed as far as possible, and every problem. None for the ledger if its config is unusable."""


def examine(
    root: Path,
    *,
    wanted: str = "",
    only: Collection[str] | None = None,
    keep: Collection[Wanted] = (),
    store: Cache | None = None,
    step: Step = no_step,
    gathered: Gathered | None = None,
) -> Examined[BilledPeriod]:
    """Read a ledger and bill everything.

    only: bill just these periods, and report just their problems besides those of the small files.
    keep: what to keep of the charges of newly billed periods, for a build. store: used instead of the ledger's cache.
    gathered: the ledger as `gather_ledger` has just read it.
    """
    from openchargeback.export.journals.descriptions import describe_journals

    store = open_cache(root) if store is None else store
    ledger, problems = gathered or gather_ledger(root)
    if ledger is None:
        return None, (), problems
    periods, faults = bill_ledger(ledger, store, _scope(ledger, wanted, step, only), keep=keep)
    periods, template_faults = describe_journals(ledger, periods)
    return ledger, periods, [*problems, *faults, *template_faults, *output_warnings(ledger, periods)]


def examine_lines(root: Path, *, wanted: str = "", step: Step = no_step) -> Examined[SummedPeriod]:
    """Read a ledger and make its billing lines."""
    store = open_cache(root)
    ledger, problems = gather_ledger(root)
    if ledger is None:
        return None, (), problems
    periods, faults = sum_ledger(ledger, store, _scope(ledger, wanted, step))
    return ledger, periods, [*problems, *faults, *line_warnings(ledger, periods)]


def _examine_totals(root: Path, step: Step) -> Examined[PeriodTotals]:
    store = open_cache(root)
    ledger, problems = gather_ledger(root)
    if ledger is None:
        return None, (), problems
    summaries, faults = summarize_ledger(ledger, store, _scope(ledger, "", step))
    faults += output_problems(ledger, summaries, store)
    return ledger, tuple(each.totals for each in summaries), [*problems, *faults]


def _scope(ledger: RecordedLedger, wanted: str, step: Step, only: Collection[str] | None = None) -> Scope:
    names = [period for period in ledger.periods if not wanted or period <= wanted]
    return Scope(wanted, only, lambda period: step("Billing months", names.index(period), len(names)))


def open_books(
    root: Path,
    *,
    wanted: str = "",
    keep: Collection[Wanted] = (),
    store: Cache | None = None,
    step: Step = no_step,
    gathered: Gathered | None = None,
) -> AllBooks:
    """Read a ledger and bill everything, as `examine` does.

    Raises LedgerFault with every problem if there is any error, OutsideFault if the ledger changed in the meantime.
    """
    return _opened(root, lambda: examine(root, wanted=wanted, keep=keep, store=store, step=step, gathered=gathered))


def open_lines(root: Path, *, wanted: str = "", step: Step = no_step) -> LedgerLines:
    """Read a ledger and make its billing lines. Otherwise as `open_books`."""
    return _opened(root, lambda: examine_lines(root, wanted=wanted, step=step))


def open_totals(root: Path, *, step: Step = no_step) -> Books[PeriodTotals]:
    """Read a ledger and make its totals. Otherwise as `open_books`."""
    return _opened(root, lambda: _examine_totals(root, step))


def _opened(root: Path, examine: Callable[[], Examined[Period_co]]) -> Books[Period_co]:
    check = watched(root)
    ledger, periods, problems = examine()
    check()
    if ledger is None or has_errors(problems):
        raise LedgerFault(problems, root)
    return Books(ledger, periods, tuple(problems), check)
