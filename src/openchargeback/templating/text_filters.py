"""Text in journal files: what is removed from it, and the filters of journal templates.

Free text is cleaned (`csv_writing` lists what is removed); accounting strings are never changed.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from jinja2 import pass_context
from jinja2.runtime import Context

from openchargeback import money
from openchargeback.characters import BIDIRECTIONAL
from openchargeback.csv_writing import quoted
from openchargeback.templating.clean_text import Code, clean

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def csv_filter(value: object) -> str:
    """A CSV cell: text is cleaned; numbers, accounting strings and amounts are unchanged."""
    text = "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, Code) or _NUMBER.fullmatch(text):
        return quoted(text)
    return quoted(clean(text))


def fixed_filter(value: object, width: int, align: str = "left", fill: str = " ") -> str:
    """Exactly `width` characters: clean text is cut or padded; `align` is `left` or `right`.

    Raises ValueError for a number or accounting string that is too long, since cutting it would lose money.
    """
    if align not in ("left", "right") or len(fill) != 1:
        raise ValueError("fixed takes `left` or `right`, and a single fill character")
    text = "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
    whole = isinstance(value, Code) or _NUMBER.fullmatch(text) is not None
    if whole and len(text) > width:
        raise ValueError(f"{text!r} is longer than {width} characters")
    text = text if whole else clean(text)[:width]
    return text.rjust(width, fill) if align == "right" else text.ljust(width, fill)


def date_filter(date: dt.date | None, form: str = "%Y-%m-%d") -> str:
    """A date formatted with `%Y %y %m %d %j %b %%`, the same in any locale; empty if there is no date.

    Raises ValueError for other codes: strftime would write names in the machine's language.
    """
    if date is None:
        return ""
    parts = {
        "%Y": f"{date.year:04d}",
        "%y": f"{date.year % 100:02d}",
        "%m": f"{date.month:02d}",
        "%d": f"{date.day:02d}",
        "%j": f"{date.timetuple().tm_yday:03d}",
        "%b": _MONTHS[date.month - 1],
        "%%": "%",
    }

    def part(match: re.Match[str]) -> str:
        if match[0] not in parts:
            raise ValueError(f"unknown code {match[0]!r} in the date format {form!r}; known: {' '.join(parts)}")
        return parts[match[0]]

    return re.sub(r"%.?", part, form)


@pass_context
def amount_filter(context: Context, amount: Decimal | None, currency: str = "") -> Code:
    """Cents as plain digits: `-1234.50`; empty if there is no amount."""
    return Code("" if amount is None else money.plain(amount, currency or context["currency"]))


_NO_DIRECTION = dict.fromkeys(map(ord, BIDIRECTIONAL))


def without_direction(text: str) -> str:
    """The text without characters that control its direction, so that an amount or account is not misread."""
    return text.translate(_NO_DIRECTION)


FILTERS = {"amount": amount_filter, "csv": csv_filter, "fixed": fixed_filter, "date": date_filter}
