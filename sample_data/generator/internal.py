"""What Research Computing's own two sources have in common: column order, accounts, region, invoices."""

from __future__ import annotations

from decimal import Decimal

from generator.focus import Provider, Resource, Sku
from generator.months import Month
from generator.university import Project

_NAME = "Northfield Research Computing"

# In the order in which a person reads a row: when, what, whose, how much, at what price.
COLUMNS = (
    "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass",
    "ChargeFrequency", "ChargeDescription", "ServiceCategory", "ServiceSubcategory", "ServiceName", "ResourceId",
    "ResourceName", "ResourceType", "SubAccountId", "SubAccountName", "SubAccountType", "SkuId", "SkuPriceId",
    "PricingCategory", "PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit", "ListUnitPrice",
    "ContractedUnitPrice", "ListCost", "ContractedCost", "BilledCost", "EffectiveCost", "BillingCurrency",
    "BillingAccountId", "BillingAccountName", "BillingAccountType", "InvoiceId", "InvoiceIssuerName", "ProviderName",
    "PublisherName", "RegionId", "RegionName", "Tags",
)  # fmt: skip


def _sub_account(project: Project) -> tuple[str, str]:
    return f"group/{project.lab}", project.lab


def _resource_id(sku: Sku, resource: Resource) -> str:
    return f"{sku.resource_type.lower().replace(' ', '-')}/{resource.name}"


def provider(source: str, account: str, paid: Decimal) -> Provider:
    """The source named `source`, which bills through `account` and charges `paid` of the list price."""

    def invoice(month: Month) -> str:
        return f"{account}-{month}"

    return Provider(
        source=source,
        name=_NAME,
        issuer=_NAME,
        billing_account=(account, _NAME, "Service Center"),
        sub_account_type="Research Group",
        region=("northfield-1", "Northfield Data Center 1"),
        paid=paid,
        no_tags="",
        columns=COLUMNS,
        invoice=invoice,
        sub_account=_sub_account,
        resource_id=_resource_id,
    )
