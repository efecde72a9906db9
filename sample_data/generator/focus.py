"""What a charge is: rows of FOCUS 1.2, with the arithmetic that the standard requires.

ListCost = ListUnitPrice × PricingQuantity and ContractedCost = ContractedUnitPrice × PricingQuantity hold exactly,
because the costs are calculated from the numbers shown in the row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal

from generator.months import Month, Span
from generator.university import Project

Charge = dict[str, str]
"""One row by column name; an absent column is null."""

_SMALLEST_PLAIN = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Sku:
    """One entry of a price list.

    price: list price of one `unit`, in USD. decimals: of the metered quantities.
    extra: the provider's own `x_` columns.
    """

    id: str
    service: str
    category: str
    subcategory: str
    description: str
    price: Decimal
    unit: str
    resource_type: str
    decimals: int = 4
    extra: Mapping[str, str] = field(default_factory=dict)

    def quantity(self, cost: Decimal) -> Decimal:
        """The quantity that costs about `cost` at list price."""
        return (cost / self.price).quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that costs money: its owner, its name, and its tags as in the file."""

    project: Project
    name: str
    tags: str


@dataclass(frozen=True, slots=True)
class Provider:
    """What the rows of one source have in common.

    columns: the order in the provider's own files. paid: the share of the list price that the university pays.
    sub_account: id and name of the account with a project's resources.
    """

    source: str
    name: str
    issuer: str
    billing_account: tuple[str, str, str]
    sub_account_type: str
    region: tuple[str, str]
    paid: Decimal
    no_tags: str
    columns: tuple[str, ...]
    invoice: Callable[[Month], str]
    sub_account: Callable[[Project], tuple[str, str]]
    resource_id: Callable[[Sku, Resource], str]

    def resource(self, project: Project, name: str) -> Resource:
        """A resource with the project's usual tags for this source."""
        tags = {} if self.source in project.untagged_in else project.tags()
        return Resource(project, name, self.tag_text(tags))

    def tag_text(self, tags: Mapping[str, str]) -> str:
        """Tags as the provider writes them."""
        return json.dumps(tags, ensure_ascii=False, separators=(",", ":")) if tags else self.no_tags


@dataclass(frozen=True, slots=True)
class Line:
    """What `usage` and its siblings need in addition to the amounts. `span` defaults to the whole month."""

    provider: Provider
    month: Month
    sku: Sku
    resource: Resource
    span: Span | None = None

    def on(self, day: int) -> Line:
        """The same on one day of the month."""
        return replace(self, span=self.month.day(day))


def number(value: Decimal) -> str:
    """A number without trailing zeros; below a millionth in E-notation, as providers write it."""
    if value and abs(value) < _SMALLEST_PLAIN:
        return str(value.normalize())
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def usage(line: Line, quantity: Decimal, paid: Decimal | None = None) -> Charge:
    """Metered usage of a resource. `paid` is the share of the list price that is paid; by default the provider's."""
    sku = line.sku
    return {
        **_common(line, "Usage", "Usage-Based", sku.description),
        **_priced(sku, quantity, line.provider.paid if paid is None else paid),
        **_of_resource(line),
        "ConsumedQuantity": number(quantity),
        "ConsumedUnit": sku.unit,
    }


def subscription(line: Line) -> Charge:
    """A plan bought month by month, without a resource."""
    return {
        **_common(line, "Purchase", "Recurring", line.sku.description),
        **_priced(line.sku, Decimal(1), line.provider.paid),
    }


def credit(line: Line, amount: Decimal, description: str) -> Charge:
    """A promotional credit. FOCUS requires its list cost to equal its billed cost: no other charge explains it."""
    return {
        **_common(line, "Credit", "One-Time", description),
        **_costs(listed=-amount, paid=-amount),
    }


def tax(line: Line, listed: Decimal, paid: Decimal, description: str) -> Charge:
    """A tax on a service: no quantity, price, SKU, resource, account or tags. `listed` is the tax on list prices."""
    charge = {
        **_common(line, "Tax", "One-Time", description),
        **_costs(listed=listed, paid=paid),
        "Tags": line.provider.no_tags,
    }
    for column in ("RegionId", "RegionName", "SubAccountId", "SubAccountName", "SubAccountType"):
        del charge[column]
    return charge


def correction(line: Line, listed: Decimal, description: str) -> Charge:
    """A refund for usage invoiced in the previous month."""
    paid = listed * line.provider.paid
    return {
        **_common(replace(line, span=line.month.previous.span), "Usage", "Usage-Based", description),
        **_costs(listed=-listed, paid=-paid),
        **_of_resource(line),
        "ChargeClass": "Correction",
    }


def _common(line: Line, category: str, frequency: str, description: str) -> Charge:
    provider, sku = line.provider, line.sku
    period = line.month.span
    span = line.span or period
    account_id, account_name, account_type = provider.billing_account
    sub_account_id, sub_account_name = provider.sub_account(line.resource.project)
    return {
        "BillingAccountId": account_id,
        "BillingAccountName": account_name,
        "BillingAccountType": account_type,
        "BillingCurrency": "USD",
        "BillingPeriodStart": period.start,
        "BillingPeriodEnd": period.end,
        "ChargePeriodStart": span.start,
        "ChargePeriodEnd": span.end,
        "ChargeCategory": category,
        "ChargeFrequency": frequency,
        "ChargeDescription": description,
        "InvoiceId": provider.invoice(line.month),
        "InvoiceIssuerName": provider.issuer,
        "ProviderName": provider.name,
        "PublisherName": provider.name,
        "RegionId": provider.region[0],
        "RegionName": provider.region[1],
        "ServiceCategory": sku.category,
        "ServiceSubcategory": sku.subcategory,
        "ServiceName": sku.service,
        "SubAccountId": sub_account_id,
        "SubAccountName": sub_account_name,
        "SubAccountType": provider.sub_account_type,
        "Tags": line.resource.tags,
    }


def _of_resource(line: Line) -> Charge:
    return {
        "ResourceId": line.provider.resource_id(line.sku, line.resource),
        "ResourceName": line.resource.name,
        "ResourceType": line.sku.resource_type,
        "SkuId": line.sku.id,
    }


def _priced(sku: Sku, quantity: Decimal, paid: Decimal) -> Charge:
    contracted_price = sku.price * paid
    return {
        **_costs(listed=sku.price * quantity, paid=contracted_price * quantity),
        "ListUnitPrice": number(sku.price),
        "ContractedUnitPrice": number(contracted_price),
        "PricingCategory": "Standard",
        "PricingQuantity": number(quantity),
        "PricingUnit": sku.unit,
        "SkuId": sku.id,
        "SkuPriceId": f"{sku.id}.STD",
        **sku.extra,
    }


def _costs(*, listed: Decimal, paid: Decimal) -> Charge:
    # Nothing is prepaid here: the contracted cost is both the billed and the effective cost.
    return {
        "BilledCost": number(paid),
        "EffectiveCost": number(paid),
        "ListCost": number(listed),
        "ContractedCost": number(paid),
    }
