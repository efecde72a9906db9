"""Prices: which rate is for which usage, on which days.

Tables:
    rate      one row per rate: its unit in base units, its prices, its days (UTC, half-open)
    priced    one row per label, item, customer class and rate that fits
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from openchargeback.convert.instants import ALWAYS, midnight, seconds
from openchargeback.convert.kinds import Kind
from openchargeback.convert.settings import MONTHS, Rate, Settings
from openchargeback.convert.units import base_units, units_of
from openchargeback.focus.database import insert, query
from openchargeback.ledger.patterns import expression
from openchargeback.ledger.shape import did_you_mean
from openchargeback.problems import Problem, Severity

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class _Key:
    """What a rate may depend on."""

    cluster: str
    partition: str
    qos: str
    tier: str
    type: str
    customer: str

    def fits(self, rate: Rate) -> bool:
        """Whether the rate is for it, on whatever days."""
        return all(
            any(expression(each).matches(getattr(self, name)) for each in wanted)
            for name in ("cluster", "partition", "qos", "tier", "type", "customer")
            if (wanted := getattr(rate, name))
        )


def check_rates(kind: Kind, settings: Settings, config: str) -> list[Problem]:
    """The faults of rates by themselves: resource, unit, currency."""
    problems: list[Problem] = []
    for rate in settings.rates:
        meter, path = kind.meter(rate.resource), rate.path or config
        if meter is None:
            fix = did_you_mean(rate.resource, [each.name for each in kind.meters])
            problems.append(
                Problem(path, "rate-resource", f"`{rate.resource}` is not a meter of {kind.name}", fix, rate.line)
            )
        elif base_units(rate.unit, meter, month=1) is None:
            fix = f"use {' or '.join(units_of(meter))}, or a number of them such as 1000 {units_of(meter)[0]}"
            problems.append(
                Problem(path, "rate-unit", f"`{rate.unit}` is not a unit of {rate.resource}", fix, rate.line)
            )
        if rate.currency and rate.currency != settings.currency:
            message = f"the rate is in {rate.currency}, but the charges are in {settings.currency}"
            problems.append(
                Problem(path, "rate-currency", message, "give the price in the currency of the config", rate.line)
            )
    return problems


def cuts(settings: Settings, start: dt.datetime, end: dt.datetime) -> set[dt.datetime]:
    """The instants within a period at which a price may change."""
    instants = {at for rate in settings.rates for at in _days(rate)}
    return {at for at in instants if start < at < end}


def _days(rate: Rate) -> tuple[dt.datetime, dt.datetime]:
    """The rate's days, half-open."""
    since = midnight(rate.since) if rate.since else ALWAYS[0]
    until = midnight(rate.until + dt.timedelta(days=1)) if rate.until and rate.until < dt.date.max else ALWAYS[1]
    return since, until


def fill_rates(
    con: duckdb.DuckDBPyConnection, kind: Kind, settings: Settings, config: str, period: tuple[dt.datetime, dt.datetime]
) -> list[Problem]:
    """Create `rate` and `priced` for what `used` holds; rates that overlap on some usage, and unused rates."""
    con.execute(query(__package__, "rate"))
    con.execute(query(__package__, "priced"))
    rates = settings.rates
    month = MONTHS[settings.month] or seconds(period[1]) - seconds(period[0])
    insert(con, "rate", [_row(number, rate, kind, month) for number, rate in enumerate(rates, 1)])
    divisors = {(label, meter): value for label, meter, value in con.execute("SELECT * FROM divisor").fetchall()}
    rows, fitting = [], dict[tuple[str, _Key], list[int]]()
    for label, item, meter, variant, customer, cluster, partition, qos, tier in con.execute(
        query(__package__, "rate_keys")
    ).fetchall():
        # Many labels differ only in who used something.
        key = meter, _Key(cluster, partition, qos, tier, variant, customer)
        if key not in fitting:
            fitting[key] = list(_fitting(rates, *key))
        rows += [(label, item, customer, number, divisors.get((label, meter), 1)) for number in fitting[key]]
    overlaps = {pair for numbers in fitting.values() for pair in _overlaps(rates, numbers, period)}
    used = {number for numbers in fitting.values() for number in numbers}
    insert(con, "priced", rows)
    # In a month without any usage, unused rates say nothing.
    unused = _unused(rates, used, period, config) if rows else ()
    return [*_overlap_problems(rates, sorted(overlaps), config), *unused]


def _row(number: int, rate: Rate, kind: Kind, month: int) -> tuple[object, ...]:
    meter = kind.meter(rate.resource)
    base = base_units(rate.unit, meter, month) if meter else None
    if rate.price is None or rate.list is None or base is None:
        raise ValueError(f"rate {rate.id} was not checked")
    share = (
        f"{((rate.list - rate.price) * _HUNDRED / rate.list).quantize(Decimal('0.01')).normalize():f}"
        if rate.list
        else None
    )
    since, until = _days(rate)
    valid_from = rate.since.isoformat() if rate.since else None
    return number, rate.id, rate.unit, base, rate.price, rate.list, seconds(since), seconds(until), valid_from, share


def _fitting(rates: Sequence[Rate], meter: str, key: _Key) -> Iterator[int]:
    return (number for number, rate in enumerate(rates, 1) if rate.resource == meter and key.fits(rate))


def _overlaps(
    rates: Sequence[Rate], numbers: Sequence[int], period: tuple[dt.datetime, dt.datetime]
) -> Iterator[tuple[int, int]]:
    """Pairs of rates that are for the same usage on the same day of the period."""
    for index, one in enumerate(numbers):
        for other in numbers[index + 1 :]:
            (a, b), (c, d) = _days(rates[one - 1]), _days(rates[other - 1])
            if max(a, c, period[0]) < min(b, d, period[1]):
                yield one, other


def _overlap_problems(rates: Sequence[Rate], pairs: Sequence[tuple[int, int]], config: str) -> Iterator[Problem]:
    for one, other in pairs:
        first, second = rates[one - 1], rates[other - 1]
        message = f"the rates {first.id} (line {first.line}) and {second.id} apply to the same usage on the same day"
        fix = "narrow one by partition, qos, type or customer, or end one the day before the other starts"
        yield Problem(second.path or config, "rate-overlap", message, fix, second.line)


def _unused(
    rates: Sequence[Rate], used: set[int], period: tuple[dt.datetime, dt.datetime], config: str
) -> Iterator[Problem]:
    for number, rate in enumerate(rates, 1):
        since, until = _days(rate)
        if number not in used and since < period[1] and until > period[0]:
            fix = "check its partition, qos, type and customer, or remove it"
            yield Problem(
                rate.path or config,
                "rate-unused",
                f"the rate {rate.id} applies to no usage in the period",
                fix,
                rate.line,
                severity=Severity.WARNING,
            )
