"""Research storage: the university pays half of the list price."""

from __future__ import annotations

from decimal import Decimal

from generator.focus import Sku
from generator.internal import provider
from generator.spending import Planted, Source, Use


def _tier(sku: str, service: str, price: str, subcategory: str) -> Sku:
    description = f"{service}, average of the month"
    return Sku(sku, service, "Storage", subcategory, description, Decimal(price), "TB-Months", "Share")


_SKUS = (
    _tier("PROJECT", "Research Storage", "8", "File Storage"),
    _tier("PROTECTED", "Protected Research Storage", "14", "File Storage"),
    _tier("ARCHIVE", "Research Archive", "2.5", "Backup Storage"),
)

_USES = (
    Use("genomics-sequencing", "PROJECT", "1600", 3),
    Use("genomics-sequencing", "ARCHIVE", "400", 2),
    Use("single-cell-atlas", "PROJECT", "900", 2),
    Use("microbiome-survey", "PROJECT", "250"),
    Use("climate-model", "PROJECT", "1300", 4),
    Use("climate-model", "ARCHIVE", "300", 2),
    Use("glacier-mass", "PROJECT", "350", 2),
    Use("lattice-qcd", "PROJECT", "600", 2),
    Use("quantum-dots", "PROJECT", "90"),
    Use("plasma-jets", "PROJECT", "260", 2),
    Use("catalysis-screening", "PROJECT", "170"),
    Use("drug-binding", "PROJECT", "200", 2),
    Use("language-models", "PROJECT", "500", 2),
    Use("network-measurement", "PROJECT", "160"),
    Use("protein-folding", "PROJECT", "400", 2),
    Use("cardiac-imaging", "PROJECT", "700", 2),
    Use("cardiac-imaging", "PROTECTED", "300"),
    Use("endangered-speech", "PROJECT", "300", 2),
    Use("labor-markets", "PROJECT", "45"),
    Use("trade-networks", "PROJECT", "60"),
    Use("alloy-design", "PROJECT", "150", 2),
    Use("battery-interfaces", "PROJECT", "120"),
    Use("epi-forecasting", "PROJECT", "150"),
    Use("health-records", "PROTECTED", "800", 2),
    Use("sky-survey", "PROJECT", "1400", 4),
    Use("sky-survey", "ARCHIVE", "350", 2),
    Use("exoplanet-transits", "PROJECT", "250", 2),
    Use("forest-carbon", "PROJECT", "300", 2),
    Use("coral-reef-survey", "PROJECT", "80", 1, months=("2024-11",)),
    Use("rc-shared", "PROJECT", "35"),
)

_NO_FUND = {"fund_org": None}
_FUND_ONLY = {"pi_email": None, "project_id": None, "grant_number": None}

_PLANTED = (
    # History, reassigned in ledger/approvals: two grants pay for genomics, so it needs its fund tag.
    Planted("2024-12", "genomics-sequencing", "PROJECT", "genomics-run-0412", "31.25", _NO_FUND),
    Planted("2024-12", "genomics-sequencing", "PROJECT", "genomics-run-0413", "27.5", _NO_FUND),
    # missing-fund
    Planted("2025-01", "genomics-sequencing", "PROJECT", "genomics-run-0501", "42.125", _NO_FUND),
    Planted("2025-12", "genomics-sequencing", "PROJECT", "genomics-run-0612", "39.4", _NO_FUND),
    # missing-pi and missing-project: an old share with only a fund.
    Planted("2025-01", "alloy-design", "PROJECT", "legacy-materials", "18.6", _FUND_ONLY),
    Planted("2025-12", "alloy-design", "PROJECT", "legacy-materials", "18.9", _FUND_ONLY),
    # possible-duplicate
    Planted("2025-12", "glacier-mass", "PROJECT", "glacier-dem-2025", "12.75", copies=2),
    # The shares of plasma-jets in 2025-12 are also expired-project: its data outlived it.
)

SOURCE = Source(provider("storage", "RC-STOR", Decimal("0.5")), _SKUS, _USES, _PLANTED)
