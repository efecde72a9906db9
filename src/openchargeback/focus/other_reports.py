"""Cost reports of providers that are not FOCUS, recognized by their header, and the FOCUS export to use instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Azure names columns in the language of the account, with the English name in parentheses.
_ENGLISH = re.compile(r".*\((\w+)\)\s*")


@dataclass(frozen=True, slots=True)
class OtherReport:
    """A report that is not FOCUS.

    labels: columns that it has and FOCUS has not, in small letters; a header with `_ENOUGH` of them is this report.
    fix: which export to use instead.
    """

    name: str
    labels: frozenset[str]
    fix: str


_ENOUGH = 2
_AWS = "in AWS Billing and Cost Management, Data Exports, create an export of the table FOCUS 1.2 with AWS columns"
_AZURE = "in Azure Cost Management, Exports, create an export of the type Cost and usage details (FOCUS)"
_OCI = "in OCI, take the files below `FOCUS Reports/` of the bucket of cost reports"
_GCP = "in Google Cloud, switch on the FOCUS export to BigQuery, or query the detailed export with Google's FOCUS view"
_DATABRICKS = "convert system.billing.usage to FOCUS columns first: Databricks has no FOCUS export"


def _labels(text: str) -> frozenset[str]:
    return frozenset(text.split())


REPORTS = (
    # OCI's cost report names some columns like the AWS report, so it comes first.
    OtherReport(
        "an OCI cost report",
        _labels(
            "lineitem/referenceno lineitem/tenantid lineitem/intervalusagestart lineitem/intervalusageend "
            "product/compartmentid product/compartmentname cost/mycost cost/unitprice cost/currencycode "
            "usage/billedquantity lineitem/backreferenceno"
        ),
        _OCI,
    ),
    OtherReport(
        "an AWS Cost and Usage Report (CUR)",
        _labels(
            "identity/lineitemid identity/timeinterval bill/payeraccountid bill/billingperiodstartdate bill/invoiceid "
            "lineitem/usageaccountid lineitem/lineitemtype lineitem/unblendedcost lineitem/productcode"
        ),
        _AWS,
    ),
    OtherReport(
        "an AWS Cost and Usage Report 2.0 (CUR 2.0)",
        _labels(
            "identity_line_item_id identity_time_interval bill_payer_account_id bill_billing_period_start_date "
            "bill_invoice_id line_item_usage_account_id line_item_line_item_type line_item_unblended_cost "
            "line_item_product_code"
        ),
        _AWS,
    ),
    OtherReport(
        "an AWS detailed billing report",
        _labels("invoiceid payeraccountid linkedaccountid recordtype rateid pricingplanid blendedcost unblendedcost"),
        _AWS,
    ),
    OtherReport(
        "an Azure cost and usage export (actual or amortized cost)",
        _labels(
            "costinbillingcurrency costinpricingcurrency costinusd costinusdollars pretaxcost subscriptionguid "
            "meterid metercategory metersubcategory metername billingprofileid paygcostinbillingcurrency "
            "consumedservice effectiveprice offerid subscriptionname costcenter instanceid"
        ),
        _AZURE,
    ),
    OtherReport(
        "a Google Cloud billing export",
        _labels(
            "billing_account_id usage_start_time usage_end_time service.id service.description sku.id sku.description "
            "project.id project.name export_time cost_type usage.amount invoice.month cost_at_list"
        ),
        _GCP,
    ),
    OtherReport(
        "an export of Databricks' system.billing.usage",
        _labels(
            "record_id workspace_id sku_name usage_start_time usage_end_time usage_quantity usage_unit usage_metadata"
        ),
        _DATABRICKS,
    ),
)


def other_report(labels: Sequence[str]) -> OtherReport | None:
    """The report that a header without the columns of FOCUS belongs to: the one with the most of its labels."""
    found = {_plain(label) for label in labels}
    best = max(REPORTS, key=lambda report: len(report.labels & found))
    return best if len(best.labels & found) >= _ENOUGH else None


def _plain(label: str) -> str:
    english = _ENGLISH.fullmatch(label)
    return (english[1] if english else label).strip().casefold()
