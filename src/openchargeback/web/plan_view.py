"""A plan as the pages of drafts and proposals show it: what changes in money, who pays more or less, and why.

Texts and their order are those of the plan on a pull request (`plan/words.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from openchargeback import money
from openchargeback.model import LEVELS, Evidence
from openchargeback.plan import words
from openchargeback.plan.values import PeriodChange, Plan
from openchargeback.problems import Severity
from openchargeback.publish.paragraphs import Paragraph, paragraphs, totals
from openchargeback.templating.filters import flag_title
from openchargeback.web.workspace import Examined
from openchargeback.wording import counted

MOST_ROWS = 100
"""The most rows of a table; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts. right: the columns with figures. more: how many rows were left out. note: a line below.

    short: the columns of single words.
    """

    title: str
    head: tuple[str, ...]
    right: frozenset[int]
    rows: tuple[tuple[str, ...], ...]
    more: int = 0
    note: str = ""
    short: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class MonthView:
    """What changes in a month: its totals before and after, a sentence on PIs and causes, and tables of details."""

    period: str
    state: str
    totals: Table
    sentence: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan. counts: `2 errors, 1 warning`. sound: whether it could be merged. why: why there is no plan."""

    summary: str
    months: tuple[MonthView, ...]
    tables: tuple[Table, ...]
    problems: tuple[Paragraph, ...]
    counts: str
    sound: bool
    why: str = ""


def plan_view(examined: Examined) -> PlanView:
    """The view of an examined commit."""
    plan = examined.plan
    if plan is None:
        found = paragraphs(examined.problems)
        return PlanView("", (), (), tuple(found), totals(found), sound=False, why=examined.why)
    # Notices of a plan are about the change; the ledger's own warnings and errors are in both.
    found = paragraphs({*plan.problems, *(each for each in examined.problems if each.severity is Severity.ERROR)})
    return PlanView(
        words.summary(plan),
        tuple(_month(period, plan.currency) for period in plan.periods),
        tuple(filter(None, (_settings(plan), evidence_table(plan.evidence)))),
        tuple(found),
        totals(found),
        examined.sound,
    )


def make_table(
    title: str,
    head: tuple[str, ...],
    right: set[int],
    rows: Sequence[tuple[str, ...]],
    note: str = "",
    short: Iterable[int] = (),
) -> Table | None:
    """A table of at most MOST_ROWS rows; None without rows."""
    if not rows:
        return None
    shown = tuple(rows[:MOST_ROWS])
    return Table(title, head, frozenset(right), shown, len(rows) - len(shown), note, frozenset(short))


def _month(period: PeriodChange, currency: str) -> MonthView:
    causes = f" Causes: {words.causes(period.causes, currency)}." if period.causes else ""
    tables = (_largest(period, currency), _decisions(period, currency), _held(period), _sources(period, currency))
    return MonthView(
        period.period,
        words.state(period),
        _totals(period, currency),
        f"PIs: {words.people(period)}.{causes}",
        tuple(filter(None, (*tables, _invoices(period)))),
    )


def _totals(period: PeriodChange, currency: str) -> Table:
    share = words.percent(period.difference, period.old)
    change = words.signed(period.difference, currency) + (f" ({share})" if share else "")
    rows = [("Billed to PIs", money.human(period.old, currency), money.human(period.new, currency), change)]
    more = (
        (period.invoices_any, words.INVOICED, period.old_invoiced, period.new_invoiced),
        (period.shows, words.SHOWN, period.old_shown, period.new_shown),
    )
    for wanted, label, old, new in more:
        if wanted:
            amounts = money.human(old, currency), money.human(new, currency)
            rows.append((label, *amounts, words.signed(new - old, currency)))
    for unit, was, now in words.control(period):
        for label, before, after in (
            ("imported", was.exact_imported, now.exact_imported),
            ("= billed", was.exact_billed, now.exact_billed),
            ("+ held", was.exact_held, now.exact_held),
            ("+ rejected", was.exact_rejected, now.exact_rejected),
        ):
            name = label if unit == currency else f"{label} {unit}"
            rows.append((name, money.human(before, unit), money.human(after, unit), words.step(before, after, unit)))
    return Table("Totals", (currency, "Before", "After", "Change"), frozenset({1, 2, 3}), tuple(rows))


def _largest(period: PeriodChange, currency: str) -> Table | None:
    rows = [
        (
            each.pi,
            words.project(each),
            money.human(each.old, currency),
            money.human(each.new, currency),
            words.signed(each.difference, currency),
            "; ".join(filter(None, (words.causes(each.causes, currency), words.funds(each, currency)))),
        )
        for each in period.projects
    ]
    head = ("PI", "Project", "Before", "After", "Change", "Causes")
    return make_table("Changes by PI and project", head, {2, 3, 4}, rows)


def _decisions(period: PeriodChange, currency: str) -> Table | None:
    rows = [
        (
            each.change,
            each.decision,
            each.what,
            f"{each.charges:,}",
            money.human(each.exact_billed, currency),
            each.reason + (f" (void: {each.void})" if each.void else ""),
            each.by,
        )
        for each in period.decisions
    ]
    head = ("Change", "Decision", "On", "Charges", currency, "Reason", "By")
    return make_table(counted(len(rows), "decision"), head, {3, 4}, rows)


def _held(period: PeriodChange) -> Table | None:
    rows = [
        ("; ".join(map(flag_title, flags.split(", "))), f"{charges:,}", f"{money.human(amount, unit)} {unit}")
        for flags, unit, charges, amount in words.undecided(period)
    ]
    return make_table("Still held", ("Reason", "Charges", "Amount"), {1, 2}, rows)


def _sources(period: PeriodChange, currency: str) -> Table | None:
    rows = [(row.source, words.source(row, currency)) for row in period.sources if row.needs_attention]
    rows += [(each.source, f"closed without it: {words.without(each)}") for each in period.without]
    return make_table("Sources to check", ("Source", "What"), set(), rows)


def _invoices(period: PeriodChange) -> Table | None:
    found = (*period.invoices_to_check, *period.invoices_gone)
    rows = [(str(each.status), words.invoice(each, period)) for each in found]
    return make_table(words.INVOICES, ("State", "What"), set(), rows)


def _settings(plan: Plan) -> Table | None:
    rows = [(each.path, each.key, each.old, each.new) for each in plan.settings]
    note = "".join(f"{line}. " for line in words.effects(plan)).strip()
    return make_table(counted(len(rows), "setting"), ("File", "Key", "Before", "After"), set(), rows, note)


def evidence_table(found: Sequence[Evidence]) -> Table | None:
    """Who approved which files, and how strong the evidence is."""
    rows = [(each.path, str(each.level), each.who, each.why) for each in found]
    return make_table(words.EVIDENCE, ("File", "Level", "Who", "Why"), set(), rows, LEVELS if rows else "")
