"""What merging a branch would change, as values.

Amounts are in the ledger's currency and in cents, as in `model.py`, unless they are named `exact_…`.

    Plan ─▶ PeriodChange ─┬▶ LineChange     one billing line, before and after
                          ├▶ ProjectChange  the lines of one PI and project
                          ├▶ Control        imported amounts and their outcome
                          └▶ DecisionChange
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.completeness import Completeness
from openchargeback.billing.provider_invoices import InvoiceCheck, InvoiceStatus
from openchargeback.model import BillingLine, Entry, Evidence, QueueItem, State, Without
from openchargeback.money import ZERO
from openchargeback.problems import Problem


class Cause(enum.StrEnum):
    """Why a billing line changes. Each charge's difference has one cause.

    record: part of a closing record that its charges do not explain. rounding: the remainder in cents.
    """

    NEW = "new"
    WITHDRAWN = "withdrawn"
    PRICE = "price"
    USAGE = "usage"
    DECISION = "decision"
    DIRECTORY = "directory"
    CONFIG = "config"
    RECORD = "record"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class LineKey:
    """Identifies a billing line within a period.

    correction: how charges of an earlier month are corrected, such as `credit of 2025-01`; else empty.
    posted: whether it is charged, or only shown.
    """

    pi: str
    project: str
    fund: str
    source: str
    service: str
    correction: str = ""
    posted: bool = True


def key_of(line: BillingLine) -> LineKey:
    """The key of a billing line."""
    correction = "" if line.entry is Entry.OWN else f"{line.entry} of {line.original} {line.corrects}".rstrip()
    return LineKey(line.pi, line.project, line.fund, line.source, line.service, correction, line.posted)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """A billing line that differs; before or after is None if there is no such line.

    exact_parts: what each cause adds, exactly; they sum to the difference of the exact amounts.
    parts: the same in cents, with rounding; they sum to the difference.
    """

    key: LineKey
    old: Decimal | None
    new: Decimal | None
    exact_parts: dict[Cause, Decimal]
    parts: dict[Cause, Decimal]

    @property
    def difference(self) -> Decimal:
        """Cents after minus cents before."""
        return (self.new or ZERO) - (self.old or ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChange:
    """The charged billing lines of one PI and project in one period; separately, those that are only shown.

    old, new: their totals. moved: the larger of what lines gain and lose; nonzero even if only the fund changes.
    causes: what each cause adds, in cents; they sum to the difference. funds: what each fund pays more or less, if
    money moves between funds.
    """

    pi: str
    project: str
    old: Decimal
    new: Decimal
    moved: Decimal
    causes: dict[Cause, Decimal]
    funds: tuple[tuple[str, Decimal], ...]
    posted: bool = True

    @property
    def difference(self) -> Decimal:
        """Cents after minus cents before."""
        return self.new - self.old


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTotal:
    """What a source delivered, exactly: imported = billed + held + rejected."""

    charges: int = 0
    exact_imported: Decimal = ZERO
    exact_billed: Decimal = ZERO
    exact_held: Decimal = ZERO
    exact_rejected: Decimal = ZERO

    def __add__(self, other: ControlTotal) -> ControlTotal:
        return ControlTotal(
            charges=self.charges + other.charges,
            exact_imported=money.total(self.exact_imported, other.exact_imported),
            exact_billed=money.total(self.exact_billed, other.exact_billed),
            exact_held=money.total(self.exact_held, other.exact_held),
            exact_rejected=money.total(self.exact_rejected, other.exact_rejected),
        )


@dataclass(frozen=True, slots=True)
class Control:
    """The control total of one source and currency, before and after."""

    source: str
    currency: str
    old: ControlTotal
    new: ControlTotal


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionChange:
    """A decision that was added or removed, or became void (`change`: added, removed, void).

    charges, exact_billed: the number of its charges, and their sum. void: why it is void; empty if valid.
    """

    change: str
    decision: str
    what: str
    charges: int
    exact_billed: Decimal
    reason: str
    by: str
    path: str
    line: int
    void: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodChange:
    """One period before and after. A state is None if that revision does not mention the period.

    old, new: what is charged. old_shown, new_shown: what is only shown, and not part of it.
    old_invoiced, new_invoiced: the part of what is charged that is invoiced instead of journaled.
    lines: those that differ. projects: all that have such lines, largest move first.
    causes: what each cause adds to the total, in cents; they sum to the difference.
    queue: what is undecided at the head.
    sources: what each source delivered at the head, against earlier months that are closed or also compared.
    without: the sources that the month was closed without, from the head's period file.
    old_invoices, invoices: the invoices of providers compared with their charges, at base and head.
    """

    period: str
    old_state: State | None
    new_state: State | None
    old: Decimal
    new: Decimal
    lines: tuple[LineChange, ...]
    projects: tuple[ProjectChange, ...]
    causes: dict[Cause, Decimal]
    pis_changed: int
    pis_appeared: int
    pis_gone: int
    control: tuple[Control, ...]
    decisions: tuple[DecisionChange, ...]
    queue: tuple[QueueItem, ...]
    sources: tuple[Completeness, ...] = ()
    without: tuple[Without, ...] = ()
    old_shown: Decimal = ZERO
    new_shown: Decimal = ZERO
    old_invoiced: Decimal = ZERO
    new_invoiced: Decimal = ZERO
    old_invoices: tuple[InvoiceCheck, ...] = ()
    invoices: tuple[InvoiceCheck, ...] = ()

    @property
    def difference(self) -> Decimal:
        """Cents after minus cents before."""
        return self.new - self.old

    @property
    def moved(self) -> Decimal:
        """The larger of what charged billing lines gain and lose."""
        return moved(line.difference for line in self.lines if line.key.posted)

    @property
    def shows(self) -> bool:
        """Whether anything is only shown, before or after."""
        return bool(self.old_shown or self.new_shown) or any(not line.key.posted for line in self.lines)

    @property
    def invoices_any(self) -> bool:
        """Whether anything is invoiced, before or after."""
        return bool(self.old_invoiced or self.new_invoiced)

    @property
    def reconciles_as_before(self) -> bool:
        """Whether every control total is unchanged."""
        return all(each.old == each.new for each in self.control)

    @property
    def invoices_to_check(self) -> tuple[InvoiceCheck, ...]:
        """The invoices at the head that do not match their charges, or that compared otherwise at the base."""
        before = [each.as_json() for each in self.old_invoices]
        return tuple(
            each for each in self.invoices if each.status is not InvoiceStatus.MATCHES or each.as_json() not in before
        )

    @property
    def invoices_gone(self) -> tuple[InvoiceCheck, ...]:
        """The invoices that only the base has, if no charge names them at the head."""
        now = {(each.source, each.invoice, each.currency) for each in self.invoices}
        return tuple(each for each in self.old_invoices if (each.source, each.invoice, each.currency) not in now)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing changes that a reviewer would look at."""
        same_invoices = [each.as_json() for each in self.old_invoices] == [each.as_json() for each in self.invoices]
        same = self.reconciles_as_before and same_invoices and self.old_state == self.new_state
        return same and self.old_invoiced == self.new_invoiced and not self.lines and not self.decisions


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting or directory entry whose value changed; empty text if there is none. path: the file."""

    path: str
    key: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One side of a plan: its name as given by the user, its commit, and the digest of everything amounts rest on.

    work_tree: whether uncommitted changes are part of it. request, reviewed: where CI merged a pull request to compare
    it, that request by its name on the host, and its own last commit.
    """

    name: str
    commit: str
    work_tree: bool
    digest: str
    request: str = ""
    reviewed: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What merging the head would change. problems: those of the head, and notices about the change.

    evidence: who approved the decisions and closings that the head changes, if they are committed.
    unread: the months that could not be compared, or not completely, because of errors in the head.
    """

    base: Revision
    head: Revision
    currency: str
    periods: tuple[PeriodChange, ...]
    settings: tuple[SettingChange, ...]
    problems: tuple[Problem, ...]
    evidence: tuple[Evidence, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether any billing line changes."""
        return any(period.lines for period in self.periods)

    @property
    def effects(self) -> dict[Cause, tuple[Decimal, Decimal]]:
        """What billing lines gain and lose from changed settings, and from the directory, in all periods, in cents."""
        result = {}
        for cause in (Cause.CONFIG, Cause.DIRECTORY):
            amounts = [line.parts.get(cause, ZERO) for period in self.periods for line in period.lines]
            result[cause] = (sum((a for a in amounts if a > 0), ZERO), sum((a for a in amounts if a < 0), ZERO))
        return {cause: amounts for cause, amounts in result.items() if any(amounts)}


def moved(differences: Iterable[Decimal]) -> Decimal:
    """The larger of the total gain and the total loss, given the differences of lines."""
    more = less = ZERO
    for each in differences:
        more, less = (more + each, less) if each > 0 else (more, less - each)
    return max(more, less)
