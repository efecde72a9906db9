"""The kind `vm`: machines of lists, of OpenStack and of CloudKitty become usage."""

from __future__ import annotations

import datetime as dt
import json
import re
import zoneinfo
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from openchargeback import money
from openchargeback.convert.documents import EMPTY_FIX, Source, inside, source_of
from openchargeback.convert.findings import broken
from openchargeback.convert.instants import midnight, only_month, seconds
from openchargeback.convert.kinds import Found, Kind, Meter, Reading, keeps_users
from openchargeback.convert.settings import PRICE_PLACES, Rate
from openchargeback.convert.storage.days import moment_of_name, series_of_name
from openchargeback.convert.vm.azure_local import AZURE_LOCAL
from openchargeback.convert.vm.cloudkitty import CLOUDKITTY, MICRO, PRICE
from openchargeback.convert.vm.listing import Lists, add_machines, slots
from openchargeback.convert.vm.openstack_csv import OPENSTACK_CSV
from openchargeback.convert.vm.powercli import POWERCLI
from openchargeback.convert.vm.proxmox import PROXMOX
from openchargeback.convert.vm.report import Format, Report
from openchargeback.convert.vm.rules import RULES
from openchargeback.convert.vm.sample import SAMPLES
from openchargeback.convert.vm.settings import Tier, VmSettings
from openchargeback.convert.vm.tenant_usage import TENANT_USAGE
from openchargeback.focus.database import filled, insert, literal, query, sql
from openchargeback.ledger.periods import first_day, last_day
from openchargeback.problems import Problem, has_errors
from openchargeback.wording import counted

ALL = (AZURE_LOCAL, PROXMOX, TENANT_USAGE, CLOUDKITTY, OPENSTACK_CSV, POWERCLI)
_DAY = 86_400
_PLAIN = re.compile(r"[\w -]+", re.ASCII)


def read_vm(reading: Reading) -> Found:
    """Read all exports into `label` and `usage`."""
    con, found, lists = reading.con, Found(), Lists()
    con.execute(sql(__package__, "piece.sql"))
    read = _reports(reading, found)
    reports = [report for _, report, _ in read]
    if not has_errors(found.problems):
        _place_lists(reading, read, lists, found)
    for report in reports:
        found.read += report.read
        found.problems += report.problems
        for reason, number in report.left_out.items():
            found.leave_out(reason, number)
    if not has_errors(found.problems):
        found.problems += _pages(reports)
    if has_errors(found.problems) or not found.read:
        return found
    rows = [row for report in reports for row in _rows(report)]
    numbers: dict[object, int] = {}
    insert(con, "piece", [(numbers.setdefault(record, len(numbers)), *row) for record, *row in rows])
    con.execute(sql(__package__, "judged.sql"))
    found.problems += broken(con, "judged", RULES, {each.number: each.name for each in reading.inputs})
    if not has_errors(found.problems):
        _fill(reading, found, lists)
    return found


def _rows(report: Report) -> list[tuple[object, ...]]:
    """The rows of `piece`, each with what is the same for all pieces of a record in place of its number."""
    file, source = report.source.file.number, report.source
    return [
        (
            (file, p.place),
            file,
            source.line_of(p.place),
            p.identity,
            p.resource,
            p.account,
            p.tier,
            p.person,
            p.subsidy,
            p.meter,
            p.variant,
            p.starts,
            p.ends,
            p.amount,
        )
        for p in report.pieces
    ]


def _fill(reading: Reading, found: Found, lists: Lists) -> None:
    """Fill `label`, `usage`, `record` and what prices depend on."""
    con, own = reading.con, reading.own
    person = "nullif(person, '')" if keeps_users(reading.settings) else "NULL"
    cluster = f"nullif({literal(own.cluster)}, '')"
    con.execute(filled(query(__package__, "machine_label"), person=person))
    con.execute(filled(query(__package__, "labels"), cluster=cluster))
    con.execute(query(__package__, "reductions"))
    con.execute(filled(query(__package__, "usage"), person=person.replace("person", "judged.person")))
    con.execute(filled(query(__package__, "record"), cluster=cluster))
    repeated, empty = con.execute(query(__package__, "unused")).fetchone() or (0, 0)
    found.leave_out("identical to another record", repeated)
    found.leave_out("used nothing", empty)
    tiers: Mapping[str, Tier] = own.tiers or {}
    insert(con, "detail", [(name, text) for name, tier in tiers.items() if (text := _details(tier))])
    # Tiers that no machine has would only be warned of; their prices are no rates that someone wrote for the month.
    used = {tier for (tier,) in con.execute(query(__package__, "tiers")).fetchall()}
    found.rates = [rate for name, rate in _rates(own).items() if name in used]
    if own.price == "theirs":
        one = Decimal(1)
        found.rates.append(
            Rate(id="theirs", resource="price", unit="Units", price=one, list=one, currency=own.their_currency)
        )
    found.owners = list(lists.owners.values())


def _rates(own: VmSettings) -> dict[str, Rate]:
    """The price of a month of each tier: a twelfth of the year's, to nine decimals."""
    resource = "vm" if own.basis == "recurring" else "running"
    found = {}
    for name, tier in (own.tiers or {}).items():
        if tier.annual_cost is not None:
            price = (tier.annual_cost / 12).quantize(Decimal(1).scaleb(-PRICE_PLACES), ROUND_HALF_UP)
            pattern = name if _PLAIN.fullmatch(name) else re.escape(name)
            found[name] = Rate(id="month", resource=resource, unit="Months", price=price, list=price, tier=(pattern,))
    return found


def _details(tier: Tier) -> str:
    """SkuPriceDetails of a tier (FOCUS 1.2): numbers are of one machine, and exact."""
    numbers = {
        "CoreCount": tier.cores,
        "MemorySize": tier.memory_gib,
        "DiskSpace": tier.disk_gib,
        "GpuCount": tier.gpus,
    }
    parts = [f'"{key}": {money.exact(Decimal(value))}' for key, value in numbers.items() if value is not None]
    if tier.operating_system:
        parts.append(f'"OperatingSystem": {json.dumps(tier.operating_system, ensure_ascii=False)}')
    return f"{{{', '.join(parts)}}}" if parts else ""


_Read = list[tuple[Format, Report, int | None]]
"""Format, content, and for a list its moment (seconds since 1970, UTC)."""


def _reports(reading: Reading, found: Found) -> _Read:
    """Every export that can be read, and which formats there were."""
    own, settings = reading.own, reading.settings
    month = _bounds(reading.period) if reading.period else None
    result: _Read = []
    formats: dict[str, int] = {}
    for file in reading.inputs:
        source = source_of(file)
        if isinstance(source, Problem):
            found.problems.append(source)
            continue
        report = Report(source, own, month, settings.users)
        format_ = _format_of(report)
        if format_ is None:
            found.problems += report.problems
            continue
        formats[format_.name] = formats.get(format_.name, 0) + 1
        format_.read(report)
        if not report.read and not report.problems:
            report.problem("usage-empty", "the export has no records", EMPTY_FIX)
        result.append((format_, report, _moment(report, settings.timezone) if format_.listed else None))
    found.notes += [f"{counted(number, 'file')} of {name}" for name, number in sorted(formats.items())]
    return result


def _format_of(report: Report) -> Format | None:
    """The format of a file; None with a fault if it is none, or none for the basis."""
    source, own = report.source, report.own
    if source.document == []:
        report.problem("usage-empty", "the export has no records", EMPTY_FIX)
        return None
    if error := inside(source.document, "error") or _api_error(source):
        report.problem(
            "usage-failed", f"the system reports an error: {str(error)[:160]}", "fix it there, and export again"
        )
        return None
    found = next((each for each in ALL if own.format in ("", each.name) and each.fits(source)), None)
    if found is None:
        wanted = own.format or f"one of {', '.join(each.name for each in ALL)}"
        message = f"the export has an unknown format: expected {wanted}"
        report.problem("usage-header", message, "check the command; docs/CONVERTERS.md has one for each system", 1)
    elif found.listed == (own.basis == "measured"):
        fix = f"set `vm: basis` to {'recurring or samples' if found.listed else 'measured'}"
        report.problem("usage-metric", f"{found.name} cannot be billed with `basis: {own.basis}`", fix)
        return None
    return found


def _api_error(source: Source) -> object:
    """What OpenStack's services answer instead of data: one object with a code and a message."""
    document = source.document
    if isinstance(document, dict) and len(document) == 1:
        (value,) = document.values()
        return value if isinstance(value, dict) and {"code", "message"} <= set(value) else None
    return None


def _moment(report: Report, zone: str) -> int | None:
    """When a list was made, by the name of its file, in UTC; None with a fault if nothing says it."""
    found = moment_of_name(report.source.file.path.name, report.own.date_in_name)
    day, time = found or (report.own.at, "")
    if day is None:
        fix = "put the day into the file name, or set `vm: date_in_name` or `vm: at`"
        report.problem("usage-date", "neither the list nor its file name says on which day it was made", fix)
        return None
    if not zone:
        fix = "set `timezone` to the zone of the times in the file names"
        report.problem("usage-zone", "the config does not set a time zone", fix)
        return None
    clock = dt.time(int(time[:2]), int(time[2:4])) if time else dt.time()
    local = dt.datetime.combine(day, clock, zoneinfo.ZoneInfo(zone))
    # A list of a day stands in that day; what tells months apart is the local date.
    return seconds(local.astimezone(dt.UTC).replace(tzinfo=None)) if time else seconds(midnight(day))


def _place_lists(reading: Reading, read: _Read, lists: Lists, found: Found) -> None:
    """Turn the machines of each list into pieces. Raises UsageFault if the lists are of several months."""
    listed = sorted(
        ((moment, index) for index, (format_, _, moment) in enumerate(read) if format_.listed and moment is not None)
    )
    if not listed or any(has_errors(report.problems) for _, report, _ in read):
        return
    month = _bounds(reading.period or _month_of([moment for moment, _ in listed]))
    inside_ = [(moment, index) for moment, index in listed if month[0] <= moment < month[1]]
    for _, index in listed:
        if index not in {each for _, each in inside_}:
            report = read[index][1]
            report.left_out["list of another month"] += report.read
    if not inside_:
        fix = "make a list in the month, or correct the file name"
        found.problems.append(
            Problem(reading.inputs[0].name, "usage-missing-day", "there is no list in the month", fix)
        )
        return
    if reading.own.basis == "recurring":
        _place_once(read, inside_, month, lists)
        return
    # Lists of another system, whose names begin otherwise, do not end the time that a list stands for.
    series: dict[str, list[tuple[int, int]]] = {}
    for moment, index in inside_:
        name = read[index][1].source.file.path.name
        series.setdefault(series_of_name(name, reading.own.date_in_name), []).append((moment, index))
    for each in series.values():
        _place_series(reading, read, each, month, (lists, found))


def _place_series(
    reading: Reading,
    read: _Read,
    listed: list[tuple[int, int]],
    month: tuple[int, int],
    into: tuple[Lists, Found],
) -> None:
    """Turn the machines of the lists of one system into pieces, each list for the time until the next."""
    lists, found = into
    moments = sorted({moment for moment, _ in listed})
    stands: dict[int, tuple[int, int]] = {}
    for each in slots(moments, month, reading.own, read[listed[0][1]][1].source.file.name):
        if isinstance(each, Problem):
            found.problems.append(each)
        else:
            stands[moments[len(stands)]] = each
    for moment, index in listed:
        add_machines(read[index][1], stands[moment], lists)


def _place_once(read: _Read, listed: list[tuple[int, int]], month: tuple[int, int], lists: Lists) -> None:
    """Bill each machine for the month, as the last list has it."""
    last = {machine.id: index for _, index in listed for machine in read[index][1].machines}
    for _, index in listed:
        report = read[index][1]
        kept = [machine for machine in report.machines if last[machine.id] == index]
        if dropped := len(report.machines) - len(kept):
            report.left_out["in a later list too"] += dropped
        report.machines = kept
        add_machines(report, month, lists)


def _pages(reports: list[Report]) -> list[Problem]:
    """CloudKitty says how many rows there are; all of them must be in the inputs."""
    total, read = max((report.total for report in reports), default=0), sum(report.read for report in reports)
    if read >= total or not total:
        return []
    message = f"the export has {total:,} rows, but the inputs only {read:,}"
    fix = "export every page (`offset`), and convert them together"
    return [Problem(reports[0].source.file.name, "usage-page", message, fix)]


def _bounds(period: str) -> tuple[int, int]:
    return seconds(midnight(first_day(period))), seconds(midnight(last_day(period))) + _DAY


def _month_of(moments: list[int]) -> str:
    first, last = (dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m") for at in (moments[0], moments[-1]))
    return only_month(first, last, "lists")


_MACHINE = ("Compute", "Virtual Machines")
_SIZES = {"MiB": MICRO, "GiB": 1024 * MICRO, "TiB": 1024 * 1024 * MICRO}

VM = Kind(
    name="vm",
    title="Virtual machines: lists (Azure Local, VMware, Proxmox), OpenStack, CloudKitty",
    settings=VmSettings,
    meters=(
        Meter("vm", "vm", "Machine", {"": 1}, *_MACHINE, recurring=True),
        Meter("running", "running", "Running time", {"": 1}, *_MACHINE),
        Meter("vcpu", "vcpu", "CPU time", {"Core": 1}, *_MACHINE),
        Meter("memory", "mem", "Memory time", {"MiB": 1, "GiB": 1024, "TiB": 1024 * 1024}, *_MACHINE),
        Meter("disk", "disk", "Disk time", {"MiB": 1, "GiB": 1024, "TiB": 1024 * 1024}, *_MACHINE),
        Meter("size", "size", "Size", _SIZES, "Storage", "Block Storage", service="Storage"),
        Meter("items", "items", "Items", {"Unit": MICRO}),
        Meter("price", "rated", "Rated price", {"Units": PRICE}, *_MACHINE, timed=False),
    ),
    resource_type="Virtual Machine",
    rates=({"id": "hours", "resource": "running", "unit": "Hours", "price": "0.05", "from": "2025-01-01"},),
    read=read_vm,
    priced=lambda own: tuple(_rates(own).values()),
    samples=SAMPLES,
    example={"service": "Northfield Cloud", "billing_account": "northfield-cloud", "sku": "vm"},
)
