"""The university's virtual machines: a list of Azure Local at the end of a month, as PowerShell writes it.

What bills a machine is in its notes. Sponsored projects get half of the price, a machine of one of them all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from generator import noise
from generator.months import Month
from generator.university import PROJECTS

_GIBIBYTE = 1 << 30
_SIZES = {"small": (2, 8), "standard": (4, 16), "large": (16, 64)}
"""Cores and GiB of memory of each tier."""


@dataclass(frozen=True, slots=True)
class _Machine:
    """A machine. day: of the month, if it was created in it. notes: changes; None removes a key."""

    name: str
    project: str
    tier: str
    subsidy: int = 50
    running: bool = True
    day: int = 0
    notes: Mapping[str, object] | None = None


_MACHINES = (
    _Machine("labor-rstudio", "labor-markets", "standard"),
    _Machine("labor-db", "labor-markets", "large"),
    _Machine("trade-web", "trade-networks", "small"),
    _Machine("trade-notebooks", "trade-networks", "standard", running=False),
    _Machine("speech-archive", "endangered-speech", "standard"),
    _Machine("speech-portal", "endangered-speech", "small", subsidy=100),
    _Machine("netmon-01", "network-measurement", "standard"),
    _Machine("netmon-02", "network-measurement", "standard", day=15),
    _Machine("atlas-browser", "single-cell-atlas", "large"),
    _Machine("exoplanet-archive", "exoplanet-transits", "standard"),
    _Machine("glacier-maps", "glacier-mass", "standard", notes={"FinOpsActive": False}),
    _Machine("rc-license-server", "rc-shared", "small", subsidy=0),
    _Machine("rc-jump-host", "rc-shared", "small", subsidy=0),
    # Nobody wrote down whose it is.
    _Machine("test-win2019", "", "small", subsidy=0),
)


def machines(month: Month) -> str:
    """The list of a month."""
    return json.dumps([_machine(month, each) for each in _MACHINES], indent=1) + "\n"


def _machine(month: Month, each: _Machine) -> dict[str, object]:
    cores, memory = _SIZES[each.tier]
    created = f"{month}-{each.day:02}T09:30:00Z" if each.day else f"{2021 + len(each.name) % 4}-05-03T10:15:00Z"
    return {
        "Name": each.name,
        "VMId": noise.guid("vm", each.name),
        "State": 2 if each.running else 3,
        "ProcessorCount": cores,
        "MemoryStartup": memory * _GIBIBYTE,
        "CreationTime": created,
        "Notes": json.dumps(_notes(each)),
    }


def _notes(each: _Machine) -> dict[str, object]:
    project = PROJECTS.get(each.project)
    known = {"FinOpsProjectId": each.project} if project else {}
    notes = {**known, "FinOpsVmTier": each.tier, "FinOpsSubsidyPercent": each.subsidy, "FinOpsActive": True}
    return {key: value for key, value in (notes | dict(each.notes or {})).items() if value is not None}
