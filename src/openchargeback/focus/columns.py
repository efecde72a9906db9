"""The columns of FOCUS 1.0 to 1.4 by name and type, and what earlier versions and other exports call them.

Source: the column definitions of the FinOps Open Cost and Usage Specification, focus.finops.org.
"""

from __future__ import annotations

_DECIMALS = [
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "PricingQuantity",
    "ConsumedQuantity",
    "ContractedUnitPrice",
    "ListUnitPrice",
    "CommitmentDiscountQuantity",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
]

_DATE_TIMES = ["BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"]

_JSON = ["Tags", "SkuPriceDetails", "AllocatedTags", "AllocatedMethodDetails", "CommitmentProgramEligibilityDetails"]

_STRINGS = [
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AvailabilityZone",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedUnit",
    "ContractApplied",
    "HostProviderName",
    "InvoiceDetailId",
    "InvoiceId",
    "InvoiceIssuerName",
    "PricingCategory",
    "PricingCurrency",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
]

COLUMNS: dict[str, str] = {
    **dict.fromkeys(_DECIMALS, "decimal"),
    **dict.fromkeys(_DATE_TIMES, "datetime"),
    **dict.fromkeys(_JSON, "json"),
    **dict.fromkeys(_STRINGS, "string"),
}
"""Every FOCUS column with its type: decimal, datetime, json or string."""

OLDER_NAMES = {
    "AmortizedCost": "EffectiveCost",
    "ChargeType": "ChargeCategory",
    "InvoiceIssuer": "InvoiceIssuerName",
    "Provider": "ProviderName",
    "Publisher": "PublisherName",
    "Region": "RegionId",
    "UsageQuantity": "ConsumedQuantity",
    "UsageUnit": "ConsumedUnit",
}
"""Names of FOCUS 0.5, 1.0-preview and the older OCI export, with today's name."""

CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
"""Allowed values of ChargeCategory (FOCUS 1.2)."""

SIMPLE_COLUMNS = (
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ListCost",
    "ContractedCost",
    "BilledCost",
    "EffectiveCost",
    "ResourceId",
    "ResourceName",
    "ServiceName",
    "Tags",
)
"""The simple dialect of research groups: whole days, ends inclusive, no currency, category or account."""

_FOLDED = {name.casefold(): name for name in (*COLUMNS, *OLDER_NAMES)}


def canonical_name(label: str) -> str:
    """The FOCUS column that a header label stands for; a label that is none comes back trimmed.

    Case and blanks are forgiven, and names of older versions are mapped.
    """
    trimmed = label.strip()
    known = _FOLDED.get(trimmed.casefold(), trimmed)
    return OLDER_NAMES.get(known, known)


def dialect_of(columns: list[str]) -> str:
    """`simple` for the research groups' twelve columns or fewer, else `focus`."""
    return "simple" if set(columns) <= set(SIMPLE_COLUMNS) else "focus"
