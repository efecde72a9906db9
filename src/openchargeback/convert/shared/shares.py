"""What part of a shared cost each gets: ratios with 18 decimals that add up to 1, by largest remainders."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import duckdb

from openchargeback import money
from openchargeback.convert.owners import Dated, Owners, Payer
from openchargeback.convert.shared.settings import Pool
from openchargeback.focus.database import insert, named_rows, query
from openchargeback.ledger.settings import Tags
from openchargeback.money import ZERO
from openchargeback.problems import Problem, Severity

_ONE = Decimal(1)
_HUNDRED = Decimal(100)
_UNIT = Decimal(1).scaleb(-money.EXACT_PLACES)


class Part(NamedTuple):
    """Who gets a share: idle ones last. resource: AllocatedResourceId; payer: None for an idle share that is kept."""

    idle: bool
    resource: str
    payer: Payer | None

    @property
    def order(self) -> tuple[object, ...]:
        """Sorts parts, the idle ones last."""
        return (self.idle, self.resource, self.payer.project if self.payer else "", repr(self.payer))


Weights = dict[Part, dict[int, Decimal]]
"""How much each used, by the number of the weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a resource used on a day, or in the month if `day` is None."""

    resource: str
    account: str
    day: dt.date | None
    weight: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are split alike. first, last: the days whose use counts; None for the month. line: of the first row."""

    id: int
    pool: int
    first: dt.date | None
    last: dt.date | None
    file: int
    line: int


class Shares:
    """Makes `share` and `payer`."""

    def __init__(self, pools: Sequence[Pool], owners: Owners, tags: Tags, config: str) -> None:
        self._pools, self._owners, self._tags, self._config = pools, owners, tags, config
        self._payers: dict[Payer, int] = {}
        self._dated: dict[str, list[Dated]] = {}
        self._unknown: dict[str, None] = {}
        self._rows: list[tuple[object, ...]] = []

    def fill(self, con: duckdb.DuckDBPyConnection, files: Mapping[int, str]) -> list[Problem]:
        """Fill the tables for every group of rows: the groups that cannot be split, and who belongs to no project."""
        con.execute(query("openchargeback.convert", "payer"))
        con.execute(query(__package__, "share"))
        used = defaultdict(list)
        for row in named_rows(con, query(__package__, "used")):
            used[row.pop("pool")].append(Used(**row))
        problems = []
        for values in con.execute(query(__package__, "groups")).fetchall():
            group = Group(*values)
            pool = self._pools[group.pool]
            weights = self._weights(pool, _of_days(used[group.pool], group))
            faults = list(_faults(pool, group, weights, files, self._config))
            problems += faults
            if not faults:
                self._add(pool, group, weights)
        insert(con, "payer", [(n, p.tags(self._tags), p.pi, p.project, p.fund, "") for p, n in self._payers.items()])
        insert(con, "share", self._rows)
        return [*problems, *self._no_owner()]

    def _weights(self, pool: Pool, used: Sequence[Used]) -> Weights:
        """What each used; idle use as the pool wants it."""
        found: Weights = defaultdict(lambda: defaultdict(lambda: ZERO))
        sums: dict[int, Decimal] = defaultdict(lambda: ZERO)
        for each in used:
            sums[each.weight] = money.total(sums[each.weight], each.amount)
            idle = each.account in pool.idle_keys
            if idle and pool.idle == "spread":
                continue
            for part, amount in self._parts(each, idle=idle, keep=pool.idle == "keep"):
                found[part][each.weight] = money.total(found[part][each.weight], amount)
        for index, weight in enumerate(pool.weights):
            if weight.capacity is not None and pool.idle != "spread":
                rest = money.total(weight.capacity, money.negative(sums[index]))
                for part, amount in self._idle(pool, rest):
                    found[part][index] = money.total(found[part][index], amount)
        return {part: dict(found[part]) for part in sorted(found, key=lambda part: part.order)}

    def _idle(self, pool: Pool, amount: Decimal) -> Iterator[tuple[Part, Decimal]]:
        """The parts of a capacity that no one used."""
        key = pool.idle_keys[0] if pool.idle_keys else "__idle__"
        yield from self._parts(
            Used(resource=key, account=key, day=None, weight=0, amount=amount), idle=True, keep=pool.idle == "keep"
        )

    def _parts(self, used: Used, *, idle: bool, keep: bool) -> Iterator[tuple[Part, Decimal]]:
        """Who gets a use: one, or several by their days if it is of the month and the owner changed in it."""
        if idle and keep:
            yield Part(True, "", None), used.amount
            return
        if used.account not in self._dated:
            self._dated[used.account] = self._owners.of(used.account, "")
        dated = self._dated[used.account]
        days = sum((each.until - each.since).days for each in dated)
        exact: dict[Payer, Decimal] = {}
        for each in dated:
            own = money.product(used.amount, Decimal((each.until - each.since).days))
            exact[each.payer] = money.total(exact.get(each.payer, ZERO), money.quotient(own, Decimal(days)))
        if used.day is not None:
            on = next(each.payer for each in dated if each.since.date() <= used.day < each.until.date())
            exact = {on: used.amount}
        for payer, amount in money.share_units(used.amount, exact, _UNIT).items():
            if not payer.project and amount:
                self._unknown[used.account] = None
            yield Part(idle, used.resource, payer), amount

    def _add(self, pool: Pool, group: Group, weights: Weights) -> None:
        ratios = ratios_of(weights, [each.share for each in pool.weights])
        for part, elements in ratios.items():
            payer = self._payers.setdefault(part.payer, len(self._payers) + 1) if part.payer else None
            tags = part.payer.tags(self._tags) if part.payer else None
            details = _details(pool, weights[part], elements)
            row = (group.id, money.total(*elements.values()), part.resource or None, payer, tags, pool.method, details)
            self._rows.append((len(self._rows), *row))

    def _no_owner(self) -> Iterator[Problem]:
        idle = {key for pool in self._pools if pool.idle == "owner" for key in pool.idle_keys}
        for account in sorted(self._unknown):
            if account in idle:
                message = f"the idle share {account} has no owner"
                fix = f"add `account: {account}` to `owners`, or set `idle` to keep or spread"
                yield Problem(self._config, "shared-idle", message, fix)
                continue
            message = f"{account or 'an empty name'} does not belong to a project, so its shares have no tags"
            fix = "add it to `owners`, or to `match: SubAccountId` of a project in the ledger's directory"
            yield Problem(self._config, "owner-unknown", message, fix, severity=Severity.WARNING)


def ratios_of(weights: Weights, shares: Sequence[Decimal]) -> dict[Part, dict[int, Decimal]]:
    """The ratio of each part and weight: 18 decimals, together 1. shares: percent of the cost for each weight."""
    sums = [money.total(*(each.get(index, ZERO) for each in weights.values())) for index in range(len(shares))]
    exact = {
        (part, index): money.quotient(money.product(amount, shares[index]), money.product(sums[index], _HUNDRED))
        for part, each in weights.items()
        for index, amount in sorted(each.items())
        if amount
    }
    result: dict[Part, dict[int, Decimal]] = {}
    for (part, index), ratio in money.share_units(_ONE, exact, _UNIT).items():
        result.setdefault(part, {})[index] = ratio
    return result


def _of_days(used: Sequence[Used], group: Group) -> list[Used]:
    first, last = group.first, group.last
    if first is None or last is None:
        return list(used)
    return [each for each in used if each.day and first <= each.day <= last]


def _faults(pool: Pool, group: Group, weights: Weights, files: Mapping[int, str], config: str) -> Iterator[Problem]:
    """Why rows cannot be split by these weights."""
    days = "" if group.first is None else f" from {group.first} to {group.last}"
    for index, weight in enumerate(pool.weights):
        amounts = [each.get(index, ZERO) for each in weights.values()]
        if any(amount < ZERO for amount in amounts):
            message = f"{pool.id}: more {weight.label} was used than its capacity of {weight.capacity:f}"
            yield Problem(config, "shared-weight", message, "correct `capacity`, which is of the month", pool.line)
        elif not any(amounts):
            message = f"{pool.id}: no one used any {weight.label}{days}, so this cost cannot be split by it"
            fix = "check the usage table; if there was no usage, remove the weight or set `idle: keep`"
            yield Problem(files[group.file], "shared-weight", message, fix, group.line)


def _details(pool: Pool, used: Mapping[int, Decimal], ratios: Mapping[int, Decimal]) -> str:
    """AllocatedMethodDetails (FOCUS 1.3): a JSON object, its numbers in full, which Python's own writer cannot do."""
    names = [json.dumps(each.label, ensure_ascii=False) for each in pool.weights]
    elements = (
        f'{{"AllocatedRatio": {money.exact(ratio)}, "UsageUnit": {names[index]}, '
        f'"UsageQuantity": {money.exact(used[index])}}}'
        for index, ratio in ratios.items()
    )
    return f'{{"Elements": [{", ".join(elements)}]}}'
