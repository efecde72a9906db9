"""The rates of the institution's own services, from the configs of its conversions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.convert.config import ConfigFile
from openchargeback.convert.kinds import Kind
from openchargeback.convert.settings import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """A rate. what: what is priced; narrowed: where and for whom it applies, in words; empty if everywhere.

    list, price: of one unit, exact, in the currency of its service; a price may have nine decimals.
    since, until: its days (UTC, inclusive); None if it has no first or last one.
    """

    id: str
    what: str
    narrowed: str
    unit: str
    list: Decimal
    price: Decimal
    since: dt.date | None
    until: dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRates:
    """The rates of a service in the order of its config. path: that config, in the ledger."""

    service: str
    currency: str
    path: str
    rows: tuple[RateRow, ...]


def rates(configs: Sequence[tuple[Kind, ConfigFile]]) -> tuple[ServiceRates, ...]:
    """The rates of all services that have any, by name of the service."""
    found = [
        ServiceRates(
            service=config.settings.service,
            currency=config.settings.currency,
            path=config.path,
            rows=tuple(_row(kind, rate) for rate in config.settings.rates),
        )
        for kind, config in configs
        if config.settings.rates
    ]
    return tuple(sorted(found, key=lambda each: (each.service.casefold(), each.path)))


def _row(kind: Kind, rate: Rate) -> RateRow:
    meter = kind.meter(rate.resource)
    if rate.price is None or rate.list is None:
        raise ValueError(f"rate {rate.id} was not checked")
    return RateRow(
        id=rate.id,
        what=" ".join([meter.title if meter else rate.resource, *rate.type]),
        narrowed="; ".join(
            f"{name} {', '.join(values)}"
            for name in ("cluster", "partition", "qos", "tier", "customer")
            if (values := getattr(rate, name))
        ),
        unit=rate.unit,
        list=rate.list,
        price=rate.price,
        since=rate.since,
        until=rate.until,
    )
