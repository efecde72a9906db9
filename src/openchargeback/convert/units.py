"""Units of prices in the spelling of FOCUS 1.2 (attributes/unit_format.md): `Core-Hours`, `1000 GiB-Hours`."""

from __future__ import annotations

import re

from openchargeback.convert.kinds import Meter

TIMES = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400}
"""The times of a unit, in seconds."""

_UNIT = re.compile(r"(?:([1-9]\d{0,8}) )?(\w+)-(\w+)", re.ASCII)


def base_units(unit: str, meter: Meter) -> int | None:
    """How many base units of the meter times seconds make one of the unit; None if it is not a unit of the meter."""
    found = _UNIT.fullmatch(unit)
    if not found:
        return None
    number, noun, time = found.groups()
    if noun not in meter.nouns or time not in TIMES:
        return None
    return int(number or 1) * meter.nouns[noun] * TIMES[time]


def units_of(meter: Meter) -> list[str]:
    """The usual units of a meter, for messages."""
    return [f"{noun}-Hours" for noun in meter.nouns]
