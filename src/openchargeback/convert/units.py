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


_PLACES = 12


def exact_units(meter: Meter, unit: str) -> list[tuple[str, int]]:
    """The units in which amounts are shown, the best one first, with how many units of `usage.amount` make one.

    unit: of a price of the meter; empty if it has none. The last unit is the smallest that the meter knows.
    """
    found = _UNIT.fullmatch(unit)
    smallest = min(meter.nouns, key=lambda noun: meter.nouns[noun])
    noun = next((each for each in (found.groups()[1:] if found else ()) if each in meter.nouns), smallest)
    if not meter.timed:
        return [(noun, meter.nouns[noun]), (smallest, meter.nouns[smallest])]
    times = ((noun, "Hours", 3600), (smallest, "Seconds", 1))
    return [("-".join(filter(None, (each, time))), meter.nouns[each] * seconds) for each, time, seconds in times]


def in_unit(amount: int, share: int) -> str | None:
    """An amount in a unit, as a plain decimal; None if it has more than twelve decimals."""
    scaled, rest = divmod(amount * 10**_PLACES, share)
    whole, part = divmod(scaled, 10**_PLACES)
    return None if rest else str(whole) + (f".{part:0{_PLACES}}".rstrip("0") if part else "")
