"""On which day a sample was taken, and which days of the month have none."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping, Sequence
from pathlib import Path

from openchargeback.convert.instants import midnight, seconds
from openchargeback.convert.storage.settings import StorageSettings
from openchargeback.focus.overlap import in_words
from openchargeback.ledger.patterns import expression
from openchargeback.problems import Problem, Severity

_DAY = 86_400

Moment = tuple[dt.date, str]
"""A day in the zone of the settings, and a text that orders the samples of a day."""


def moment_of_file(path: Path, own: StorageSettings) -> Moment | None:
    """When a file was made, by its name, else by `at`; None if neither says it."""
    return moment_of_name(path.name, own.date_in_name) or ((own.at, "") if own.at else None)


def moment_of_name(name: str, pattern: str) -> Moment | None:
    """The day that a name has in the group `date`, and the hour and minute in `time`; None if it has no day."""
    groups = expression(pattern).groups(name)
    time = groups.get("time", "").replace("-", "").replace(":", "")
    try:
        return dt.date.fromisoformat(groups.get("date", "")), f"{dt.time.fromisoformat(time):%H%M}" if time else ""
    except ValueError:
        return None


def series_of_name(name: str, pattern: str) -> str:
    """What samples of one system share: the name up to the day. All of it, if there is no day in it."""
    day = expression(pattern).groups(name).get("date", "")
    return name.partition(day)[0] if day else name


def moment_of_text(text: str, zone: str) -> Moment | None:
    """A time of RFC 3339, UTC if it has no zone; None if it is none."""
    try:
        at = dt.datetime.fromisoformat(text)
        at = (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
        return at.astimezone(zoneinfo.ZoneInfo(zone)).date(), at.isoformat()
    except (ValueError, OverflowError):
        return None


Series = tuple[str, str]
"""A system, and what the names of its samples begin with (empty if its records say when they are of)."""

Stretch = tuple[str, str, int, int, int]
"""A series, a sampled day, and what the sample stands for: all in seconds since 1970, half-open."""


def stretches(sampled: Mapping[Series, Sequence[dt.date]], month: Sequence[dt.date], basis: str) -> list[Stretch]:
    """What each sample of a month stands for: its UTC day and the days after it without one, or the whole month.

    sampled: days with samples by series, ascending, within the month. month: its days.
    """
    first, end = seconds(midnight(month[0])), seconds(midnight(month[-1])) + _DAY
    found: list[Stretch] = []
    for series, days in sampled.items():
        starts = [seconds(midnight(day)) for day in days]
        if basis == "mean":
            edges = [first, *starts[1:], end]
            found += [(*series, day, edges[i], edges[i + 1]) for i, day in enumerate(starts)]
        else:
            found += [(*series, day, first, end) for day in (starts[-1:] if basis == "month_end" else starts)]
    return found


def missing(
    sampled: Mapping[Series, Sequence[dt.date]], month: Sequence[dt.date], own: StorageSettings, path: str
) -> list[Problem]:
    """Days that should have a sample and have none, by series: one system may be there when another is not."""
    wanted = month[-1:] if own.basis == "month_end" else month
    problems = []
    for (system, name), days in sampled.items():
        lacking = [day for day in wanted if day not in set(days)]
        if not lacking:
            continue
        of = f" of {system}" if system else f" named {name}…" if len(sampled) > 1 and name else ""
        message = f"there is no sample{of} on {in_words(lacking)}"
        if own.missing_days == "carry":
            fix = "nothing to fix if the sample before may stand in"
            severity = Severity.WARNING
        else:
            fix = "add the samples, or set `storage: missing_days: carry` to use the sample before"
            severity = Severity.ERROR
        problems.append(Problem(path, "usage-missing-day", message, fix, severity=severity))
    return problems
