"""The wording of a plan, shared by the terminal and Markdown."""

from __future__ import annotations

from decimal import Decimal

from openchargeback import money
from openchargeback.billing.completeness import GONE_SHOWN, Completeness
from openchargeback.billing.provider_invoices import InvoiceCheck
from openchargeback.model import Without
from openchargeback.plan.values import Cause, ControlTotal, PeriodChange, Plan, ProjectChange, Revision
from openchargeback.review.held_sums import by_reason
from openchargeback.wording import counted, listed

LARGEST = 10
"""How many changes by PI and project are shown."""

NOTHING_CHANGES = "No billing line changes."

INVOICES = "Invoices of providers"
"""The heading of the invoices that a reviewer should look at."""

EVIDENCE = "Evidence for decisions and closings"
"""The heading of the table of evidence levels."""

_MOST_PERCENT = 10_000
"""Beyond a factor of one hundred a percentage is meaningless; only the amounts are shown."""


def days(row: Completeness, unit: str = "") -> str:
    """The number of covered days, and which ones if not all: `20 of 31 (1–20)`."""
    if row.days is None:
        return ""
    first, last = row.first_day, row.last_day
    span = f" ({first.day}\N{EN DASH}{last.day})" if first and last and row.lacks_days else ""
    return f"{row.days} of {row.days_in_month}{unit}{span}"


def against_median(row: Completeness) -> str:
    """A source's total against the median of earlier months: `−67%`; empty if there is none."""
    if row.percent is None or abs(row.percent) > _MOST_PERCENT:
        return ""
    return f"{'+' if row.percent > 0 else ''}{row.percent:,f}%".replace("-", "\N{MINUS SIGN}")


def source(row: Completeness, currency: str) -> str:
    """What to check in a source before its month is closed."""
    notes = []
    median = money.human(row.median or money.ZERO, currency)
    if not row.charges:
        notes.append(("expected monthly, " if row.missing else "") + "no charges")
    if row.lacks_days:
        notes.append(days(row, " days"))
    if row.unusual:
        compared = f" ({against_median(row)})" if row.charges else ""
        notes.append(f"total {money.human(row.total, currency)}, median {median}{compared}")
    if row.gone:
        notes.append(f"{counted(len(row.gone), 'PI')} gone: {listed(row.gone, GONE_SHOWN)}")
    return "; ".join(notes)


def invoice(check: InvoiceCheck, period: PeriodChange) -> str:
    """An invoice of a provider that a reviewer should look at, compared with its charges."""
    return f"no longer listed: {check.what}" if check in period.invoices_gone else check.what


def without(absent: Without) -> str:
    """Why a month was closed without a source, and who decided it."""
    return f"{absent.reason} ({absent.by})" if absent.by else absent.reason


def signed(amount: Decimal, currency: str) -> str:
    """Cents with their sign: `+1,234.50`, `−5.00`, and `0.00` without one."""
    return ("+" if amount > 0 else "") + money.human(amount, currency)


_CHANGED = {Cause.CONFIG: "Changed settings", Cause.DIRECTORY: "Changed directory entries"}


def effects(plan: Plan) -> list[str]:
    """The total gains and losses from settings and from the directory, over all months."""
    return [
        f"{_CHANGED[cause]} move {signed(more, plan.currency)}, {signed(less, plan.currency)} {plan.currency}"
        for cause, (more, less) in plan.effects.items()
    ]


def step(before: Decimal, after: Decimal, currency: str) -> str:
    """The difference of two exact amounts as shown, in cents, so that readers can check it."""
    return signed(money.to_cents(after, currency) - money.to_cents(before, currency), currency)


def percent(change: Decimal, before: Decimal) -> str:
    """A change in percent of the amount before, such as `+12%`; empty if that was (almost) nothing."""
    share = money.change_percent(change, before)
    if share is None or not change:
        return ""
    if not share:
        return "under 0.1%"
    return f"{'+' if share > 0 else ''}{share:,f}%".replace("-", "\N{MINUS SIGN}")


SHOWN = "Shown only, not charged"
"""The total of sources that do not post: shown next to what is charged and never added to it."""


INVOICED = "of which invoiced"
"""The part of what is charged that external payers are invoiced for, instead of a journal entry."""


def causes(parts: dict[Cause, Decimal], currency: str) -> str:
    """What each cause adds: `new +1,000.00, price +12.50`; only its name if it moves money but adds none."""
    return ", ".join(f"{cause} {signed(amount, currency)}" if amount else str(cause) for cause, amount in parts.items())


def funds(change: ProjectChange, currency: str) -> str:
    """What each fund pays more or less, if money moves between funds."""
    return ", ".join(f"{fund or 'no fund'} {signed(amount, currency)}" for fund, amount in change.funds)


def project(change: ProjectChange) -> str:
    """The project, marked if this is its shown-only part."""
    return change.project if change.posted else f"{change.project} (shown only)"


def state(period: PeriodChange) -> str:
    """The state of a period, with the previous state if it changed."""
    old, new = (str(each) if each else "absent" for each in (period.old_state, period.new_state))
    return new if old == new else f"{old} → {new}"


def people(period: PeriodChange) -> str:
    """How many PIs change, appear and disappear."""
    return f"{period.pis_changed:,} changed, {period.pis_appeared:,} new, {period.pis_gone:,} gone"


def control(period: PeriodChange) -> list[tuple[str, ControlTotal, ControlTotal]]:
    """The control totals before and after, summed by currency."""
    sums: dict[str, tuple[ControlTotal, ControlTotal]] = {}
    for each in period.control:
        old, new = sums.get(each.currency, (ControlTotal(), ControlTotal()))
        sums[each.currency] = (old + each.old, new + each.new)
    return [(currency, old, new) for currency, (old, new) in sorted(sums.items())]


def undecided(period: PeriodChange) -> list[tuple[str, str, int, Decimal]]:
    """What is held, each charge once: the flags that hold it, currency, number of charges and their exact sum."""
    sums = sorted(by_reason(period.queue), key=lambda each: (each.flags, each.currency))
    return [(", ".join(each.flags), each.currency, each.charges, each.exact_billed) for each in sums]


def revision(side: Revision) -> str:
    """A side by its name and commit: of a merge that only CI has, by the pull request that it merges."""
    if side.request:
        return f"{side.request} {side.reviewed[:12]}, merged"
    commit = side.commit[:12]
    named = side.name if commit in side.name else f"{side.name} {commit}"
    return f"{named} with the work tree" if side.work_tree else named


def summary(plan: Plan) -> str:
    """The plan in one sentence, after a sentence on what could not be compared."""
    if plan.unread:
        return f"{_unread(plan)} {_moves(plan)}".rstrip()
    return _moves(plan)


def _unread(plan: Plan) -> str:
    first, many = plan.unread[0], len(plan.unread)
    what = first if many == 1 else f"{many:,} months from {first} to {plan.unread[-1]}"
    return f"{what} could not be fully compared; see the errors."


def _moves(plan: Plan) -> str:
    invoiced = [(period.old_invoiced, period.new_invoiced) for period in plan.periods]
    if not plan.moves and any(old != new for old, new in invoiced):
        old, new = (sum(side, money.ZERO) for side in zip(*invoiced, strict=True))
        return f"{NOTHING_CHANGES.removesuffix('.')}, but what is invoiced does: {_step(old, new, plan.currency)}."
    if not plan.moves:
        return "" if plan.unread else NOTHING_CHANGES
    old = sum((period.old for period in plan.periods), money.ZERO)
    new = sum((period.new for period in plan.periods), money.ZERO)
    moving = sum(bool(period.lines) for period in plan.periods)
    amounts = [_step(old, new, plan.currency)]
    if any(period.shows for period in plan.periods):
        old_shown = sum((period.old_shown for period in plan.periods), money.ZERO)
        new_shown = sum((period.new_shown for period in plan.periods), money.ZERO)
        shown = f"{SHOWN.lower()}: {_step(old_shown, new_shown, plan.currency)}"
        charged = any(line.key.posted for period in plan.periods for line in period.lines)
        amounts = [*(amounts if charged or old or new else []), shown]
    return f"{counted(moving, 'period')} change{'s' * (moving == 1)}: {'; '.join(amounts)}."


def _step(old: Decimal, new: Decimal, currency: str) -> str:
    share = percent(new - old, old)
    change = signed(new - old, currency) + (f", {share}" if share else "")
    return f"{money.human(old, currency)} → {money.human(new, currency)} {currency} ({change})"
