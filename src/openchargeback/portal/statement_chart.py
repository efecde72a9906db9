"""Twelve small bars for print: the amount due of each month as a bar, its list price as a short line above it.

The portal's own chart of the same months takes its colors from a style sheet and has an element for each bar.
WeasyPrint applies no style sheet to an SVG, and every element costs time; so here colors are attributes and all bars of
one kind are one path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.portal.charts import gaps_between, no_data
from openchargeback.portal.statement_view import Bar
from openchargeback.templating.filters import period_short


@dataclass(frozen=True, slots=True)
class ChartColors:
    """Colors as `#rrggbb`: the statement's month, the other months, lines, words."""

    accent: str = "#1d4e89"
    other: str = "#b9c0c7"
    line: str = "#14191f"
    text: str = "#5b646d"
    ink: str = "#14191f"


# Geometry in SVG user units; the drawing is scaled to the width it is given.
WIDTH, HEIGHT = 672, 80
_TOP, _BOTTOM = 13, 64
_BAR, _SIZE = 40, 9
_LONGEST = 9
"""The most characters of a label that fits above its bar."""
_DASH = "\N{EN DASH}"


def has_chart(bars: Sequence[Bar]) -> bool:
    """Whether any month has an amount to draw."""
    return any(bar.list or bar.due for bar in bars)


def history_chart(bars: Sequence[Bar], currency: str, colors: ChartColors | None = None) -> str:
    """The drawing as an SVG document; empty if there is nothing to draw. The axis starts at zero, or below for credits.

    The words for readers who do not see it are not in it (`chart_words`).
    """
    if not has_chart(bars):
        return ""
    colors, plot = colors or ChartColors(), _Plot(bars, currency)
    drawn = [(at, bar) for at, bar in enumerate(bars) if bar.list or bar.due]
    dues = [
        "".join(plot.box(at, bar.due) for at, bar in drawn if bar.current == now and bar.due) for now in (False, True)
    ]
    lines = "".join(plot.line(at, bar.list) for at, bar in drawn if bar.list)
    base = "".join(plot.line(at, money.ZERO) for at, _ in drawn)
    words = "".join(plot.words(at, bar, colors) for at, bar in enumerate(bars))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f'<path d="{dues[0]}" fill="{colors.other}"/><path d="{dues[1]}" fill="{colors.accent}"/>'
        f'<path d="{base}" fill="none" stroke="{colors.text}" stroke-width="0.5"/>'
        f'<path d="{lines}" fill="none" stroke="{colors.line}" stroke-width="1.2"/>'
        f'<g font-family="Inter" font-size="{_SIZE}">{words}</g></svg>'
    )


def chart_words(bars: Sequence[Bar], currency: str, *, only_shown: bool = False) -> str:
    """What the chart shows, month by month; empty without a chart. only_shown: nothing is due."""
    if not has_chart(bars):
        return ""
    gaps = gaps_between([bar.period for bar in bars], [bar.period for bar in bars if bar.known])
    what, short = ("value", "value") if only_shown else ("amount due", "due")
    parts = [
        f"{period_short(bar.period)}: list {money.human(bar.list, currency)}, {short} {money.human(bar.due, currency)}"
        if bar.known
        else no_data(bar.period)
        for bar in bars
        if bar.list or bar.due or bar.period in gaps
    ]
    return f"List price and {what} by month in {currency}. " + "; ".join(parts) + "."


class _Plot:
    """The positions of months and amounts."""

    def __init__(self, bars: Sequence[Bar], currency: str) -> None:
        amounts = [money.ZERO, *(amount for bar in bars for amount in (bar.list, bar.due))]
        high, self.low = max(amounts), min(amounts)
        # Labels of bars below the axis are below them.
        self.bottom = _BOTTOM - (_SIZE + 2 if self.low < 0 else 0)
        self.scale = Decimal(self.bottom - _TOP) / ((high - self.low) or 1)
        self.slot = Decimal(WIDTH) / max(len(bars), 1)
        self.labels = _labels([bar.due for bar in bars], currency)

    def y(self, amount: Decimal) -> Decimal:
        return Decimal(self.bottom) - (amount - self.low) * self.scale

    def left(self, at: int) -> Decimal:
        return self.slot * at

    def box(self, at: int, amount: Decimal) -> str:
        left, zero = _number(self.left(at)), _number(self.y(money.ZERO))
        return f"M{left} {zero}h{_BAR}V{_number(self.y(amount))}h-{_BAR}Z"

    def line(self, at: int, amount: Decimal) -> str:
        return f"M{_number(self.left(at))} {_number(self.y(amount))}h{_BAR}"

    def words(self, at: int, bar: Bar, colors: ChartColors) -> str:
        """The name of a month, with the year of the first one and of January, and the amount at its bar."""
        style = f'font-weight="600" fill="{colors.ink}"' if bar.current else f'fill="{colors.text}"'
        name = period_short(bar.period)
        month = name if at == 0 or bar.current or bar.period.endswith("-01") else name[:3]
        marked = bool(bar.list or bar.due)
        label = self.labels[at] if marked else _DASH
        y = self._label(bar) if marked else self.y(money.ZERO)
        left = _number(self.left(at))
        return "".join(
            f'<text x="{left}" y="{_number(Decimal(place))}" {style}>{text}</text>'
            for place, text in ((y, label), (HEIGHT - 4, month))
        )

    def _label(self, bar: Bar) -> Decimal:
        """Where the amount stands: on its bar, or above the line of the list price if there is no room between."""
        if bar.due < 0:
            return self.y(bar.due) + _SIZE
        top = self.y(max(bar.due, money.ZERO))
        above = self.y(bar.list)
        crossed = above <= top < above + _SIZE + 4
        return (above if crossed else top) - 3


def _labels(amounts: Sequence[Decimal], currency: str) -> list[str]:
    """The amounts, all in cents if they fit; else in whole units, or in millions."""
    exact = [money.human(amount, currency) for amount in amounts]
    if max(map(len, exact)) <= _LONGEST:
        return exact
    whole = [_grouped(money.to_places(amount, 0)) for amount in amounts]
    if max(map(len, whole)) <= _LONGEST:
        return whole
    return [f"{_grouped(money.to_places(amount.scaleb(-6), 1))}M" for amount in amounts]


def _grouped(amount: Decimal) -> str:
    return f"{amount:,f}".replace("-", "\N{MINUS SIGN}")


def _number(value: Decimal) -> str:
    """A coordinate with at most one decimal, written the same everywhere."""
    text = f"{value.quantize(Decimal('0.1')):f}"
    return text.removesuffix(".0")
