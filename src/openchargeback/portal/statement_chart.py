"""Twelve small bars for paper: what a project used (outline) and what was due (filled), month by month, as inline SVG.

The portal's own chart of the same twelve months takes its colors from a style sheet and has an element for each bar.
WeasyPrint takes no style sheet into an SVG, and every element costs; so here colors are attributes and all bars of
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
    """The SVG element as text; empty where no month has an amount, since twelve empty places say nothing.

    only_shown: the bars are the value of what was used, of which nothing is due.
    The axis starts at zero (below, where credits exceed charges) and ends at a round number, which is labeled.
    """
    colors = colors or ChartColors()
    top = max([*(bar.list for bar in bars), *(bar.due for bar in bars), money.ZERO])
    low = min([*(bar.list for bar in bars), *(bar.due for bar in bars), money.ZERO])
    if not bars or (not top and not low):
        return ""
    high, deep = round_up(top), -round_up(-low)
    scale = Decimal(_BOTTOM - _TOP) / (high - deep)

    def y(amount: Decimal) -> str:
        return _number(Decimal(_BOTTOM) - (amount - deep) * scale)

    gaps = gaps_between([bar.period for bar in bars], [bar.period for bar in bars if bar.known])
    ticks = sorted({high, money.ZERO, deep}, reverse=True)
    start = max(_LEFT, max(len(_whole(tick)) for tick in ticks) * _DIGIT + 10)
    step = Decimal(_WIDTH - start) / len(bars)
    outlines: list[str] = []
    now: list[str] = []
    others: list[str] = []
    marked: list[str] = []
    words: list[str] = []
    for at, bar in enumerate(bars):
        left = Decimal(start) + step * at + (step - _BAR) / 2
        box = f"M{_number(left)} {y(money.ZERO)}H{_number(left + _BAR)}V"
        middle = _number(left + Decimal(_BAR) / 2)
        if bar.period in gaps:
            words.append(
                f'<text x="{middle}" y="{_number(Decimal(y(money.ZERO)) - 5)}" text-anchor="middle" '
                f'fill="{colors.text}">–<title>{no_data(bar.period)}</title></text>'
            )
        if bar.list:
            (now if bar.current else outlines).append(f"{box}{y(bar.list)}H{_number(left)}Z")
        if bar.due:
            (marked if bar.current else others).append(f"{box}{y(bar.due)}H{_number(left)}Z")
        look = f'font-weight="600" fill="{colors.ink}"' if bar.current else f'fill="{colors.text}"'
        words.append(f'<text x="{middle}" y="90" text-anchor="middle" {look}>{period_short(bar.period)[:3]}</text>')
        if at == 0 or bar.period.endswith("-01"):
            words.append(
                f'<text x="{middle}" y="102" text-anchor="middle" fill="{colors.text}">{bar.period[:4]}</text>'
            )
    rules = "".join(f"M{start} {y(tick)}H{_WIDTH}" for tick in ticks if tick)
    labels = "".join(
        f'<text x="{start - 10}" y="{_number(Decimal(y(tick)) + 3)}" text-anchor="end" '
        f'fill="{colors.text}">{_whole(tick)}</text>'
        for tick in ticks
    )
    title = _title(bars, gaps, currency, *(("value", "value") if only_shown else ("amount due", "due")))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="history" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label={quoteattr(title)} font-family="Inter" font-size="10">'
        f"<title>{escape(title)}</title>"
        f'<path d="{rules}" fill="none" stroke="{colors.rule}" stroke-width="0.75"/>'
        f'<path d="{"".join(others)}" fill="{colors.other}"/>'
        f'<path d="{"".join(marked)}" fill="{colors.accent}"/>'
        f'<path d="{"".join(outlines)}" fill="none" stroke="{colors.outline}" stroke-width="0.75"/>'
        f'<path d="{"".join(now)}" fill="none" stroke="{colors.accent}" stroke-width="0.75"/>'
        f'<path d="M{start} {y(money.ZERO)}H{_WIDTH}" fill="none" stroke="{colors.outline}" '
        f'stroke-width="0.75"/>'
        f"{labels}{''.join(words)}</svg>"
    )


def round_up(amount: Decimal) -> Decimal:
    """The next round number that is not below `amount`, at most a third above it; zero stays zero."""
    if not amount:
        return money.ZERO
    power = Decimal(1).scaleb(amount.adjusted())
    return next(step * power for step in _ROUND if step * power >= amount)


def _title(bars: Sequence[Bar], gaps: Sequence[str], currency: str, what: str, short: str) -> str:
    told = [
        f"{period_short(bar.period)}: list {money.human(bar.list, currency)}, {short} {money.human(bar.due, currency)}"
        if bar.known
        else no_data(bar.period)
        for bar in bars
        if bar.list or bar.due or bar.period in gaps
    ]
    return f"List price and {what} by month in {currency}. " + "; ".join(told) + "."


def _whole(tick: Decimal) -> str:
    text = f"{tick:,f}".replace("-", "\N{MINUS SIGN}")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: Decimal) -> str:
    """A coordinate with at most one decimal, written the same everywhere."""
    text = f"{value.quantize(Decimal('0.1')):f}"
    return text.removesuffix(".0")
