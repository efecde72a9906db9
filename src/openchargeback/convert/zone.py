"""Local times of one zone as UTC, in SQL: offsets as a CASE over the zone's changes, from Python's zoneinfo."""

from __future__ import annotations

import datetime as dt
import zoneinfo

_STEP = dt.timedelta(hours=6)
_DAY = dt.timedelta(days=1)


def offset_sql(column: str, zone: str, first: dt.datetime, last: dt.datetime, *, second: bool) -> str:
    """SQL of the seconds to subtract from a local time to get UTC, exact for times from first to last.

    second: of a time that the zone repeats, the second reading (PEP 495, `fold=1`).
    """
    where = zoneinfo.ZoneInfo(zone)
    changes = _changes(where, first - _DAY, last + _DAY)
    if not changes:
        return str(_offset(where, first.replace(tzinfo=dt.UTC)))
    parts = []
    for instant, before, after in changes:
        # A repeated hour ends at the earlier of the two local times in its second reading, at the later in its first.
        local = instant + dt.timedelta(seconds=(min if second else max)(before, after))
        parts.append(f"WHEN {column} < TIMESTAMP '{local:%Y-%m-%d %H:%M:%S}' THEN {before}")
    return f"CASE {' '.join(parts)} ELSE {changes[-1][2]} END"


def _changes(zone: zoneinfo.ZoneInfo, first: dt.datetime, last: dt.datetime) -> list[tuple[dt.datetime, int, int]]:
    """Every change of the offset between two UTC times: when (UTC), seconds before, seconds after."""
    found = []
    at = first.replace(tzinfo=dt.UTC)
    end = last.replace(tzinfo=dt.UTC)
    while at < end:
        after = at + _STEP
        if _offset(zone, at) != _offset(zone, after):
            low, high = at, after
            while high - low > dt.timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                low, high = (middle, high) if _offset(zone, middle) == _offset(zone, at) else (low, middle)
            found.append((high.replace(tzinfo=None), _offset(zone, at), _offset(zone, after)))
        at = after
    return found


def _offset(zone: zoneinfo.ZoneInfo, instant: dt.datetime) -> int:
    """Seconds that the zone is ahead of UTC at an instant."""
    ahead = instant.astimezone(zone).utcoffset()
    return int(ahead.total_seconds()) if ahead is not None else 0
