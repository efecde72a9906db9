"""How some providers' files differ from FOCUS. Kept as data, since providers change their exports."""

from __future__ import annotations

from collections.abc import Collection

AZURE = "azure"
"""The `dialect` of a source with files from Azure Cost Management that lack the columns that would show it."""

_AZURE_COLUMNS = frozenset(
    {"x_BillingProfileId", "x_InvoiceSectionId", "x_PricingBlockSize", "x_ResourceGroupName", "x_SkuMeterCategory"}
)


def zero_list_is_null(columns: Collection[str], setting: str) -> bool:
    """Whether a ListCost of 0 means that there is no list price, as in the FOCUS exports of Azure Cost Management.

    columns: of the file, custom ones as spelled there. setting: `dialect` of the source, empty for none.
    """
    return setting == AZURE or not _AZURE_COLUMNS.isdisjoint(columns)


FOREIGN_VALUES = {
    ("ChargeCategory", "error"): (
        "Google's own FOCUS view writes error for the cost type rounding_error: write Adjustment there in the view, or "
        "use the FOCUS export of Cloud Billing to BigQuery"
    )
}
"""What to do about values of a provider that are not in FOCUS and have no safe reading, by column and folded value."""

BACK_REFERENCES = (("oci_BackReferenceNumber", "oci_ReferenceNumber"),)
"""Columns by which a correction names the charge it corrects: the referring one and the one referred to."""
