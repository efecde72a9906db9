"""Dated prices in the format of nerc-rates (CCI-MOC/nerc-rates, rates.yaml): months, both inclusive.

- name: CPU SU Rate
  type: Decimal
  history:
    - value: "0.013"
      from: 2023-06
      until: 2024-05
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from openchargeback import money
from openchargeback.convert.settings import PRICE_PLACES, Rate, Settings, too_fine
from openchargeback.ledger.declared import Key, shape_of
from openchargeback.ledger.periods import first_day, last_day
from openchargeback.ledger.shape import PERIOD_PATTERN, ListOf, Text, Verbatim
from openchargeback.ledger.yaml_tree import Node, Reader, parse
from openchargeback.problems import Problem


def _month(help_: str) -> Text:
    return Text(PERIOD_PATTERN, "a month such as 2025-01", help_)


_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a history. since, until: months, both inclusive; until is empty if it still applies."""

    value: Annotated[str, Verbatim("The value, in quotes.")]
    since: Annotated[str, Key(shape=_month("The first month."), name="from")]
    until: Annotated[str, _month("The last month, inclusive; still valid unless set.")] = ""
    line: int = 0

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Value | None:
        """The value with its place."""
        if values.get("until", "9999-12") < values["since"]:
            reader.fault(node, "date-order", "`until` is before `from`", "swap the months")
            return None
        return cls(**values, line=node.line)


@dataclass(frozen=True, slots=True)
class History:
    """A named value over time."""

    name: Annotated[str, "The name of the value."]
    history: Annotated[tuple[Value, ...], "Its values over time."]
    type: Annotated[str, "The type of the values; only decimals are prices."] = "Decimal"


HISTORIES = ListOf(shape_of(History))
"""The shape of a file."""


@dataclass(frozen=True, slots=True)
class Histories:
    """The values of a file by name. path: as in messages."""

    path: str
    values: Mapping[str, tuple[Value, ...]]


def read_histories(folder: Path, name: str, config: str) -> tuple[Histories, list[Problem]]:
    """The histories of a file next to the config, and its faults."""
    path = folder / name
    try:
        data = path.read_bytes() if name else b""
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Histories(str(path), {}), [
            Problem(config, "unreadable", f"`rates_file: {name}`: {reason}", "correct the path")
        ]
    root, reader = parse(data, str(path))
    items: tuple[History, ...] = (HISTORIES.read(root, reader) or ()) if root is not None else ()
    problems = reader.problems
    for index, item in enumerate(items):
        if any(other.name == item.name for other in items[:index]):
            problems.append(Problem(str(path), "duplicate-label", f"{item.name} occurs twice", "keep one of them"))
    return Histories(str(path), {item.name: item.history for item in items}), problems


def with_histories(settings: Settings, histories: Histories, config: str) -> tuple[Settings, list[Problem]]:
    """The settings with each rate that names a history replaced by one rate per value; with what does not fit."""
    problems: list[Problem] = []
    rates: list[Rate] = []
    for rate in settings.rates:
        if not rate.history:
            rates.append(rate)
            continue
        values = histories.values.get(rate.history)
        if values is None:
            message = f"`history: {rate.history}` is not in {histories.path or '`rates_file`'}"
            fix = "set `rates_file`, or use a name in that file"
            problems.append(Problem(config, "rate-history", message, fix, rate.line))
            continue
        rates += [dated for value in values if (dated := _dated(rate, value, histories.path, problems))]
    return replace(settings, rates=tuple(rates)), problems


def _dated(rate: Rate, value: Value, path: str, problems: list[Problem]) -> Rate | None:
    listed = money.parse(value.value.strip())
    if listed is None or listed < 0:
        message = f'"{value.value[:60]}" is not a price'
        problems.append(Problem(path, "rate-history", message, "write a plain number such as 0.013", value.line))
        return None
    price = listed * (_HUNDRED - rate.subsidy) / _HUNDRED
    if too_fine(price) or too_fine(listed):
        message = f"the price {money.exact(price)} has more than {PRICE_PLACES} decimals, so costs would not be exact"
        fix = "give the price of a larger unit, such as 1000 GiB-Hours"
        problems.append(Problem(path, "rate-decimals", message, fix, value.line))
        return None
    until: dt.date | None = last_day(value.until) if value.until else None
    return replace(
        rate, price=price, list=listed, since=first_day(value.since), until=until, line=value.line, path=path
    )
