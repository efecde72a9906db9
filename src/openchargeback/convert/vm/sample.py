"""An example input for the example config: a list of VMs of Azure Local, as PowerShell writes it."""

from __future__ import annotations

import json

_NOTES = {
    "FinOpsPiEmail": "zoe.vanderberg@example.edu",
    "FinOpsProjectId": "sky-survey",
    "FinOpsFundOrg": "AST-3300-001",
    "FinOpsVmTier": "small",
    "FinOpsSubsidyPercent": 25,
}

SAMPLES = {
    "vms-2025-01-31.json": json.dumps(
        [
            {"Name": name, "VMId": id_, "State": state, "CreationTime": created, "Notes": json.dumps(_NOTES | more)}
            for name, id_, state, created, more in (
                ("skyweb", "7d1c", 2, "2024-06-01T09:00:00Z", {}),
                ("skydb", "7d1d", 3, "2025-01-15T14:00:00Z", {}),
                ("skyold", "7d1e", 3, "2023-01-01T00:00:00Z", {"FinOpsActive": False}),
            )
        ],
        indent=1,
    )
    + "\n"
}
