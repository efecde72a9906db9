"""Turns a source's tables (regular usage, planted oddities, credits, taxes …) into its charges for a month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from generator import focus, noise
from generator.focus import Charge, Line, Provider, Resource, Sku
from generator.months import Month
from generator.university import PROJECTS

_CENT = Decimal("0.01")
_GROWTH = {2024: Decimal(1), 2025: Decimal("1.03")}


@dataclass(frozen=True, slots=True)
class Use:
    """What a project uses each month.

    cost: roughly, at list price. resources: how many it is spread across. daily: one row per day, not per month.
    months: the only months in which it occurs; empty means all.
    """

    project: str
    sku: str
    cost: str
    resources: int = 1
    daily: bool = False
    months: tuple[str, ...] = ()

    def occurs_in(self, month: Month) -> bool:
        """Whether it occurs in the month."""
        return not self.months or str(month) in self.months


@dataclass(frozen=True, slots=True)
class Planted:
    """A resource with something odd about it.

    project: whose account it is in. tags: changes to the usual tags; None removes a tag. raw_tags: the text of the cell
    instead of JSON. days: one row for each of these days, each with `quantity`; empty means one row for the month.
    copies: how many equal rows there are. paid: the share of the list price that is paid.
    """

    month: str
    project: str
    sku: str
    name: str
    quantity: str
    tags: Mapping[str, str | None] = field(default_factory=dict)
    raw_tags: str = ""
    days: tuple[int, ...] = ()
    copies: int = 1
    paid: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Gift:
    """An amount credited to a project: a promotional credit, or a refund at list price for the previous month."""

    month: str
    project: str
    sku: str
    amount: str
    description: str


@dataclass(frozen=True, slots=True)
class Source:
    """Everything about a source. taxed: the SKUs whose services are taxed at `tax_rate`."""

    provider: Provider
    skus: tuple[Sku, ...]
    uses: tuple[Use, ...]
    planted: tuple[Planted, ...]
    plans: tuple[str, ...] = ()
    credits: tuple[Gift, ...] = ()
    refunds: tuple[Gift, ...] = ()
    taxed: tuple[str, ...] = ()
    tax_rate: Decimal = Decimal(0)

    def charges(self, month: Month) -> list[Charge]:
        """Every charge of the month in the order of the file."""
        charges = [
            *(charge for use in self.uses if use.occurs_in(month) for charge in self._usual(use, month)),
            *(charge for odd in self.planted if odd.month == str(month) for charge in self._odd(odd, month)),
            *(focus.subscription(self._line(month, "rc-shared", plan)) for plan in self.plans),
            *(self._credit(gift, month) for gift in self.credits if gift.month == str(month)),
            *(self._refund(gift, month) for gift in self.refunds if gift.month == str(month)),
        ]
        charges.extend(self._taxes(charges, month))
        return sorted(charges, key=_order)

    def _sku(self, sku_id: str) -> Sku:
        return next(sku for sku in self.skus if sku.id == sku_id)

    def _line(self, month: Month, project: str, sku: str, name: str = "") -> Line:
        resource = self.provider.resource(PROJECTS[project], name)
        return Line(self.provider, month, self._sku(sku), resource)

    def _usual(self, use: Use, month: Month) -> list[Charge]:
        sku = self._sku(use.sku)
        words = (self.provider.source, use.project, use.sku)
        cost = Decimal(use.cost) * _GROWTH[month.year] * noise.between("0.9", "1.1", *words, month)
        rows: list[Charge] = []
        for index, share in enumerate(noise.shares(use.resources, *words), start=1):
            line = self._line(month, use.project, use.sku, f"{use.project}-{sku.id.lower()}-{index:02d}")
            if use.daily:
                rows.extend(_daily(line, cost * share))
            else:
                rows.append(focus.usage(line, sku.quantity(cost * share)))
        return rows

    def _odd(self, odd: Planted, month: Month) -> list[Charge]:
        project = PROJECTS[odd.project]
        tags = {key: value for key, value in {**project.tags(), **odd.tags}.items() if value is not None}
        resource = Resource(project, odd.name, odd.raw_tags or self.provider.tag_text(tags))
        line = Line(self.provider, month, self._sku(odd.sku), resource)
        lines = [line.on(day) for day in odd.days] or [line]
        return [focus.usage(one, Decimal(odd.quantity), odd.paid) for one in lines for _ in range(odd.copies)]

    def _credit(self, gift: Gift, month: Month) -> Charge:
        return focus.credit(self._line(month, gift.project, gift.sku), Decimal(gift.amount), gift.description)

    def _refund(self, gift: Gift, month: Month) -> Charge:
        name = f"{gift.project}-{gift.sku.lower()}-01"
        line = self._line(month, gift.project, gift.sku, name)
        return focus.correction(line, Decimal(gift.amount), gift.description)

    def _taxes(self, charges: list[Charge], month: Month) -> list[Charge]:
        taxes: list[Charge] = []
        for sku_id in self.taxed:
            line = self._line(month, "rc-shared", sku_id)
            rows = [row for row in charges if row["ServiceName"] == line.sku.service]
            listed, paid = (self._tax_on(rows, column) for column in ("ListCost", "BilledCost"))
            taxes.append(focus.tax(line, listed, paid, f"State tax on {line.sku.service}"))
        return taxes

    def _tax_on(self, charges: list[Charge], column: str) -> Decimal:
        base = sum((Decimal(charge[column]) for charge in charges), Decimal(0))
        return (base * self.tax_rate).quantize(_CENT, ROUND_HALF_UP)


def _daily(line: Line, cost: Decimal) -> list[Charge]:
    rows: list[Charge] = []
    for day in range(1, line.month.days + 1):
        part = cost / line.month.days * noise.between("0.8", "1.2", line.resource.name, line.month, day)
        rows.append(focus.usage(line.on(day), line.sku.quantity(part)))
    return rows


def _order(charge: Charge) -> tuple[str, ...]:
    columns = ("SubAccountName", "ServiceName", "ResourceName", "SkuId", "ChargePeriodStart", "ChargeDescription")
    return tuple(charge.get(column, "") for column in columns)
