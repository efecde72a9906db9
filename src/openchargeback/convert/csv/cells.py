"""The SQL of the table `cell`: a row's values by the mapping, in columns with names of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from openchargeback.convert.csv.formula import Formula, Places
from openchargeback.convert.csv.settings import CsvSettings, MeterMapping
from openchargeback.convert.csv.units import SCALE, parts_of, seconds_of
from openchargeback.focus.database import literal

LABEL = (
    "cluster",
    "partition",
    "qos",
    "tier",
    "account",
    "person",
    "resource",
    "resource_name",
    "pi",
    "project",
    "fund",
)
"""Columns of `cell` that tell labels apart, besides `tags`."""

_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_US = (r"\d{1,2}/\d{1,2}/\d{4}( .*)?", ("%m/%d/%Y",))
_DAY_FIRST = (r"\d{1,2}[./]\d{1,2}[./]\d{4}( .*)?", ("%d/%m/%Y", "%d.%m.%Y"))


def formulas(own: CsvSettings) -> list[Formula]:
    """Every formula of a mapping."""
    given = [value for name in CsvSettings.__slots__ if isinstance(value := getattr(own, name), Formula)]
    given += [*own.id, *own.required, *own.tags.values()]
    for meter in own.meters:
        given += [value for name in MeterMapping.__slots__ if isinstance(value := getattr(meter, name), Formula)]
    return given


def named_columns(own: CsvSettings) -> tuple[list[str], list[str]]:
    """The columns that a mapping reads, in order, and those that every input must have."""
    conditions = [*(each.where for each in own.left_out), *(each.where for each in own.meters)]
    filtered = [name for where in conditions for name in where]
    found = formulas(own)
    columns = [name for each in found for name in each.columns]
    needed = [name for each in found for name in each.needed]
    return list(dict.fromkeys([*columns, *filtered])), list(dict.fromkeys([*needed, *filtered]))


def select(own: CsvSettings, places: Places, *, keep_users: bool) -> str:
    """The SELECT list of `cell` from `raw`. places: the SQL of each column."""
    return ", ".join(f"{value} AS {name}" for name, value in _values(own, places, keep_users=keep_users))


def _values(own: CsvSettings, places: Places, *, keep_users: bool) -> Iterator[tuple[str, str]]:
    for name in LABEL:
        value: Formula | None = getattr(own, "user" if name == "person" else name)
        wanted = value is not None and (name != "person" or keep_users)
        yield name, value.text(places) if value is not None and wanted else "NULL::VARCHAR"
    yield "tags", _tags(own.tags, places)
    yield "currency", f"upper({own.currency.text(places)})" if own.currency else "NULL::VARCHAR"
    yield "identity", _identity(own, places)
    yield from _times(own, places)
    for index, value in enumerate(own.required, 1):
        yield f"required{index}", value.text(places)
    reasons = "".join(f"WHEN {_fits(each.where, places)} THEN {literal(each.reason)} " for each in own.left_out)
    yield "left_out", f"CASE {reasons}END" if reasons else "NULL::VARCHAR"
    for index, meter in enumerate(own.meters, 1):
        yield from _of_meter(index, meter, places)


def _tags(tags: Mapping[str, Formula], places: Places) -> str:
    if not tags:
        return "NULL::VARCHAR"
    pairs = ", ".join(f"{literal(name)}, {value.text(places)}" for name, value in tags.items())
    # Merging removes the keys without a value.
    return f"nullif(json_merge_patch('{{}}', json_object({pairs}))::VARCHAR, '{{}}')"


def _identity(own: CsvSettings, places: Places) -> str:
    """A digest of what identifies a row; the whole row unless the mapping says."""
    if not own.id:
        return "digest"
    parts = ", ".join(f"coalesce({value.text(places)}, chr(30))" for value in own.id)
    return f"md5_number_lower(concat_ws(chr(31), {parts}))"


def _fits(where: Mapping[str, tuple[str, ...]], places: Places) -> str:
    """SQL: whether every column of a condition matches one of its expressions."""
    return " AND ".join(_any(places[name], patterns) for name, patterns in where.items()) or "true"


def _any(cell: str, patterns: Sequence[str]) -> str:
    found = (f"regexp_full_match(coalesce({cell}, ''), {literal(each)})" for each in patterns)
    return f"({' OR '.join(found)})"


def _times(own: CsvSettings, places: Places) -> Iterator[tuple[str, str]]:
    """Start and end: the text, the local time, and how far it is ahead of UTC if it says so."""
    start = own.start or own.day or own.month
    end = own.end or own.last_day
    for name, value in (("start", start), ("end", end)):
        local, offset = _moment(value, own.dates, places, whole_month=own.month is not None)
        yield f"{name}_text", _shown(value, places) if value else "NULL::VARCHAR"
        yield f"{name}_local", local
        yield f"{name}_ahead", offset


def _moment(value: Formula | None, dates: str, places: Places, *, whole_month: bool) -> tuple[str, str]:
    if value is None:
        return "NULL::TIMESTAMP", "NULL::INTEGER"
    text = value.text(places)
    ahead = "NULL::INTEGER"
    if dates == "iso":
        local, ahead = f"iso_local({text})", f"iso_offset({text})"
    elif dates in ("unix", "unix-ms"):
        divisor = 1000 if dates == "unix-ms" else 1
        local = f"TRY(make_timestamp(trunc({value.number(places)})::BIGINT * 1000000 // {divisor}))"
        ahead = "0"
    elif dates in ("us", "day-first"):
        gate, days = _US if dates == "us" else _DAY_FIRST
        patterns = ", ".join(literal(day + clock) for day in days for clock in _CLOCKS)
        local = f"CASE WHEN regexp_full_match({text}, {literal(gate)}) THEN try_strptime({text}, [{patterns}]) END"
    else:
        local = f"try_strptime({text}, {literal(dates)})"
    if whole_month:
        return f"coalesce(month_start({text}), date_trunc('month', {local}))::TIMESTAMP", "NULL::INTEGER"
    return local, ahead


def _shown(value: Formula | None, places: Places) -> str:
    """SQL of the cells that a value is made of, for messages."""
    if value is None:
        return "NULL::VARCHAR"
    cells = [(literal(f"{name} "), places[name]) for name in value.columns]
    parts = ", ".join(f"{name} || coalesce('\"' || left({cell}, 40) || '\"', 'empty')" for name, cell in cells)
    return f"concat_ws(', ', {parts})" if parts else literal(value.source)


def _of_meter(index: int, meter: MeterMapping, places: Places) -> Iterator[tuple[str, str]]:
    """What a row has of a meter: quantity, amount, sort, costs in 10^-18, and the cells they are from."""
    _, time = parts_of(meter.unit) or ("", "")
    quantity = meter.quantity.number(places)
    yield f"on{index}", _fits(meter.where, places)
    yield f"quantity{index}", quantity
    # Rounded half up to the ninth place of the unit's seconds.
    seconds = seconds_of(time) * 2
    yield f"amount{index}", f"TRY((units({quantity}) * {seconds} + {SCALE}) // {SCALE * 2})::HUGEINT"
    yield f"type{index}", meter.type.text(places) if meter.type else "NULL::VARCHAR"
    shown = [meter.quantity]
    for name, value in (("cost", meter.cost), ("list", meter.list), ("price", meter.price)):
        yield f"{name}{index}", value.number(places) if value else "NULL::DECIMAL(38, 18)"
        yield f"{name}_shown{index}", _shown(value, places)
        yield f"{name}_there{index}", f"({value.text(places)}) IS NOT NULL" if value else "false"
        shown += [value] if value else []
    yield f"shown{index}", f"concat_ws(', ', {', '.join(_shown(each, places) for each in shown)})"
    yield f"quantity_shown{index}", _shown(meter.quantity, places)
