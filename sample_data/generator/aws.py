"""Amazon Web Services: the management account pays for all; each lab has a linked account; 9% below list price."""

from __future__ import annotations

from decimal import Decimal

from generator import noise
from generator.focus import Provider, Resource, Sku
from generator.months import Month
from generator.spending import Gift, Planted, Source, Use
from generator.university import Project

_EC2 = "Amazon Elastic Compute Cloud"
_EBS = "Amazon Elastic Block Store"
_S3 = "Amazon Simple Storage Service"
_SAGEMAKER = "Amazon SageMaker"

COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency",
    "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
    "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
    "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId", "RegionName",
    "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId",
    "SkuPriceId", "SubAccountId", "SubAccountName", "SubAccountType", "Tags", "x_Discounts", "x_Operation",
    "x_ServiceCode", "x_UsageType",
)  # fmt: skip

_SUB_ACCOUNTS = {
    "okafor-lab": "210487336195",
    "halvorsen-group": "318840275561",
    "zhao-group": "427719630048",
    "fernandez-lab": "530266184907",
    "wisniewski-lab": "604915827730",
    "raghunathan-lab": "718203964452",
    "asante-group": "825537410986",
    "beaumont-lab": "839164720553",
    "tanemura-lab": "871340925617",
    "haddad-group": "902658137744",
    "sky-survey": "914477205836",  # named in ledger/directory/projects.yaml
    "vanderberg-group": "926031584479",
    "delgado-lab": "947782016335",
    "research-computing": "100200300400",
}

_ARNS = {
    "Instance": ("ec2", "instance/i-0"),
    "Volume": ("ec2", "volume/vol-0"),
    "Notebook Instance": ("sagemaker", "notebook-instance/nb-"),
    "DB Instance": ("rds", "db/db-"),
    "Workgroup": ("athena", "workgroup/wg-"),
    "Function": ("lambda", "function/fn-"),
}


def _sub_account(project: Project) -> tuple[str, str]:
    return _SUB_ACCOUNTS[project.lab], project.lab


def _resource_id(sku: Sku, resource: Resource) -> str:
    if sku.resource_type == "Bucket":
        return f"arn:aws:s3:::northfield-{resource.name}"
    service, path = _ARNS[sku.resource_type]
    account, _ = _sub_account(resource.project)
    return f"arn:aws:{service}:us-east-2:{account}:{path}{noise.hexadecimal(16, 'aws', resource.name)}"


def _invoice(month: Month) -> str:
    return noise.digits(10, "aws invoice", month)


def _extra(operation: str, code: str, usage_type: str) -> dict[str, str]:
    return {"x_Discounts": '{"EDP":"0.09"}', "x_Operation": operation, "x_ServiceCode": code, "x_UsageType": usage_type}


def _instance(sku: str, price: str, size: str, *, gpu: bool = False) -> Sku:
    what = f"{size} GPU" if gpu else size
    description = f"${price} per On Demand Linux {what} Instance Hour"
    extra = _extra("RunInstances", "AmazonEC2", f"USE2-BoxUsage:{size}")
    subcategory = "Virtual Machines"
    return Sku(sku, _EC2, "Compute", subcategory, description, Decimal(price), "Hours", "Instance", extra=extra)


def _bucket(sku: str, price: str, unit: str, what: str, usage_type: str, decimals: int) -> Sku:
    extra = _extra("StandardStorage" if decimals else "PutObject", "AmazonS3", f"USE2-{usage_type}")
    description = f"${price} per {what}"
    return Sku(sku, _S3, "Storage", "Object Storage", description, Decimal(price), unit, "Bucket", decimals, extra)


_SKUS = (
    _instance("EC2-M6I", "0.384", "m6i.2xlarge"),
    _instance("EC2-R6I", "1.008", "r6i.4xlarge"),
    _instance("EC2-C6I", "1.36", "c6i.8xlarge"),
    _instance("EC2-P4D", "32.77", "p4d.24xlarge", gpu=True),
    Sku(
        "EBS-GP3", _EBS, "Storage", "Block Storage", "$0.08 per GB-month of General Purpose (gp3) provisioned storage",
        Decimal("0.08"), "GB-Months", "Volume",
        extra=_extra("CreateVolume-Gp3", "AmazonEC2", "USE2-EBS:VolumeUsage.gp3"),
    ),
    _bucket("S3-STD", "0.023", "GB-Months", "GB - first 50 TB / month of storage used", "TimedStorage-ByteHrs", 4),
    _bucket("S3-PUT", "0.000005", "Requests", "PUT, COPY, POST, or LIST request", "Requests-Tier1", 0),
    Sku(
        "SM-G5", _SAGEMAKER, "AI and Machine Learning", "Machine Learning", "$1.515 per Notebook ml.g5.2xlarge hour",
        Decimal("1.515"), "Hours", "Notebook Instance",
        extra=_extra("RunInstance", "AmazonSageMaker", "USE2-Notebk:ml.g5.2xlarge"),
    ),
    Sku(
        "RDS-R6G", "Amazon Relational Database Service", "Databases", "Relational Databases",
        "$0.26 per RDS db.r6g.large Single-AZ instance hour running PostgreSQL", Decimal("0.26"), "Hours",
        "DB Instance", extra=_extra("CreateDBInstance:0014", "AmazonRDS", "USE2-InstanceUsage:db.r6g.large"),
    ),
    Sku(
        "ATH-SCAN", "Amazon Athena", "Analytics", "Data Processing", "$5.00 per Terabyte of data scanned",
        Decimal(5), "TB", "Workgroup", 6, _extra("SELECT", "AmazonAthena", "USE2-DataScannedInTB"),
    ),
    Sku(
        "LMB-REQ", "AWS Lambda", "Compute", "Serverless Compute", "$0.0000002 per Request",
        Decimal("0.0000002"), "Requests", "Function", 0, _extra("Invoke", "AWSLambda", "USE2-Request"),
    ),
    Sku(
        "DT-OUT", "AWS Data Transfer", "Networking", "Other (Networking)",
        "$0.09 per GB - first 10 TB / month data transfer out", Decimal("0.09"), "GB", "Instance",
        extra=_extra("RunInstances", "AWSDataTransfer", "USE2-DataTransfer-Out-Bytes"),
    ),
    Sku(
        "SUPPORT", "AWS Support", "Management and Governance", "Support", "AWS Support (Business), monthly",
        Decimal(900), "Months", "", extra=_extra("", "AWSSupportBusiness", "Dollar"),
    ),
)  # fmt: skip

_USES = (
    Use("genomics-sequencing", "EC2-R6I", "3800", 8),
    Use("genomics-sequencing", "S3-STD", "3100", 5),
    Use("genomics-sequencing", "S3-PUT", "42", 5),
    Use("genomics-sequencing", "EBS-GP3", "500", 4),
    Use("genomics-sequencing", "DT-OUT", "380", 2),
    Use("single-cell-atlas", "EC2-R6I", "1500", 4),
    Use("single-cell-atlas", "S3-STD", "900", 2),
    Use("single-cell-atlas", "SM-G5", "900", 2),
    Use("microbiome-survey", "S3-STD", "450", 2),
    Use("microbiome-survey", "ATH-SCAN", "120"),
    Use("climate-model", "EC2-C6I", "3000", 5),
    Use("climate-model", "S3-STD", "1800", 3),
    Use("climate-model", "DT-OUT", "600", 2),
    Use("glacier-mass", "S3-STD", "350", 2),
    Use("glacier-mass", "LMB-REQ", "0.0000012", 2),
    Use("glacier-mass", "S3-PUT", "0.02", 2),
    Use("drug-binding", "EC2-C6I", "1900", 4),
    Use("drug-binding", "EBS-GP3", "200", 2),
    Use("drug-binding", "S3-STD", "150"),
    Use("catalysis-screening", "EC2-C6I", "700", 2),
    Use("language-models", "SM-G5", "3300", 5),
    Use("language-models", "EC2-R6I", "1200", 3),
    Use("language-models", "S3-STD", "700", 2),
    Use("network-measurement", "EC2-M6I", "200", 1, daily=True),
    Use("network-measurement", "LMB-REQ", "3.1", 1, daily=True),
    Use("network-measurement", "EC2-C6I", "620", 1),
    Use("network-measurement", "DT-OUT", "400", 2),
    Use("network-measurement", "S3-STD", "300"),
    Use("protein-folding", "EC2-C6I", "3000", 5),
    Use("protein-folding", "EBS-GP3", "400", 3),
    Use("protein-folding", "S3-STD", "600", 2),
    Use("cardiac-imaging", "SM-G5", "800", 2),
    Use("cardiac-imaging", "S3-STD", "500", 2),
    Use("labor-markets", "RDS-R6G", "420", 3),
    Use("labor-markets", "ATH-SCAN", "160"),
    Use("labor-markets", "S3-STD", "60"),
    Use("endangered-speech", "SM-G5", "350"),
    Use("endangered-speech", "S3-STD", "180"),
    Use("battery-interfaces", "EC2-C6I", "1100", 2),
    Use("battery-interfaces", "S3-STD", "120"),
    Use("epi-forecasting", "EC2-M6I", "430", 3),
    Use("epi-forecasting", "RDS-R6G", "380", 3),
    Use("epi-forecasting", "ATH-SCAN", "90"),
    Use("sky-survey", "S3-STD", "2200", 4),
    Use("sky-survey", "EC2-R6I", "1600", 4),
    Use("sky-survey", "ATH-SCAN", "240", 2),
    Use("exoplanet-transits", "EC2-M6I", "500", 3),
    Use("exoplanet-transits", "S3-STD", "250", 2),
    Use("forest-carbon", "S3-STD", "420", 2),
    Use("forest-carbon", "EC2-M6I", "380", 2),
    Use("rc-shared", "EC2-M6I", "300", 2),
    Use("rc-shared", "S3-STD", "40"),
)

_NO_FUND = {"fund_org": None}
_NO_PROJECT = {"project_id": None}

_PLANTED = (
    # History, decided in ledger/approvals: a GPU burst of 100 hours.
    Planted(
        "2024-11", "protein-folding", "EC2-P4D", "protein-folding-burst", "20", {"request_id": "REQ-118"},
        days=(18, 19, 20, 21, 22),
    ),
    # pattern:gpu
    Planted(
        "2025-01", "protein-folding", "EC2-P4D", "protein-folding-burst", "24", {"request_id": "REQ-142"},
        days=(14, 15, 16, 17),
    ),
    Planted("2025-12", "protein-folding", "EC2-P4D", "protein-folding-burst", "21.5", days=(9, 10, 11)),
    # missing-fund: two grants pay for the project, so the directory cannot tell which one.
    Planted("2025-01", "genomics-sequencing", "S3-STD", "genomics-intake-01", "6120.5", _NO_FUND),
    Planted("2025-01", "genomics-sequencing", "S3-STD", "genomics-intake-02", "3207.25", _NO_FUND),
    Planted("2025-12", "genomics-sequencing", "EBS-GP3", "genomics-scratch-09", "2048", _NO_FUND),
    # missing-project
    Planted("2025-01", "language-models", "EC2-R6I", "workshop-2025", "171.25", _NO_PROJECT),
    Planted("2025-12", "drug-binding", "EC2-C6I", "docking-test", "144.5", _NO_PROJECT),
    # malformed-tags: a spreadsheet truncated the cell.
    Planted(
        "2025-01", "single-cell-atlas", "EC2-R6I", "atlas-rstudio", "96.75",
        raw_tags='{"pi_email":"ada.okafor@example.edu","project_id":"single-cell-',
    ),
    # possible-duplicate: two equal rows.
    Planted("2025-01", "cardiac-imaging", "S3-STD", "cardiac-imaging-export", "4150", copies=2),
    # above-list: a marketplace image adds to the price of the instance.
    Planted("2025-12", "exoplanet-transits", "EC2-M6I", "exoplanet-matlab", "310", paid=Decimal("1.15")),
    # unusual-amount: flu season requires many more forecasts than the months before.
    *(
        Planted("2025-12", "epi-forecasting", "EC2-C6I", f"epi-surge-{number:02d}", "24", days=tuple(range(3, 14)))
        for number in range(1, 7)
    ),
)  # fmt: skip

SOURCE = Source(
    provider=Provider(
        source="aws",
        name="AWS",
        issuer="Amazon Web Services, Inc.",
        billing_account=("100200300400", "Northfield University Management", "Management Account"),
        sub_account_type="Member Account",
        region=("us-east-2", "US East (Ohio)"),
        paid=Decimal("0.91"),
        no_tags="{}",
        columns=COLUMNS,
        invoice=_invoice,
        sub_account=_sub_account,
        resource_id=_resource_id,
    ),
    skus=_SKUS,
    uses=_USES,
    planted=_PLANTED,
    plans=("SUPPORT",),
    credits=tuple(
        Gift(month, "climate-model", "EC2-C6I", amount, "AWS Cloud Credit for Research")
        for month, amount in (("2024-11", "750"), ("2024-12", "750"), ("2025-01", "750"), ("2025-12", "1000"))
    ),
    refunds=(Gift("2025-01", "drug-binding", "EC2-C6I", "184.96", "Refund: capacity outage on 12 December 2024"),),
    taxed=("DT-OUT", "RDS-R6G"),
    tax_rate=Decimal("0.0575"),
)
