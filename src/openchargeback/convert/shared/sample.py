"""Inputs for the example config: a charge file with a node of a cluster, OpenCost's table, hours of a license."""

from __future__ import annotations

_TIMES = "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"
_ROW = {
    "BilledCost": "310",
    "BillingAccountId": "123456789012",
    "BillingAccountName": "Northfield University",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": _TIMES[1],
    "BillingPeriodStart": _TIMES[0],
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeDescription": "On Demand Linux instance",
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": _TIMES[1],
    "ChargePeriodStart": _TIMES[0],
    "ConsumedQuantity": "744",
    "ConsumedUnit": "Hours",
    "ContractedCost": "310",
    "ContractedUnitPrice": "",
    "EffectiveCost": "310",
    "InvoiceIssuerName": "AWS",
    "ListCost": "372",
    "ListUnitPrice": "0.5",
    "PricingCategory": "Standard",
    "PricingQuantity": "744",
    "PricingUnit": "Hours",
    "ProviderName": "AWS",
    "PublisherName": "AWS",
    "ResourceId": "i-0b1c22",
    "ResourceName": "k8s-node-1",
    "ResourceType": "Instance",
    "ServiceCategory": "Compute",
    "ServiceName": "Amazon Elastic Compute Cloud",
    "ServiceSubcategory": "Virtual Machines",
    "SkuId": "SKU1",
    "SkuMeter": "BoxUsage",
    "SkuPriceId": "SKU1.1",
    "SubAccountId": "210987654321",
    "SubAccountName": "Research clusters",
    "SubAccountType": "Account",
    "Tags": '"{""project_id"": ""rc-shared"", ""cluster"": ""research""}"',
}

SAMPLES = {
    "aws.csv": f"{','.join(_ROW)}\n{','.join(_ROW.values())}\n",
    "opencost-2025-01.csv": "Date,Namespace,ControllerKind,ControllerName,Pod,Container,CPUCost,RAMCost,TotalCost\n"
    "2025-01-05,astro,deployment,web,web-1,main,3.25,1.5,4.75\n"
    "2025-01-06,bio,job,align,align-7,main,1.5,4.25,5.75\n"
    "2025-01-06,__idle__,,,,,4,2,6\n",
    "license.csv": "group,hours\nastro,12.5\nbio,37.25\n",
}
