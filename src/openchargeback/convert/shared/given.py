"""Costs of the config as rows of FOCUS 1.3."""

from __future__ import annotations

import datetime as dt

from openchargeback import money
from openchargeback.convert.settings import Settings
from openchargeback.convert.shared.settings import Cost, Pool

_PROVIDERS = ("InvoiceIssuerName", "ProviderName", "PublisherName", "ServiceProviderName")
_NULL = ("ChargeClass", "HostProviderName", "ConsumedQuantity", "ConsumedUnit")
"""Columns without a value here, which FOCUS wants all the same."""


def given_cells(settings: Settings, pool: Pool, cost: Cost, period: str) -> dict[str, str | None]:
    """A cost of the config as a row: a recurring purchase of one month, whose price is the cost."""
    sku = f"shared.{pool.id}"
    return {
        **_times(period),
        **_amounts(cost),
        "ChargeCategory": "Purchase",
        "ChargeFrequency": "Recurring",
        "ChargeDescription": cost.name,
        "BillingAccountId": settings.billing_account,
        "BillingAccountName": settings.billing_account,
        "BillingAccountType": "Billing Account",
        "BillingCurrency": settings.currency,
        **dict.fromkeys(_PROVIDERS, settings.provider),
        "ServiceCategory": cost.category,
        "ServiceSubcategory": f"Other ({cost.category})",
        "ServiceName": settings.service,
        "SkuId": sku,
        "SkuPriceId": sku,
        "SkuMeter": "Shared cost",
        "ResourceId": cost.name,
        "ResourceName": cost.name,
        "ResourceType": "Shared Cost",
        "Tags": "{}",
        **dict.fromkeys(_NULL),
    }


def _times(period: str) -> dict[str, str]:
    first = dt.date.fromisoformat(f"{period}-01")
    after = (first + dt.timedelta(days=31)).replace(day=1)
    start, end = (f"{day.isoformat()}T00:00:00Z" for day in (first, after))
    kinds = ("Billing", "Charge")
    return {f"{kind}PeriodStart": start for kind in kinds} | {f"{kind}PeriodEnd": end for kind in kinds}


def _amounts(cost: Cost) -> dict[str, str]:
    amount = money.exact(cost.amount)
    listed = amount if cost.list is None else money.exact(cost.list)
    names = ("BilledCost", "ContractedCost", "ContractedUnitPrice", "EffectiveCost")
    return {
        **dict.fromkeys(names, amount),
        "ListCost": listed,
        "ListUnitPrice": listed,
        "PricingCategory": "Standard",
        "PricingQuantity": "1",
        "PricingUnit": "Months",
    }
