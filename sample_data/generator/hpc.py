"""The university's cluster: the list price shows the value of the work; the university pays all of it."""

from __future__ import annotations

from decimal import Decimal

from generator.focus import Sku
from generator.internal import provider
from generator.spending import Planted, Source, Use


def _partition(sku: str, service: str, what: str, price: str, unit: str) -> Sku:
    return Sku(sku, service, "Compute", "Other (Compute)", what, Decimal(price), unit, "Allocation")


_SKUS = (
    _partition("CPU", "HPC Compute", "Cluster partition cpu", "0.012", "Core-Hours"),
    _partition("HIMEM", "HPC Compute", "Cluster partition himem", "0.021", "Core-Hours"),
    _partition("GPU", "HPC GPU", "Cluster partition gpu (A100)", "0.85", "GPU-Hours"),
)

_USES = (
    Use("lattice-qcd", "CPU", "14000", 1, daily=True),
    Use("climate-model", "CPU", "9500", 6),
    Use("alloy-design", "CPU", "5200", 4),
    Use("catalysis-screening", "CPU", "4800", 5),
    Use("protein-folding", "GPU", "5200", 4),
    Use("language-models", "GPU", "6000", 6),
    Use("drug-binding", "GPU", "2600", 3),
    Use("drug-binding", "CPU", "1400", 2),
    Use("quantum-dots", "CPU", "2000", 3),
    Use("battery-interfaces", "CPU", "2100", 3),
    Use("genomics-sequencing", "HIMEM", "2000", 3),
    Use("plasma-jets", "CPU", "1500", 3, months=("2024-11", "2024-12", "2025-01")),
    Use("sky-survey", "CPU", "1000", 2),
    Use("single-cell-atlas", "HIMEM", "800", 2),
    Use("glacier-mass", "CPU", "700", 2),
    Use("exoplanet-transits", "CPU", "600", 2),
    Use("exoplanet-transits", "GPU", "250"),
    Use("epi-forecasting", "CPU", "500", 2),
    Use("microbiome-survey", "HIMEM", "400"),
    Use("endangered-speech", "GPU", "350", 2),
    Use("coral-reef-survey", "CPU", "300", 1, months=("2024-11",)),
    Use("forest-carbon", "CPU", "250"),
    Use("trade-networks", "CPU", "150"),
    Use("cardiac-imaging", "GPU", "0.6"),
)

_NO_PAYER = dict.fromkeys(("pi_email", "project_id", "fund_org"))

_PLANTED = (
    # missing-pi and missing-project; nothing is billed, so the missing fund is not flagged.
    Planted("2025-01", "quantum-dots", "CPU", "visitor-account", "20480", _NO_PAYER),
    # unknown-project: a course that was never added to the directory.
    Planted("2025-12", "language-models", "GPU", "course-cs-480", "310.5", {"project_id": "course-cs-480"}),
    # expired-project: it ended on 30 June 2025.
    Planted("2025-12", "plasma-jets", "CPU", "plasma-jets-cpu-01", "25600"),
)

SOURCE = Source(provider("hpc", "RC-HPC", Decimal(0)), _SKUS, _USES, _PLANTED)
