"""The kind `csv`: the rows of any table become usage, by the mapping in the config."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from openchargeback.convert.csv.cells import LABEL, named_columns, select
from openchargeback.convert.csv.reading import Layout, read_records
from openchargeback.convert.csv.rules import repeated_rules, rules
from openchargeback.convert.csv.settings import CsvSettings, MeterMapping
from openchargeback.convert.csv.units import SCALE, nouns_of, parts_of, seconds_of
from openchargeback.convert.documents import EMPTY_FIX
from openchargeback.convert.findings import broken
from openchargeback.convert.kinds import Found, Kind, Meter, Reading, keeps_users
from openchargeback.convert.zone import offset_sql
from openchargeback.focus.database import count, insert, literal, query, sql
from openchargeback.problems import Problem, has_errors

_BATCH = 20_000
_DECIMALS = 9


def read_csv(reading: Reading) -> Found:
    """Read the rows of all tables into `label`, `usage` and `given`."""
    own: CsvSettings = reading.own
    found = Found()
    columns, needed = named_columns(own)
    _read_inputs(reading, columns, needed, found)
    if has_errors(found.problems):
        return found
    if not found.read:
        found.problems.append(Problem(reading.inputs[0].name, "usage-empty", "the table has no rows", EMPTY_FIX))
        return found
    if not _place(reading, columns, found):
        return found
    _check(reading, found)
    if not has_errors(found.problems):
        _fill(reading)
    for reason, rows in reading.con.execute(query(__package__, "left_out")).fetchall():
        found.leave_out(reason, rows)
    return found


def _layout(own: CsvSettings) -> Layout:
    return Layout(**{name: getattr(own, name) for name in Layout.__slots__})


def _read_inputs(reading: Reading, columns: list[str], needed: list[str], found: Found) -> None:
    """Fill `raw`: one row per row of the inputs, with the cells of the columns that the mapping names."""
    cells = "".join(f", c{index} VARCHAR" for index, _ in enumerate(columns))
    reading.con.execute(f"CREATE TABLE raw (n BIGINT, file INTEGER, line BIGINT, digest UBIGINT{cells})")
    for file in reading.inputs:
        records = read_records(file, columns, needed, _layout(reading.own))
        rows = (
            (number, file.number, line, _digest(text), *values)
            for number, (line, values, text) in enumerate(records.rows, found.read)
        )
        for batch in _batches(rows):
            insert(reading.con, "raw", batch)
            found.read += len(batch)
        found.problems += records.problems


def _batches(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


_NUMBER = r"[+-]?(?:\d{1,20}(?:P\d*)?|P\d+)(?:[eE][+-]?\d{1,2})?"
_GROUPED = r"[+-]?\d{1,3}(?:T\d{3}){0,6}(?:P\d*)?"


def _number(own: CsvSettings) -> str:
    """The expression of a number in the table."""
    plain = _NUMBER.replace("P", f"[{own.decimal}]")
    grouped = _GROUPED.replace("P", f"[{own.decimal}]").replace("T", f"[{own.thousands}]")
    return f"{plain}|{grouped}" if own.thousands else plain


def _place(reading: Reading, columns: list[str], found: Found) -> bool:
    """Create `cell` and `placed`; False with a problem if the times need a zone."""
    con, own = reading.con, reading.own
    parts = {"number": _number(own), "thousands": own.thousands, "decimal": own.decimal}
    con.execute(sql(__package__, "macros.sql", **{name: literal(text) for name, text in parts.items()}))
    places = {name: f"nullif(trim(raw.c{index}), '')" for index, name in enumerate(columns)}
    values = select(own, places, keep_users=keeps_users(reading.settings))
    con.execute(f"CREATE TABLE cell AS SELECT raw.n, raw.file, raw.line, raw.digest, {values} FROM raw")
    con.execute("DROP TABLE raw")
    zoneless = count(con, query(__package__, "zoneless"))
    zone = reading.settings.timezone
    if zoneless and not zone:
        fix = "set `timezone` in the config to the zone of its times and days"
        name = reading.inputs[0].name
        found.problems.append(
            Problem(name, "usage-zone", "the table does not say in which time zone its times are", fix)
        )
        return False
    con.execute(sql(__package__, "placed.sql", **_time_parts(reading, zone)))
    con.execute("DROP TABLE cell")
    return True


def _time_parts(reading: Reading, zone: str) -> dict[str, str]:
    """Of `placed.sql`: offsets from UTC, and what ends the usage."""
    own: CsvSettings = reading.own
    con = reading.con
    if own.day or own.last_day or own.month:
        step = "INTERVAL 1 MONTH" if own.month else "INTERVAL 1 DAY"
        start = "end" if own.last_day else "start"
        con.execute(f"UPDATE cell SET end_local = date_trunc('day', {start}_local) + {step}, end_ahead = {start}_ahead")
    if own.day:
        con.execute("UPDATE cell SET start_local = date_trunc('day', start_local)")
    first, last = con.execute(query(__package__, "years")).fetchone() or (None, None)
    offsets = {"start_offset": "0", "end_offset": "0"}
    if zone not in ("", "UTC") and isinstance(first, dt.datetime) and isinstance(last, dt.datetime):
        offsets = {
            f"{name}_offset": offset_sql(f"{name}_local", zone, first, last, second=name == "end")
            for name in ("start", "end")
        }
    has_end = bool(own.day or own.month or own.end or own.last_day)
    return {**offsets, "has_end": str(has_end).lower(), "is_instant": str(own.end is not None).lower()}


def _check(reading: Reading, found: Found) -> None:
    """Leave out rows that have nothing of any meter, such as failed requests, and find the faults of the others."""
    con, own = reading.con, reading.own
    indexes = range(1, len(own.meters) + 1)
    # A cost that cannot be read is not nothing, nor is a row that no meter is for: the rules see both.
    without = (f"NOT on{i} OR (amount{i} = 0 AND (cost{i} = 0 OR NOT cost_there{i}))" for i in indexes)
    nothing = " AND ".join(f"coalesce({each}, false)" for each in without)
    some = " OR ".join(f"on{i}" for i in indexes)
    con.execute(f"UPDATE placed SET left_out = 'used nothing' WHERE left_out IS NULL AND ({some}) AND {nothing}")
    files = {each.number: each.name for each in reading.inputs}
    rows = "(SELECT * FROM placed WHERE left_out IS NULL)"
    found.problems += broken(con, rows, list(rules(own, reading.settings.currency)), files)
    con.execute(sql(__package__, "repeated.sql"))
    twice = "(SELECT placed.*, repeated.first, repeated.clash FROM placed JOIN repeated USING (n))"
    found.problems += broken(con, twice, repeated_rules(own), files)
    con.execute(query(__package__, "number_repeated" if own.repeated == "each" else "drop_repeated"))


def _fill(reading: Reading) -> None:
    """Fill the tables that all kinds share."""
    con = reading.con
    label = [*LABEL, "tags"]
    con.execute(sql(__package__, "labels.sql", label=", ".join(label)))
    same = " AND ".join(f"row_label.{name} IS NOT DISTINCT FROM placed.{name}" for name in label)
    for index, meter in enumerate(reading.own.meters, 1):
        parts = {"meter": literal(meter.name), "index": str(index)}
        con.execute(sql(__package__, "usage.sql", same_label=same, **parts))
        if meter.cost:
            con.execute(sql(__package__, "given.sql", **parts))
    con.execute(query(__package__, "labels"))
    con.execute(query(__package__, "details"))
    con.execute(query(__package__, "record"))


def _meter(mapping: MeterMapping) -> Meter:
    noun, time = parts_of(mapping.unit) or (mapping.unit, "")
    nouns = nouns_of(noun) if noun else {"": SCALE}
    return Meter(
        mapping.name,
        mapping.name,
        mapping.title or mapping.name,
        nouns,
        mapping.category,
        mapping.subcategory,
        timed=bool(time),
        unit=mapping.unit if mapping.cost else "",
        base=SCALE * seconds_of(time),
    )


def _adapted(own: CsvSettings) -> Kind:
    """The kind with the meters of a mapping."""
    return replace(CSV, meters=tuple(map(_meter, own.meters)), resource_type=own.resource_type)


CSV = Kind(
    name="csv",
    title="Any table, CSV or JSON, by a mapping: tokens, invoices, exports of your own",
    settings=CsvSettings,
    meters=(Meter("hours", "hours", "Instrument time", {"": SCALE}, "Other", "Other (Other)"),),
    resource_type="Resource",
    rates=({"id": "microscope", "resource": "hours", "type": "microscope-.*", "unit": "Hours", "price": "40.00"},),
    read=read_csv,
    adapt=_adapted,
    decimals=_DECIMALS,
    record_columns={},
    samples={
        "bookings.csv": "Booking,Date,Lab,Instrument,Hours,Status\n"
        "B-1,2025-01-06,astro,microscope-2,1.5,done\n"
        "B-2,2025-01-07,astro,microscope-2,2,canceled\n"
        "B-3,2025-01-31,astro,microscope-1,0.25,done\n"
    },
)
