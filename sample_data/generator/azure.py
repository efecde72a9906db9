"""Microsoft Azure: one billing profile, a subscription for each lab, 6% below list price."""

from __future__ import annotations

from decimal import Decimal

from generator import noise
from generator.focus import Provider, Resource, Sku
from generator.months import Month
from generator.spending import Gift, Planted, Source, Use
from generator.university import Project

_VM = "Virtual Machines"
_BLOB = "Azure Blob Storage"

COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency",
    "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
    "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
    "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId", "RegionName",
    "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId",
    "SkuPriceId", "SubAccountId", "SubAccountName", "SubAccountType", "Tags", "x_PricingSubcategory",
    "x_SkuMeterCategory", "x_SkuMeterName", "x_SkuServiceFamily",
)  # fmt: skip

_SUBSCRIPTIONS = {
    # The one named in ledger/directory/projects.yaml.
    "health-records": "/subscriptions/6f1d2a90-58c3-4b7e-9a41-0c2e7d95b813",
}

_TYPES = {
    "Virtual machine": "Microsoft.Compute/virtualMachines",
    "Storage account": "Microsoft.Storage/storageAccounts",
    "SQL database": "Microsoft.Sql/servers/northfield/databases",
    "Machine learning workspace": "Microsoft.MachineLearningServices/workspaces",
    "Azure Databricks service": "Microsoft.Databricks/workspaces",
    "Azure OpenAI account": "Microsoft.CognitiveServices/accounts",
    "Log analytics workspace": "Microsoft.OperationalInsights/workspaces",
    "Public IP address": "Microsoft.Network/publicIPAddresses",
}


def _sub_account(project: Project) -> tuple[str, str]:
    name = project.lab
    return _SUBSCRIPTIONS.get(name, f"/subscriptions/{noise.guid('azure subscription', name)}"), name


def _resource_id(sku: Sku, resource: Resource) -> str:
    subscription, _ = _sub_account(resource.project)
    group = f"rg-{resource.project.id}"
    return f"{subscription}/resourceGroups/{group}/providers/{_TYPES[sku.resource_type]}/{resource.name}"


def _invoice(month: Month) -> str:
    return f"G{noise.digits(9, 'azure invoice', month)}"


def _meter(category: str, name: str, family: str) -> dict[str, str]:
    return {
        "x_PricingSubcategory": "Standard",
        "x_SkuMeterCategory": category,
        "x_SkuMeterName": name,
        "x_SkuServiceFamily": family,
    }


def _machine(sku: str, size: str, price: str) -> Sku:
    extra = _meter(_VM, size, "Compute")
    subcategory, description = "Virtual Machines", f"{_VM} {size} - US East 2"
    return Sku(sku, _VM, "Compute", subcategory, description, Decimal(price), "Hours", "Virtual machine", extra=extra)


_SKUS = (
    _machine("VM-D8SV5", "D8s v5", "0.384"),
    _machine("VM-E16SV5", "E16s v5", "1.008"),
    Sku(
        "BLOB-HOT", _BLOB, "Storage", "Object Storage", "Tiered Block Blob - Hot LRS Data Stored", Decimal("0.0184"),
        "GB-Months", "Storage account", extra=_meter("Storage", "Hot LRS Data Stored", "Storage"),
    ),
    Sku(
        "BLOB-READ", _BLOB, "Storage", "Object Storage", "Tiered Block Blob - All Other Operations",
        Decimal("0.0000004"), "Requests", "Storage account", 0, _meter("Storage", "Hot Read Operations", "Storage"),
    ),
    Sku(
        "SQL-VCORE", "Azure SQL Database", "Databases", "Relational Databases",
        "General Purpose - Compute Gen5 - vCore", Decimal("0.2525"), "vCore-Hours", "SQL database",
        extra=_meter("SQL Database", "vCore", "Databases"),
    ),
    Sku(
        "AML-NC6", "Azure Machine Learning", "AI and Machine Learning", "Machine Learning", "Training cluster NC6s v3",
        Decimal("3.06"), "Hours", "Machine learning workspace",
        extra=_meter("Azure Machine Learning", "NC6s v3", "AI + Machine Learning"),
    ),
    Sku(
        "ADB-DBU", "Azure Databricks", "Analytics", "Data Processing", "Standard Jobs Compute DBU",
        Decimal("0.15"), "DBUs", "Azure Databricks service", extra=_meter("Azure Databricks", "Jobs DBU", "Analytics"),
    ),
    Sku(
        "AOAI-TOK", "Azure OpenAI Service", "AI and Machine Learning", "Generative AI", "Input tokens, regional",
        Decimal("0.0000025"), "Tokens", "Azure OpenAI account", 0,
        _meter("Cognitive Services", "Input Tokens", "AI + Machine Learning"),
    ),
    Sku(
        "MON-LOG", "Azure Monitor", "Management and Governance", "Observability", "Analytics Logs Data Ingestion",
        Decimal("2.30"), "GB", "Log analytics workspace",
        extra=_meter("Log Analytics", "Data Ingestion", "Management and Governance"),
    ),
    Sku(
        "BW-OUT", "Bandwidth", "Networking", "Other (Networking)", "Standard Data Transfer Out", Decimal("0.087"), "GB",
        "Public IP address", extra=_meter("Bandwidth", "Data Transfer Out", "Networking"),
    ),
    Sku(
        "SUP-STD", "Azure Support", "Management and Governance", "Support", "Standard support plan, monthly",
        Decimal(100), "Months", "", extra=_meter("Support", "Standard", "Other"),
    ),
)  # fmt: skip

_USES = (
    Use("health-records", "VM-E16SV5", "2400", 4),
    Use("health-records", "SQL-VCORE", "1500", 3),
    Use("health-records", "BLOB-HOT", "600", 2),
    Use("health-records", "MON-LOG", "140"),
    Use("cardiac-imaging", "AML-NC6", "1500", 4),
    Use("cardiac-imaging", "BLOB-HOT", "700", 3),
    Use("cardiac-imaging", "BLOB-READ", "0.9", 3),
    Use("labor-markets", "ADB-DBU", "1200", 3),
    Use("labor-markets", "BLOB-HOT", "150"),
    Use("trade-networks", "VM-D8SV5", "800", 4),
    Use("trade-networks", "SQL-VCORE", "400"),
    Use("endangered-speech", "AOAI-TOK", "650", 1, daily=True),
    Use("endangered-speech", "BLOB-HOT", "120"),
    Use("epi-forecasting", "VM-D8SV5", "900", 4),
    Use("epi-forecasting", "SQL-VCORE", "300"),
    Use("alloy-design", "VM-E16SV5", "1000", 2),
    Use("language-models", "AOAI-TOK", "1400", 3),
    Use("quantum-dots", "VM-D8SV5", "450", 2),
    Use("forest-carbon", "ADB-DBU", "400", 2),
    Use("forest-carbon", "BLOB-HOT", "260"),
    Use("forest-carbon", "BLOB-READ", "0.003"),
    Use("coral-reef-survey", "VM-D8SV5", "250", 1, months=("2024-11",)),
    Use("rc-shared", "MON-LOG", "60"),
    Use("rc-shared", "BW-OUT", "40"),
)

_PLANTED = (
    # History, rejected in ledger/approvals: the same row twice.
    Planted("2024-11", "alloy-design", "VM-E16SV5", "alloy-design-notebook", "187.5", copies=2),
    # unknown-project: misspelled, so only its tags say anything about it.
    Planted("2025-01", "exoplanet-transits", "VM-D8SV5", "transit-fit", "412.75", {"project_id": "exoplanet-transit"}),
    Planted("2025-12", "battery-interfaces", "VM-D8SV5", "electrolyte", "365", {"project_id": "batery-interfaces"}),
    # invalid-fund: matches no pattern.
    Planted("2025-01", "catalysis-screening", "SQL-VCORE", "catalysis-results", "744", {"fund_org": "CHM 4410"}),
    Planted("2025-12", "quantum-dots", "VM-D8SV5", "dots-dashboard", "402.5", {"fund_org": "to be announced"}),
    # expired-project: it ended on 31 December 2024.
    Planted("2025-01", "coral-reef-survey", "VM-D8SV5", "coral-reef-survey-vm-d8sv5-01", "698.25"),
    # above-list: a surcharge on the list price.
    Planted("2025-01", "forest-carbon", "ADB-DBU", "forest-carbon-photon", "980.5", paid=Decimal("1.2")),
    # malformed-tags: not JSON at all.
    Planted(
        "2025-12", "labor-markets", "VM-D8SV5", "census-linkage", "288.5", raw_tags="pi=kwabena.asante; ECON-15-008"
    ),
)

SOURCE = Source(
    provider=Provider(
        source="azure",
        name="Microsoft",
        issuer="Microsoft",
        billing_account=(
            "/providers/Microsoft.Billing/billingAccounts/7714305/billingProfiles/NU-RC",
            "Northfield University",
            "Billing Profile",
        ),
        sub_account_type="Subscription",
        region=("eastus2", "East US 2"),
        paid=Decimal("0.94"),
        no_tags="",
        columns=COLUMNS,
        invoice=_invoice,
        sub_account=_sub_account,
        resource_id=_resource_id,
    ),
    skus=_SKUS,
    uses=_USES,
    planted=_PLANTED,
    plans=("SUP-STD",),
    refunds=(Gift("2025-12", "trade-networks", "VM-D8SV5", "96.5", "Refund: service level agreement, November 2025"),),
    taxed=("AOAI-TOK", "BW-OUT"),
    tax_rate=Decimal("0.0575"),
)
