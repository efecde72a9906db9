"""The kind `storage`: what paths hold, or what was bought for them, becomes usage in byte-seconds."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from openchargeback.convert.documents import EMPTY_FIX, source_of
from openchargeback.convert.findings import broken
from openchargeback.convert.instants import midnight, only_month, seconds
from openchargeback.convert.kinds import Allowance, Found, Kind, Meter, Reading, keeps_users
from openchargeback.convert.storage.days import (
    Moment,
    Series,
    missing,
    moment_of_file,
    moment_of_text,
    series_of_name,
    stretches,
)
from openchargeback.convert.storage.formats import read_sheet
from openchargeback.convert.storage.pages import unfollowed
from openchargeback.convert.storage.rules import COUNTED, NESTED, QUOTA
from openchargeback.convert.storage.sample import SAMPLES
from openchargeback.convert.storage.settings import UNITS, PathRule, StorageSettings
from openchargeback.convert.storage.sheet import Level, Sheet
from openchargeback.focus.database import filled, insert, literal, query, sql
from openchargeback.ledger.patterns import expression
from openchargeback.ledger.periods import first_day, last_day
from openchargeback.problems import Problem, Severity, has_errors
from openchargeback.wording import counted

_EPOCH = dt.date(1970, 1, 1)
_UNIT = re.compile(r"(?:\d+ )?([A-Za-z]+)-", re.ASCII)
_METERS = {False: ("capacity", "objects"), True: ("quota", "object-quota")}
"""Of files and of objects: what is used, and what is bought."""


def read_storage(reading: Reading) -> Found:
    """Read all listings into `label` and `usage`."""
    con, found, own = reading.con, Found(), reading.own
    found.problems += _settings_problems(reading)
    con.execute(sql(__package__, "level.sql"))
    if not has_errors(found.problems):
        _read_inputs(reading, found)
    if has_errors(found.problems) or not found.read:
        return found
    month = _month(reading)
    bounds = {"first": str(seconds(midnight(month[0]))), "last": str(seconds(midnight(month[-1])) + 86_400)}
    con.execute(sql(__package__, "counted.sql", **bounds))
    bytes_net = "chosen.bytes - coalesce(under.bytes, 0)"
    bought = own.bills != "used"
    # More may be promised below a quota than it holds; then nothing is left of it.
    con.execute(sql(__package__, "net.sql", net=f"greatest({bytes_net}, 0)" if bought else bytes_net))
    files = {each.number: each.name for each in reading.inputs}
    found.problems += broken(con, "counted", COUNTED, files)
    found.problems += broken(con, "net", (QUOTA if bought else NESTED,), files)
    sampled: dict[Series, list[dt.date]] = {}
    for system, series, day in con.execute(filled(query(__package__, "sampled"), **bounds)).fetchall():
        sampled.setdefault((system, series), []).append(_EPOCH + dt.timedelta(seconds=day))
    path = reading.inputs[0].name
    found.problems += missing(sampled or {(own.cluster, ""): []}, month, own, path)
    if not has_errors(found.problems):
        insert(con, "stretch", stretches(sampled, month, own.basis))
        _fill(reading, found)
    return found


def _fill(reading: Reading, found: Found) -> None:
    """Fill `label`, `usage` and `record`, and count what is left out."""
    con, own = reading.con, reading.own
    person = "nullif(person, '')" if keeps_users(reading.settings) else "NULL"
    files, objects = _METERS[own.bills != "used"]
    con.execute(filled(query(__package__, "labels"), person=person))
    parts = {"files": literal(files), "objects": literal(objects), "person": person.replace("person", "ranked.person")}
    con.execute(sql(__package__, "usage.sql", **parts, picked="place = 1" if own.basis == "peak" else "true"))
    con.execute(filled(query(__package__, "record"), meter=literal(files)))
    other = "below the peak of the month" if own.basis == "peak" else "not of the last day of the month"
    for reason, records in con.execute(filled(query(__package__, "left_out"), other=literal(other))).fetchall():
        found.leave_out(reason, records)
    if own.free:
        level = int(own.free.amount * UNITS[own.unit])
        found.allowance = Allowance(level, own.free.per == "month", own.free.tiers)


def _settings_problems(reading: Reading) -> list[Problem]:
    """What the settings say that cannot be, or do not say."""
    own, settings, problems = reading.own, reading.settings, []
    if not settings.timezone:
        fix = "set `timezone` to the zone in which the days of the samples begin and end"
        problems.append(Problem(reading.config, "usage-zone", "the config does not set a time zone", fix))
    for rate in settings.rates:
        unit = _UNIT.match(rate.unit)
        if unit and unit[1] != own.unit:
            message = f"the rate {rate.id} is per {unit[1]}, but `storage: unit` is {own.unit}"
            fix = "give prices in that unit; 1 TiB is 1.099511627776 TB"
            problems.append(Problem(rate.path or reading.config, "rate-unit", message, fix, rate.line))
    if own.free and own.free.per == "day" and (settings.rows != "day" or own.bills != "used"):
        fix = "set `rows: day` and `bills: used`, or `free: per` to month"
        problems.append(Problem(reading.config, "wrong-value", "`free: per: day` needs one row per day", fix))
    return problems


def _month(reading: Reading) -> Sequence[dt.date]:
    """The days of the month to bill. Raises UsageFault if the samples are of several and none is named."""
    period = reading.period
    if not period:
        days = reading.con.execute("SELECT min(day), max(day) FROM level").fetchone() or (0, 0)
        first, last = ((_EPOCH + dt.timedelta(seconds=day)).isoformat()[:7] for day in days)
        period = only_month(first, last, "samples")
    start = first_day(period)
    return [start + dt.timedelta(days=number) for number in range((last_day(period) - start).days + 1)]


def _read_inputs(reading: Reading, found: Found) -> None:
    """Fill `level`; say which formats there were."""
    samples: dict[tuple[str, Moment | None], list[Sheet]] = {}
    formats: dict[str, int] = {}
    rows: list[tuple[object, ...]] = []
    for file in reading.inputs:
        source = source_of(file)
        if isinstance(source, Problem):
            found.problems.append(source)
            continue
        name, sheet = read_sheet(source, reading.own, users=reading.settings.users)
        moment = moment_of_file(file.path, reading.own)
        samples.setdefault((name, moment), []).append(sheet)
        formats[name] = formats.get(name, 0) + 1
        found.read += sheet.read
        for reason, number in sheet.left_out.items():
            found.leave_out(reason, number)
        if not has_errors(sheet.problems):
            rows += _rows(reading, name, sheet, moment, len(rows))
        found.problems += sheet.problems
    for sheets in samples.values():
        found.problems += [*unfollowed(sheets), *_empty(sheets)]
    found.problems += _unseen_purchases(reading, {str(row[6]) for row in rows})
    insert(reading.con, "level", rows)
    found.notes += [f"{counted(number, 'file')} of {name}" for name, number in sorted(formats.items()) if name]


def _empty(sheets: Sequence[Sheet]) -> Iterator[Problem]:
    """Files without a record, unless they are a page of a sample that has some: a failed export looks the same.

    So does an export of the wrong type of quotas, in which no record can be billed.
    """
    if any(sheet.levels or sheet.problems for sheet in sheets):
        return
    if reasons := sum((sheet.left_out for sheet in sheets), Counter[str]()):
        words = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items()))
        fix = "check which quotas the command exports, and `storage: quota_type`"
        yield Problem(sheets[0].source.file.name, "usage-empty", f"no record can be billed: {words}", fix)
        return
    for sheet in sheets:
        yield Problem(sheet.source.file.name, "usage-empty", "the export has no records", EMPTY_FIX)


def _rows(
    reading: Reading, name: str, sheet: Sheet, moment: Moment | None, before: int
) -> Iterator[tuple[object, ...]]:
    """The rows of `level`; a record without a day is a fault of its file."""
    own, file = reading.own, sheet.source.file
    series = series_of_name(file.path.name, own.date_in_name)
    by_owner = (own.account or ("owner" if name == "xdmod" else "path")) == "owner"
    for index, level in enumerate(sheet.levels):
        at = moment_of_text(level.at, reading.settings.timezone) if level.at else moment
        if at is None:
            _undated(sheet, level)
            if not level.at:
                return
            continue
        tier, project, skipped = _said_by(level.path, own.paths)
        account = level.owner if by_owner else project or level.path
        node = level.path.rstrip("/") if not level.own else level.path
        yield (
            *(before + index, file.number, sheet.source.line_of(level.place), seconds(midnight(at[0])), at[1]),
            *(level.system or own.cluster, level.path, node, level.owner, level.person),
            *(account, tier or own.tier, skipped, level.own, name == "rgw", "" if level.at else series),
            _bought(own, level.path, at[0]) if own.bills == "purchased" else level.bytes,
        )


def _undated(sheet: Sheet, level: Level) -> None:
    if level.at:
        sheet.problem(
            "usage-time",
            f'"{level.at[:40]}" is not a time',
            "write it as RFC 3339, like 2025-01-31T23:00:00Z",
            level.place,
        )
        return
    fix = "put the day into the file name, or set `storage: date_in_name` or `storage: at`"
    sheet.problem("usage-date", "neither the listing nor its file name says on which day it was made", fix)


@lru_cache(maxsize=65_536)
def _said_by(path: str, rules: tuple[PathRule, ...]) -> tuple[str, str, bool]:
    """Tier, account and whether it is left out, by the first rule that fits a path; empty texts if none says it."""
    for rule in rules:
        pattern = expression(rule.pattern)
        if pattern.matches(path):
            groups = pattern.groups(path)
            return groups.get("tier") or rule.tier, groups.get("project", ""), rule.skip
    return "", "", False


def _bought(own: StorageSettings, path: str, day: dt.date) -> int | None:
    """The bytes that were bought for a path on a day; None if nothing was."""
    found = [
        int(each.amount * Decimal(UNITS[own.unit]))
        for each in own.purchased
        if each.path.rstrip("/") == path.rstrip("/") and (each.since or day) <= day <= (each.until or day)
    ]
    return sum(found) if found else None


def _unseen_purchases(reading: Reading, paths: set[str]) -> list[Problem]:
    """Purchases for paths that no sample has: a misspelled path would never be billed."""
    if reading.own.bills != "purchased":
        return []
    known = {path.rstrip("/") for path in paths}
    fix = "correct the path, or remove the entry"
    return [
        Problem(
            reading.config,
            "usage-quota",
            f"capacity was bought for {each.path}, but no sample contains it",
            fix,
            each.line,
            severity=Severity.WARNING,
        )
        for each in reading.own.purchased
        if each.path.rstrip("/") not in known
    ]


_NOUNS: Mapping[str, int] = UNITS
_RATE = {"unit": "TB-Months", "tier": "projects", "from": "2025-01-01"}

STORAGE = Kind(
    name="storage",
    title="Capacity of Qumulo, OneFS, GPFS, Lustre, ZFS, Ceph, ONTAP, VAST, XDMoD or du",
    settings=StorageSettings,
    meters=(
        Meter("capacity", "capacity", "Capacity", _NOUNS, "Storage", "File Storage"),
        Meter("quota", "quota", "Capacity bought", _NOUNS, "Storage", "File Storage", recurring=True),
        Meter("objects", "objects", "Object capacity", _NOUNS, "Storage", "Object Storage"),
        Meter(
            "object-quota",
            "object-quota",
            "Object capacity bought",
            _NOUNS,
            "Storage",
            "Object Storage",
            recurring=True,
        ),
    ),
    resource_type="Directory Quota",
    rates=({"id": "projects", "resource": "capacity", "price": "8.50", **_RATE},),
    read=read_storage,
    samples=SAMPLES,
    example={
        "service": "Northfield Storage",
        "billing_account": "northfield-storage",
        "sku": "storage",
        "owners": [
            {"account": "astro", "project": "sky-survey", "pi": "zoe.vanderberg@example.edu", "fund": "AST-3300-001"}
        ],
    },
)
