"""Filters for pages, PDFs and emails: values formatted for people. Those for plain text are in `text_filters.py`."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from collections.abc import Callable
from decimal import Decimal

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from openchargeback import money
from openchargeback.addresses import with_conditions
from openchargeback.explanations import explain
from openchargeback.ledger.periods import MONTHS

_PERIOD = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


@pass_context
def money_filter(context: Context, amount: Decimal, currency: str = "") -> str:
    """Format cents: `1,234.50`, `−3.00`."""
    return money.human(amount, currency or context["currency"])


@pass_context
def signed_money(context: Context, amount: Decimal) -> str:
    """Format a change in cents with its sign: `+1,234.50`, `−3.00`, `0.00`."""
    return _signed(amount, money.human(amount, context["currency"]))


@pass_context
def exact_filter(context: Context, amount: Decimal, currency: str = "") -> Markup:
    """An exact amount rounded to cents; if rounding changed it, hovering shows the exact figure."""
    unit = currency or context["currency"]
    cents = money.to_cents(amount, unit)
    shown = money.human(cents, unit)
    if cents == amount:
        return Markup("{}").format(shown)
    return Markup('<span title="{}">{}</span>').format(f"exactly {money.signed_exact(amount)}", shown)


@pass_context
def rounded_filter(context: Context, amount: Decimal, currency: str = "") -> str:
    """An exact amount rounded to cents, as text only."""
    unit = currency or context["currency"]
    return money.human(money.to_cents(amount, unit), unit)


def percent_filter(share: Decimal | None) -> str:
    """A percentage from `money.percent`: `62%`; a dash for None."""
    if share is None:
        return "\N{EN DASH}"
    return f"{share:f}%".replace("-", "\N{MINUS SIGN}")


def signed_percent(share: Decimal) -> str:
    """A change in percent with its sign: `+62%`."""
    return _signed(share, percent_filter(share))


def _signed(amount: Decimal, text: str) -> str:
    return f"+{text}" if amount > 0 else text


def date_human(date: dt.date | str | None) -> str:
    """`3 Feb 2025`; text that is not an ISO date is unchanged."""
    if date is None:
        return ""
    if isinstance(date, str):
        try:
            date = dt.date.fromisoformat(date[:10])
        except ValueError:
            return str(date)
    return f"{date.day} {MONTHS[date.month - 1][:3]} {date.year}"


def days_human(first: dt.date | None, last: dt.date | None) -> str:
    """A span of days as short as it can be: `1 to 31 Jan 2025`, `28 Nov 2024 to 3 Jan 2025`; empty if unknown."""
    if first is None or last is None:
        return date_human(first or last)
    if first == last:
        return date_human(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {date_human(last)}"
    start = date_human(first)
    return f"{start.removesuffix(f' {first.year}') if first.year == last.year else start} to {date_human(last)}"


def date_iso(date: dt.date) -> str:
    """`2025-02-03`, for the `datetime` attribute."""
    return date.isoformat()


def period_human(period: str) -> str:
    """`January 2025`."""
    match = _PERIOD.fullmatch(period)
    return f"{MONTHS[int(match[2]) - 1]} {match[1]}" if match else period


def period_short(period: str) -> str:
    """`Jan 2025`."""
    match = _PERIOD.fullmatch(period)
    return f"{MONTHS[int(match[2]) - 1][:3]} {match[1]}" if match else period


def breakable(text: str) -> str:
    """An email address that may break before `@` and dots; any other text is unchanged.

    For print, where a zero-width space leaves no trace in copied text. Also, WeasyPrint 70 breaks within words rather
    than at a `<wbr>`.
    """
    if "@" not in text or " " in text:
        return text
    return re.sub(r"(?<=.)(?=[@.])", "\N{ZERO WIDTH SPACE}", text)


def unbroken(text: str) -> Markup:
    """Text as HTML in which ids with hyphens, such as `BIO-2024-001`, stay on one line."""
    whole = Markup('<span style="white-space:nowrap">{}</span>')
    words = (
        whole.format(word) if "-" in word and any(map(str.isdigit, word)) else escape(word) for word in text.split(" ")
    )
    return Markup(" ").join(words)


def size_human(size: int) -> str:
    """A file's size: `512 B`, `14.2 kB`, `3.1 MB` (decimal units)."""
    if size < 1000:
        return f"{size}\N{NO-BREAK SPACE}B"
    tenths, unit = (size + 50) // 100, "kB"
    for bigger in ("MB", "GB", "TB"):
        if tenths < 10_000:
            break
        tenths, unit = (tenths + 500) // 1000, bigger
    return f"{tenths // 10}.{tenths % 10}\N{NO-BREAK SPACE}{unit}"


def relative(from_page: str, to_page: str) -> str:
    """The relative link from one page to another; works with `file://` and under any URL.

    A fragment (`review/index.html#missing-fund`) is kept.
    """
    target, hash_sign, fragment = to_page.partition("#")
    # From the root of the output: relpath would ask the system for its current folder, twice for each link.
    return posixpath.relpath(f"/{target}", f"/{posixpath.dirname(from_page)}") + hash_sign + fragment


def flag_title(flag: str) -> str:
    """A flag's title; a rule of the institution by its name."""
    if flag.startswith("pattern:"):
        return f"Review rule {flag.removeprefix('pattern:')}"
    known = explain(flag)
    return known.title if known else flag


@pass_context
def link_filter(context: Context, target: str) -> str:
    """The relative link from the page being rendered to `target`, a path in the output folder."""
    return relative(context["page"].path, target)


def plain_number(amount: Decimal) -> str:
    """Format a quantity or unit price, with all of its decimals: `1,234.5`."""
    return f"{Decimal(money.exact(amount)):,f}".replace("-", "\N{MINUS SIGN}")


FILTERS: dict[str, Callable[..., object]] = {
    "money": money_filter,
    "exact": exact_filter,
    "rounded": rounded_filter,
    "signed_money": signed_money,
    "percent": percent_filter,
    "signed_percent": signed_percent,
    "plain_number": plain_number,
    "date_human": date_human,
    "days_human": days_human,
    "date_iso": date_iso,
    "period_human": period_human,
    "period_short": period_short,
    "breakable": breakable,
    "unbroken": unbroken,
    "size_human": size_human,
    "flag_title": flag_title,
    "link": link_filter,
    "where": with_conditions,
}
