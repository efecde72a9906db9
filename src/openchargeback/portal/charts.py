"""Compute the geometry of charts, which templates draw. Bars for amounts, sparklines for change, axes from zero.

Coordinates are text with at most one decimal, so that the same amounts give the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

from openchargeback import money
from openchargeback.ledger.periods import CHART_MONTHS, months_until
from openchargeback.model import PeriodAmounts
from openchargeback.money import ZERO
from openchargeback.templating.filters import period_human, period_short

SERIES = 6
"""Sources with a color of their own; the rest is `other`."""

OTHER = "other"

_LABEL = 18
"""The height of a label including its spacing."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the axis with its label."""

    y: str
    label: str
    zero: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle; `series` is the number of its color (`1` to `6` or `other`)."""

    x: str
    y: str
    width: str
    height: str
    series: str
    hint: str


@dataclass(frozen=True, slots=True)
class Text:
    """A label at a point."""

    x: str
    y: str
    text: str
    series: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Cap:
    """A short line over a month's slot, at the height of an amount."""

    x1: str
    x2: str
    y: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with an axis. filled: what the bars mean, for the key. unit: of the axis.

    caps: list prices. labels: of months; years: below the first month and each January.
    names: of the series, beside the last bar; key: the same for a chart without room for them.
    gaps: labels at the months without data.
    few: the same for a phone, with fewer months.
    """

    title: str
    description: str
    width: int
    height: int
    left: int
    right: int
    unit: str
    ticks: tuple[Tick, ...]
    labels: tuple[Text, ...]
    years: tuple[Text, ...]
    gaps: tuple[Text, ...]
    bars: tuple[Bar, ...] = ()
    values: tuple[Text, ...] = ()
    caps: tuple[Cap, ...] = ()
    names: tuple[Text, ...] = ()
    key: tuple[tuple[str, str], ...] = ()
    filled: str = "amount due"
    few: Chart | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A sparkline without an axis: its text, its segments between gaps, its isolated points, its last point."""

    words: str
    parts: tuple[str, ...]
    singles: tuple[tuple[str, str], ...]
    last_x: str
    last_y: str
    zero: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Amounts of one source (or of `other`) over the months, in cents."""

    name: str
    label: str
    color: str
    amounts: tuple[Decimal, ...]


def colors(listed: Sequence[str], totals: dict[str, Decimal]) -> dict[str, str]:
    """The color of each source, the same on every page: in the order of the config, then alphabetically.

    With more than six sources, the six with the largest totals (ignoring sign) keep their own color.
    """
    order = [s for s in listed if s in totals] + sorted(set(totals) - set(listed))
    ranked = sorted(order, key=lambda source: (-abs(totals[source]), order.index(source)))[:SERIES]
    own = [source for source in order if source in ranked]
    return {source: str(own.index(source) + 1) if source in own else OTHER for source in order}


PHONE_MONTHS = 6
"""The months of a chart on a phone, so that bars stay wide enough to see."""


def stacked(
    title: str, description: str, months: Sequence[str], series: Sequence[Series], currency: str, known: Collection[str]
) -> Chart:
    """Bars stacked by source over the months; negative amounts go below zero. Names are beside the last bar.

    months: consecutive calendar months. known: those that have data; the others are gaps.
    """
    made = _stacked(_Canvas((700, 300), (64, 156, 30, 38)), title, description, months, series, currency, known)
    last = [replace(one, amounts=one.amounts[-PHONE_MONTHS:]) for one in series]
    few = _stacked(
        *(_Canvas((340, 220), (52, 4, 30, 38)), title, description, months[-PHONE_MONTHS:], last, currency, known)
    )
    return replace(made, few=replace(few, names=(), key=tuple((one.label, one.color) for one in series)))


def _stacked(
    canvas: _Canvas,
    title: str,
    description: str,
    months: Sequence[str],
    series: Sequence[Series],
    currency: str,
    known: Collection[str],
) -> Chart:
    stacks = [list(_stack(series, i)) for i in range(len(months))]
    tops = [max([ZERO, *(end for _, _, end in stack)]) for stack in stacks]
    lows = [min([ZERO, *(end for _, _, end in stack)]) for stack in stacks]
    grid = _Grid(canvas, months, [*tops, *lows], currency)
    bars = []
    for i, (month, stack) in enumerate(zip(months, stacks, strict=True)):
        for one, start, end in stack:
            hint = f"{one.label}, {period_human(month)}: {money.human(end - start, currency)} {currency}"
            bars.append(grid.bar(i, (start, end), one.color, hint))
    totals = [top + low for top, low in zip(tops, lows, strict=True)]
    last = stacks[-1] if stacks else []
    axes = grid.axes((title, description), currency, months[-1] if months else "", known)
    return replace(
        axes,
        bars=tuple(bars),
        names=_spread([((grid.y(start) + grid.y(end)) / 2, one) for one, start, end in last], grid),
        values=tuple(
            Text(grid.middles[i], _px(grid.y(tops[i]) - 6), _short(totals[i], currency), marked=i == len(months) - 1)
            for i in _worth_a_label({i: totals[i] for i, month in enumerate(months) if month in known})
        ),
    )


def _stack(series: Sequence[Series], month: int) -> Iterator[tuple[Series, Decimal, Decimal]]:
    """The segments of a month's bars, with start and end: upward from zero, and downward if negative."""
    above, below = ZERO, ZERO
    for one in series:
        amount = one.amounts[month]
        if amount > 0:
            yield one, above, above + amount
            above += amount
        elif amount < 0:
            yield one, below, below + amount
            below += amount


def twelve_months(
    history: Sequence[PeriodAmounts],
    marked: str,
    currency: str,
    whose: str = "",
    *,
    only_shown: bool = False,
    until: str = "",
) -> Chart:
    """Twelve calendar months that end with `until`, or the last one given: amount due as a bar, list price as
    a short line.

    history: the months that have data, in ascending order; months in between without data are gaps.
    marked: the period to highlight. whose: names the chart for screen readers. only_shown: nothing is due; the amounts
    are the value of the usage.
    """
    filled, short = ("value", "value") if only_shown else ("amount due", "due")
    months = months_until(until or history[-1].period, CHART_MONTHS) if history else []
    shown = [month for month in history if month.period in months]
    # Months to come have no place on a phone.
    latest = [month for month in months if not history or month <= history[-1].period][-PHONE_MONTHS:]
    title, description = _in_words(shown, currency, whose, filled)
    words = title, description, short
    made = _bars(_Canvas((600, 210), (64, 4, 30, 38)), months, shown, marked, currency, words)
    few = _bars(_Canvas((340, 200), (52, 4, 30, 38)), latest, shown, marked, currency, words)
    return replace(made, filled=filled, few=replace(few, filled=filled))


def _bars(
    canvas: _Canvas,
    months: Sequence[str],
    history: Sequence[PeriodAmounts],
    marked: str,
    currency: str,
    words: tuple[str, str, str],
) -> Chart:
    """words: title, description, and what the bars are in a hint."""
    title, description, short = words
    shown = [each for each in history if each.period in months]
    amounts = [amount for month in shown for amount in (month.amounts.list, month.amounts.billed)]
    grid = _Grid(canvas, months, amounts, currency, slots=len(months) or CHART_MONTHS, steps=3)
    caps, bars, marks = [], [], []
    for each in shown:
        i, listed, billed = months.index(each.period), each.amounts.list, each.amounts.billed
        name = period_human(each.period)
        hint = f"{name}: list {money.human(listed, currency)}, {short} {money.human(billed, currency)} {currency}"
        is_marked = each.period == marked
        bars.append(grid.bar(i, (ZERO, billed), "marked" if is_marked else "plain", hint))
        caps.append(grid.cap(i, listed, hint))
        if is_marked:
            y = _label_height(grid.y(billed), grid.y(listed), grid.y(ZERO))
            marks.append(Text(grid.middles[i], _px(y), _short(billed, currency), marked=True))
    # Months to come are no gaps.
    known = {month for month in months if history and month > history[-1].period} | {each.period for each in shown}
    return replace(
        grid.axes((title, description), currency, marked, known),
        bars=tuple(bars),
        caps=tuple(caps),
        values=tuple(marks),
    )


def _label_height(due: Decimal, listed: Decimal, zero: Decimal) -> Decimal:
    """The height of a bar's label: at its end, clear of the line of the list price if that is nearby."""
    if due > zero:
        return due + 13
    crossed = due - _LABEL < listed < due + 1
    return (listed if crossed else due) - 6


def gaps_between(months: Sequence[str], known: Collection[str]) -> list[str]:
    """The months without data after the first one that has some; before that the ledger did not exist."""
    first = min(known, default="")
    return [month for month in months if first and month > first and month not in known]


def no_data(month: str) -> str:
    """The label of a month without data."""
    return f"{period_human(month)}: no data"


def small_line(amounts: Mapping[str, Decimal], currency: str) -> Line | None:
    """A sparkline of 96 by 24 for a table row, from zero; None if there are fewer than two months.

    amounts: by month, for months with data, in ascending order. The line breaks at months without data.
    """
    if len(amounts) < 2:
        return None
    first, *_, last = amounts
    scale = _Scale(min([ZERO, *amounts.values()]), max([ZERO, *amounts.values()]), 3, 21)
    months = months_until(last, CHART_MONTHS)
    months = months[months.index(first) :]
    step = Decimal(90) / (len(months) - 1)
    parts: list[list[tuple[str, str]]] = [[]]
    for i, month in enumerate(months):
        if month in amounts:
            parts[-1].append((_px(3 + step * i), _px(scale.y(amounts[month]))))
        elif parts[-1]:
            parts.append([])
    words = ", ".join(f"{period_short(month)} {money.human(amounts[month], currency)}" for month in (first, last))
    return Line(
        words=words,
        parts=tuple(" ".join(f"{x},{y}" for x, y in part) for part in parts if len(part) > 1),
        singles=tuple(part[0] for part in parts[:-1] if len(part) == 1),
        last_x=parts[-1][-1][0],
        last_y=parts[-1][-1][1],
        zero=_px(scale.y(ZERO)),
    )


class _Scale:
    """Maps amounts to heights; the axis always includes zero and ends on round numbers."""

    def __init__(self, low: Decimal, high: Decimal, top: int, bottom: int, steps: int = 4) -> None:
        self.step = _round_step((high - low) / steps)
        self.low = ZERO - self.step * _ceiling(-low / self.step)
        self.high = self.step * max(_ceiling(high / self.step), 0 if self.low else 1)
        self.top, self.bottom = top, bottom

    def y(self, amount: Decimal) -> Decimal:
        return self.bottom - (amount - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def ticks(self, currency: str) -> tuple[Tick, ...]:
        found, value = [], self.low
        while value <= self.high:
            found.append(Tick(_px(self.y(value)), _short(value, currency), not value))
            value += self.step
        return tuple(found)


_BESIDE = 8
"""What is between the amounts of an axis and the first bar."""


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Width and height of a drawing, and its margins: left, right, top, bottom."""

    size: tuple[int, int]
    margins: tuple[int, int, int, int]


class _Grid(_Scale):
    """A chart's months side by side, each in a slot, and amounts as heights."""

    def __init__(
        self,
        canvas: _Canvas,
        months: Sequence[str],
        amounts: Sequence[Decimal],
        currency: str,
        slots: int = 0,
        steps: int = 4,
    ) -> None:
        self.width, self.height = canvas.size
        left, right, top, bottom = canvas.margins
        self.right = self.width - right
        super().__init__(min([ZERO, *amounts]), max([ZERO, *amounts]), top, self.height - bottom, steps)
        self.left = max([left, *(_label_width(tick.label) for tick in self.ticks(currency))])
        self.slot = Decimal(self.right - self.left) / (slots or max(len(months), 1))
        self.thick = min(self.slot * Decimal("0.6"), Decimal(44))
        self.months = months
        self.middles = [_px(self.left + self.slot * i + self.slot / 2) for i in range(len(months))]

    def bar(self, i: int, ends: tuple[Decimal, Decimal], series: str, hint: str) -> Bar:
        """A bar in the middle of a month's slot, between two amounts."""
        x = self.left + self.slot * i + (self.slot - self.thick) / 2
        high, low = sorted(map(self.y, ends))
        return Bar(_px(x), _px(high), _px(self.thick), _px(low - high), series, hint)

    def cap(self, i: int, amount: Decimal, hint: str) -> Cap:
        """A short line in a month's slot, a little wider than its bar."""
        x = self.left + self.slot * i + (self.slot - self.thick) / 2
        return Cap(_px(x - 2), _px(x + self.thick + 2), _px(self.y(amount)), hint)

    def gaps(self, known: Collection[str]) -> tuple[Text, ...]:
        """The labels of months without data."""
        places = dict(zip(self.months, self.middles, strict=True))
        y = _px(self.y(ZERO) - 5)
        return tuple(
            Text(places[month], y, no_data(month)) for month in gaps_between(self.months, known) if month in places
        )

    def axes(self, words: tuple[str, str], currency: str, marked: str, known: Collection[str]) -> Chart:
        """The chart with its axes alone: month names, and years on a line of their own. words: title, description."""
        y = self.height - 20
        places = list(zip(self.months, self.middles, strict=True))
        return Chart(
            title=words[0],
            description=words[1],
            width=self.width,
            height=self.height,
            left=self.left,
            right=self.right,
            unit=currency,
            ticks=self.ticks(currency),
            labels=tuple(Text(x, str(y), period_short(month)[:3], marked=month == marked) for month, x in places),
            years=tuple(
                Text(x, str(y + 15), month[:4])
                for i, (month, x) in enumerate(places)
                if month.endswith("-01") or (i == 0 and not month.endswith(("-11", "-12")))
            ),
            gaps=self.gaps(known),
        )


def _round_step(rough: Decimal) -> Decimal:
    """The next of 1, 2, 5 × a power of ten."""
    if rough <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(rough.adjusted())
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def _ceiling(value: Decimal) -> int:
    whole = int(value)
    return whole + (value > whole)


def _short(amount: Decimal, currency: str) -> str:
    """Whole units if the amount is large; the table beside the chart has exact amounts."""
    if amount == amount.to_integral_value() or abs(amount) >= 100:
        return f"{amount.quantize(Decimal(1)):,f}".replace("-", "\N{MINUS SIGN}")
    return money.human(amount, currency)


def _label_width(label: str) -> int:
    """The room for a label beside an axis, in the 12 pixels of a chart, with the gap between them."""
    return 8 + sum(4 if sign in ",." else 8 for sign in label)


def _worth_a_label(totals: Mapping[int, Decimal]) -> list[int]:
    """Of the months with data the last one and the highest one, unless they are too close together."""
    if not totals:
        return []
    last, highest = max(totals), max(totals, key=lambda i: (totals[i], i))
    return [last] if last - highest < 2 else [highest, last]


def _spread(names: Sequence[tuple[Decimal, Series]], grid: _Grid) -> tuple[Text, ...]:
    """Labels beside the last bar, moved apart if they would overlap."""
    gap = 17
    placed: list[tuple[Decimal, Series]] = []
    for middle, one in sorted(names, key=lambda item: item[0], reverse=True):
        y = middle + 4 if not placed else min(middle + 4, placed[-1][0] - gap)
        placed.append((min(y, Decimal(grid.bottom)), one))
    shift = max(ZERO, grid.top - placed[-1][0]) if placed else ZERO
    return tuple(Text(str(grid.right + 10), _px(y + shift), _cut(one.label), one.color) for y, one in placed)


def _cut(label: str) -> str:
    return label if len(label) <= 20 else label[:19] + "…"


def _in_words(shown: Sequence[PeriodAmounts], currency: str, whose: str, filled: str) -> tuple[str, str]:
    if not shown:
        return whose, "No months yet."
    listed = sum((month.amounts.list for month in shown), ZERO)
    billed = sum((month.amounts.billed for month in shown), ZERO)
    highest = max(shown, key=lambda month: (month.amounts.billed, month.period))
    first, last = period_human(shown[0].period), period_human(shown[-1].period)
    title = f"{whose}: list price and {filled}" if whose else f"List price and {filled}"
    return title, (
        f"{first} to {last}: list price {money.human(listed, currency)} {currency}, {filled} "
        f"{money.human(billed, currency)} {currency}. Highest in {period_human(highest.period)} with "
        f"{money.human(highest.amounts.billed, currency)} {currency}."
    )


def _px(value: Decimal) -> str:
    rounded = value.quantize(Decimal("0.1"), rounding=ROUND_HALF_EVEN)
    return f"{rounded:f}".removesuffix(".0") if rounded else "0"
