"""Compare a period before and after, for a reviewer: lines, PIs, projects, control totals, decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from decimal import Decimal

from openchargeback import money
from openchargeback.ledger.approvals import Decision
from openchargeback.model import BillingLine, DecisionRecord, SourceTotals, State
from openchargeback.money import ZERO
from openchargeback.plan.comparison import Comparison, Parts
from openchargeback.plan.values import (
    Cause,
    Control,
    ControlTotal,
    DecisionChange,
    LineChange,
    LineKey,
    PeriodChange,
    ProjectChange,
    key_of,
    moved,
)

_NOTHING = ControlTotal()


@dataclass(frozen=True, slots=True)
class PeriodFacts:
    """A revision's period besides its charges: its state (None if not mentioned) and its decisions."""

    state: State | None = None
    decisions: Sequence[Decision] = ()


def period_change(period: str, both: Comparison, facts: tuple[PeriodFacts, PeriodFacts], currency: str) -> PeriodChange:
    """The change between both sides of a period. facts: of base and head."""
    old, new = both.old, both.new
    before, after = _by_key(old.lines), _by_key(new.lines)
    parts = {**both.parts, **_corrections(before, after)}
    lines = line_changes(before, after, parts, currency)
    total = _total(old.lines, posted=True), _total(new.lines, posted=True)
    changed, appeared, gone = _people(before, after, lines, currency)
    return PeriodChange(
        period=period,
        old_state=facts[0].state,
        new_state=facts[1].state,
        old=total[0],
        new=total[1],
        lines=lines,
        projects=_projects(before, after, lines, parts, currency),
        causes=causes_in_cents((part for key, part in parts.items() if key.posted), total[1] - total[0], currency),
        pis_changed=changed,
        pis_appeared=appeared,
        pis_gone=gone,
        control=_control(old.sources, new.sources),
        decisions=_decisions(
            _with_records(facts[0].decisions, old.decisions), _with_records(facts[1].decisions, new.decisions)
        ),
        queue=new.queue,
        old_shown=_total(old.lines, posted=False),
        new_shown=_total(new.lines, posted=False),
        old_invoiced=_invoiced(old.lines),
        new_invoiced=_invoiced(new.lines),
    )


def line_changes(
    before: Mapping[LineKey, Decimal], after: Mapping[LineKey, Decimal], parts: Parts, currency: str
) -> tuple[LineChange, ...]:
    """The lines whose cents differ, and those that only one side has, in order."""
    keys = sorted({*before, *after}, key=astuple)
    changes = []
    for key in keys:
        old, new = before.get(key), after.get(key)
        if old != new:
            exact = dict(parts.get(key, {}))
            cents = causes_in_cents([exact], (new or ZERO) - (old or ZERO), currency)
            changes.append(LineChange(key=key, old=old, new=new, exact_parts=exact, parts=cents))
    return tuple(changes)


def causes_in_cents(
    parts: Iterable[Mapping[Cause, Decimal]], difference: Decimal, currency: str
) -> dict[Cause, Decimal]:
    """What each cause adds to some lines, summed exactly and then rounded to cents; the remainder is rounding.

    The causes add up to the exact sum, rounded down or up so that at most one minor unit per line is left for rounding.
    """
    exact: dict[Cause, Decimal] = {}
    for line in parts:
        for cause, amount in line.items():
            exact[cause] = money.total(exact.get(cause, ZERO), amount)
    whole = money.total(*exact.values())
    down = money.floor_to_cents(whole, currency)
    up = money.negative(money.floor_to_cents(money.negative(whole), currency))
    unit = money.minor_unit(currency)
    near = min(max(money.to_cents(whole, currency), difference - unit), difference + unit)
    cents = money.share_out(min(max(near, down), up), exact, currency)
    rest = difference - sum(cents.values(), ZERO)
    in_order = {cause: cents[cause] for cause in Cause if cause in cents}
    return {**in_order, Cause.ROUNDING: rest} if rest else in_order


def beyond_rounding(change: PeriodChange, currency: str) -> list[str]:
    """Where more is attributed to rounding than is possible: a self-check of the program, which must find nothing.

    On each side the cents of a line are less than one minor unit from its exact amount, so rounding explains less than
    two per line. A source is rounded once on each side, by at most half a unit, so it explains at most one per source
    and month.
    """
    unit = money.minor_unit(currency)
    found = [
        (f"{line.key.pi}, {line.key.project}, {line.key.source}, {line.key.service}", line.parts, unit)
        for line in change.lines
    ]
    sources = {control.source for control in change.control} | {line.key.source for line in change.lines}
    found.append(("the month", change.causes, len(sources) * unit))
    return [
        f"{money.plain(parts[Cause.ROUNDING], currency)} {currency} of {what} is attributed to rounding"
        for what, parts, most in found
        if abs(parts.get(Cause.ROUNDING, ZERO)) > most
    ]


def _corrections(before: Mapping[LineKey, Decimal], after: Mapping[LineKey, Decimal]) -> Parts:
    """What decisions on charges of earlier months add, in cents, since credits take back cents, not exact amounts."""
    differences = {key: after.get(key, ZERO) - before.get(key, ZERO) for key in {*before, *after} if key.correction}
    return {key: {Cause.DECISION: amount} for key, amount in differences.items() if amount}


def _by_key(lines: Iterable[BillingLine]) -> dict[LineKey, Decimal]:
    result: dict[LineKey, Decimal] = {}
    for line in lines:
        result[key_of(line)] = result.get(key_of(line), ZERO) + line.amounts.billed
    return result


def _total(lines: Iterable[BillingLine], *, posted: bool) -> Decimal:
    return sum((line.amounts.billed for line in lines if line.posted == posted), ZERO)


def _invoiced(lines: Iterable[BillingLine]) -> Decimal:
    return sum((line.amounts.billed for line in lines if line.invoiced), ZERO)


def _people(
    before: Mapping[LineKey, Decimal], after: Mapping[LineKey, Decimal], lines: Sequence[LineChange], currency: str
) -> tuple[int, int, int]:
    """How many PIs change, appear and disappear; a one-cent change of a line does not count as a change of its PI."""
    was, now = {key.pi for key in before}, {key.pi for key in after}
    cent = money.minor_unit(currency)
    changed = {line.key.pi for line in lines if abs(line.difference) > cent}
    return len(changed & was & now), len(now - was), len(was - now)


def _projects(
    before: Mapping[LineKey, Decimal],
    after: Mapping[LineKey, Decimal],
    lines: Sequence[LineChange],
    parts: Parts,
    currency: str,
) -> tuple[ProjectChange, ...]:
    def place(key: LineKey) -> tuple[str, str, bool]:
        return key.pi, key.project, key.posted

    causes: dict[tuple[str, str, bool], list[Mapping[Cause, Decimal]]] = {}
    for key, exact in parts.items():
        causes.setdefault(place(key), []).append(exact)
    groups: dict[tuple[str, str, bool], list[LineChange]] = {}
    for line in lines:
        groups.setdefault(place(line.key), []).append(line)
    totals: list[dict[tuple[str, str, bool], Decimal]] = [{}, {}]
    for side, total in zip((before, after), totals, strict=True):
        for key, amount in side.items():
            total[place(key)] = total.get(place(key), ZERO) + amount
    result = []
    for group_key, group in groups.items():
        pi, project, posted = group_key
        old, new = (total.get(group_key, ZERO) for total in totals)
        most = moved(line.difference for line in group)
        cents = causes_in_cents(causes.get(group_key, ()), new - old, currency)
        result.append(
            ProjectChange(
                pi=pi,
                project=project,
                old=old,
                new=new,
                moved=most,
                causes=cents,
                funds=_funds(group) if posted else (),
                posted=posted,
            )
        )
    return tuple(sorted(result, key=lambda each: (-each.moved, each.pi, each.project, not each.posted)))


def _funds(lines: Iterable[LineChange]) -> tuple[tuple[str, Decimal], ...]:
    """What each fund pays more or less, if more than one is involved."""
    funds: dict[str, Decimal] = {}
    for line in lines:
        funds[line.key.fund] = funds.get(line.key.fund, ZERO) + line.difference
    return tuple(sorted(funds.items())) if len(funds) > 1 else ()


def _control(old: Sequence[SourceTotals], new: Sequence[SourceTotals]) -> tuple[Control, ...]:
    before, after = ({(each.source, each.currency): _control_total(each) for each in side} for side in (old, new))
    return tuple(
        Control(*key, before.get(key, _NOTHING), after.get(key, _NOTHING)) for key in sorted({*before, *after})
    )


def _control_total(source: SourceTotals) -> ControlTotal:
    return ControlTotal(
        charges=source.charges,
        exact_imported=source.imported,
        exact_billed=source.billed,
        exact_held=source.held,
        exact_rejected=source.rejected,
    )


def _decisions(
    old: Sequence[tuple[Decision, DecisionRecord]], new: Sequence[tuple[Decision, DecisionRecord]]
) -> tuple[DecisionChange, ...]:
    """Decisions that only one side has, regardless of their place, and those that became void."""
    left: dict[str, list[DecisionRecord]] = {}
    for decision, record in old:
        left.setdefault(_content(decision), []).append(record)
    result = []
    for decision, record in new:
        same = left.get(_content(decision))
        if not same:
            result.append(_decision("added", record))
        elif not same.pop(0).void and record.void:
            result.append(_decision("void", record))
    return (*result, *(_decision("removed", record) for records in left.values() for record in records))


def _with_records(
    decisions: Sequence[Decision], records: Sequence[DecisionRecord]
) -> list[tuple[Decision, DecisionRecord]]:
    """Each decision with its record, matched by place."""
    places = {(record.path, record.line): record for record in records}
    return [(each, places[each.path, each.line]) for each in decisions if (each.path, each.line) in places]


def _content(decision: Decision) -> str:
    """The content of a decision, regardless of its place."""
    return repr(replace(decision, path="", line=0, column=0))


def _decision(change: str, record: DecisionRecord) -> DecisionChange:
    return DecisionChange(
        change=change,
        decision=record.decision,
        what=record.what,
        charges=record.charges,
        exact_billed=record.exact_billed,
        reason=record.reason,
        by=record.by,
        path=record.path,
        line=record.line,
        void=record.void,
    )
