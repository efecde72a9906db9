"""Units of prices in the spelling of FOCUS 1.2 (attributes/unit_format.md).

`Core-Hours`, `1000 GiB-Hours` and `TB-Months` for what is held over time, `Hours` for time alone, `1000000 Tokens` for
what is counted.
"""

from __future__ import annotations

import re

from openchargeback.convert.kinds import Meter

_SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400}
_MONTHS = "Months"
_UNIT = re.compile(r"(?:([1-9]\d{0,8}) )?(\w+)(?:-(\w+))?", re.ASCII)


def base_units(unit: str, meter: Meter, month: int) -> int | None:
    """How many units of `usage.amount` make one unit of a price; None if it is not a unit of the meter.

    month: the seconds of a month.
    """
    found = _UNIT.fullmatch(unit)
    if not found:
        return None
    number, noun, time = found.groups()
    if meter.timed and time is None:
        noun, time = "", noun
    seconds = {**_SECONDS, _MONTHS: month}.get(time) if meter.timed else 1 if time is None else None
    if noun not in meter.nouns or seconds is None:
        return None
    return int(number or 1) * meter.nouns[noun] * seconds


def units_of(meter: Meter) -> list[str]:
    """The usual units of a meter, for messages."""
    if not meter.timed:
        return list(meter.nouns)
    return [f"{noun}-Hours" if noun else "Hours" for noun in meter.nouns]
