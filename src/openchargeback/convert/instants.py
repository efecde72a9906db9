"""Instants: naive datetimes in UTC in Python, whole seconds since 1970 in SQL."""

from __future__ import annotations

import datetime as dt

from openchargeback.ledger.periods import first_day, last_day
from openchargeback.problems import UsageFault

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, see above
ALWAYS = (dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))  # noqa: DTZ001 - UTC, see above
"""From the first day to the last."""

_SECOND = dt.timedelta(seconds=1)


def midnight(day: dt.date) -> dt.datetime:
    """The start of a day."""
    return dt.datetime.combine(day, dt.time())


def seconds(instant: dt.datetime) -> int:
    """Seconds since 1970."""
    return (instant - _EPOCH) // _SECOND


def only_month(first: str | None, last: str | None, what: str) -> str:
    """The month that is both. Raises UsageFault if there is none, or several. what: what was found, in plural."""
    if first is None or first != last:
        found = f"{what} of {first} to {last}" if first else f"no {what}"
        raise UsageFault(f"found {found}: name the month to bill with --period")
    return first


def month_bounds(period: str) -> tuple[dt.datetime, dt.datetime]:
    """A billing month as two instants, half-open."""
    return midnight(first_day(period)), midnight(last_day(period) + dt.timedelta(days=1))
