"""Twelve small bars for print: a project's usage (outline) and amount due (filled), by month, as inline SVG.

The portal's own chart of the same twelve months takes its colors from a style sheet and has an element for each bar.
WeasyPrint applies no style sheet to an SVG, and every element costs time; so here colors are attributes and all bars of
one kind are one path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

from openchargeback import money
from openchargeback.portal.charts import gaps_between, no_data
from openchargeback.portal.statement_view import Bar
from openchargeback.templating.filters import period_short


@dataclass(frozen=True, slots=True)
class ChartColors:
    """Colors as `#rrggbb`: the marked month, the other months, outlines, rules and words."""

    accent: str = "#1d4e89"
    other: str = "#b9c0c7"
    outline: str = "#8a939c"
    rule: str = "#e3e6e9"
    text: str = "#646d76"
    ink: str = "#14191f"


# Geometry in SVG user units; the drawing is scaled to the width it is given.
_WIDTH, _HEIGHT = 680, 104
_TOP, _BOTTOM = 12, 76
_LEFT, _BAR, _DIGIT = 64, 26, 7
_ROUND = tuple(Decimal(step) for step in ("1", "1.25", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10"))


def history_chart(
    bars: Sequence[Bar], currency: str, colors: ChartColors | None = None, *, only_shown: bool = False
) -> str:
    """The SVG element as text; empty if no month has an amount.

    only_shown: the bars are the value of the usage, and nothing is due.
    The axis starts at zero (below, if credits exceed charges) and ends at a round number, which is labeled.
    """
    colors = colors or ChartColors()
    axis = _Axis(bars)
    if not any(bar.list or bar.due for bar in bars):
        return ""
    gaps = gaps_between([bar.period for bar in bars], [bar.period for bar in bars if bar.known])
    title = _title(bars, gaps, currency, *(("value", "value") if only_shown else ("amount due", "due")))
    rules = "".join(f"M{axis.start} {axis.y(tick)}H{_WIDTH}" for tick in axis.ticks if tick)
    words = "".join(_month_words(axis, at, bar, colors, is_gap=bar.period in gaps) for at, bar in enumerate(bars))

    def boxes(what: str, *, current: bool) -> str:
        amounts = [(at, getattr(bar, what)) for at, bar in enumerate(bars) if bar.current == current]
        return "".join(axis.box(at, amount) for at, amount in amounts if amount)

    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="history" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label={quoteattr(title)} font-family="Inter" font-size="10">'
        f"<title>{escape(title)}</title>"
        f'<path d="{rules}" fill="none" stroke="{colors.rule}" stroke-width="0.75"/>'
        f'<path d="{boxes("due", current=False)}" fill="{colors.other}"/>'
        f'<path d="{boxes("due", current=True)}" fill="{colors.accent}"/>'
        f'<path d="{boxes("list", current=False)}" fill="none" stroke="{colors.outline}" stroke-width="0.75"/>'
        f'<path d="{boxes("list", current=True)}" fill="none" stroke="{colors.accent}" stroke-width="0.75"/>'
        f'<path d="M{axis.start} {axis.y(money.ZERO)}H{_WIDTH}" fill="none" stroke="{colors.outline}" '
        f'stroke-width="0.75"/>'
        f"{_labels(axis, colors)}{words}</svg>"
    )


class _Axis:
    """The positions of months and amounts. `ticks` are the labeled amounts: zero and round numbers above and below."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        amounts = [money.ZERO, *(amount for bar in bars for amount in (bar.list, bar.due))]
        high, self.deep = round_up(max(amounts)), -round_up(-min(amounts))
        self.ticks = sorted({high, money.ZERO, self.deep}, reverse=True)
        self.scale = Decimal(_BOTTOM - _TOP) / ((high - self.deep) or 1)
        self.start = max(_LEFT, max(len(_whole(tick)) for tick in self.ticks) * _DIGIT + 10)
        self.step = Decimal(_WIDTH - self.start) / max(len(bars), 1)

    def y(self, amount: Decimal) -> str:
        return _number(Decimal(_BOTTOM) - (amount - self.deep) * self.scale)

    def left(self, at: int) -> Decimal:
        return Decimal(self.start) + self.step * at + (self.step - _BAR) / 2

    def middle(self, at: int) -> str:
        return _number(self.left(at) + Decimal(_BAR) / 2)

    def box(self, at: int, amount: Decimal) -> str:
        left, right = _number(self.left(at)), _number(self.left(at) + _BAR)
        return f"M{left} {self.y(money.ZERO)}H{right}V{self.y(amount)}H{left}Z"


def _month_words(axis: _Axis, at: int, bar: Bar, colors: ChartColors, *, is_gap: bool) -> str:
    """The name of a month below its bar, the year at its first month, and a dash instead of a bar without data."""
    place = f'<text x="{axis.middle(at)}" y="{{}}" text-anchor="middle" {{}}>{{}}</text>'
    plain = f'fill="{colors.text}"'
    words = []
    if is_gap:
        y = _number(Decimal(axis.y(money.ZERO)) - 5)
        words.append(place.format(y, plain, f"–<title>{no_data(bar.period)}</title>"))
    style = f'font-weight="600" fill="{colors.ink}"' if bar.current else plain
    words.append(place.format(90, style, period_short(bar.period)[:3]))
    if at == 0 or bar.period.endswith("-01"):
        words.append(place.format(102, plain, bar.period[:4]))
    return "".join(words)


def _labels(axis: _Axis, colors: ChartColors) -> str:
    return "".join(
        f'<text x="{axis.start - 10}" y="{_number(Decimal(axis.y(tick)) + 3)}" text-anchor="end" '
        f'fill="{colors.text}">{_whole(tick)}</text>'
        for tick in axis.ticks
    )


def round_up(amount: Decimal) -> Decimal:
    """The next round number that is not below `amount`, at most a third above it; zero stays zero."""
    if not amount:
        return money.ZERO
    power = Decimal(1).scaleb(amount.adjusted())
    return next(step * power for step in _ROUND if step * power >= amount)


def _title(bars: Sequence[Bar], gaps: Sequence[str], currency: str, what: str, short: str) -> str:
    parts = [
        f"{period_short(bar.period)}: list {money.human(bar.list, currency)}, {short} {money.human(bar.due, currency)}"
        if bar.known
        else no_data(bar.period)
        for bar in bars
        if bar.list or bar.due or bar.period in gaps
    ]
    return f"List price and {what} by month in {currency}. " + "; ".join(parts) + "."


def _whole(tick: Decimal) -> str:
    text = f"{tick:,f}".replace("-", "\N{MINUS SIGN}")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: Decimal) -> str:
    """A coordinate with at most one decimal, written the same everywhere."""
    text = f"{value.quantize(Decimal('0.1')):f}"
    return text.removesuffix(".0")
