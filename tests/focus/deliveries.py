"""Deliveries as providers document them, built file by file.

AWS: Data Exports User Guide, "Understanding export delivery" (dataexports-export-delivery).
Azure: Microsoft Learn, "Tutorial: Improved exports", and the manifests that FinOps hubs read ("Data processing").
OCI: "Cost and Usage Reports Overview".
"""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

HEADER = (
    "BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,ListCost,BillingCurrency,"
    "ChargeCategory,ServiceName,ResourceId,Tags"
)
BUCKET = "s3://billing-bucket/exports/focus"


def rows(month: str = "2025-01", *costs: str, day: int = 1) -> str:
    """A charge file with a charge for each cost, each on a day of its own."""
    lines = [
        f"{month}-01T00:00:00Z,{month}-{day + n:02}T00:00:00Z,{month}-{day + n + 1:02}T00:00:00Z,{cost},{cost},{cost},"
        f'USD,Usage,Compute,vm-{n},"{{""pi_email"": ""ada@example.edu""}}"'
        for n, cost in enumerate(costs or ("1",))
    ]
    return "\n".join([HEADER, *lines, ""])


def put(path: Path, text: str | bytes) -> Path:
    """Write a file, compressed if its name says so."""
    data = text if isinstance(text, bytes) else text.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.name.endswith(".gz") else data)
    return path


def aws_run(
    root: Path, month: str, *parts: str, run: str = "", manifest: bool = True, in_run: bool = False
) -> list[Path]:
    """A run of an AWS export: its parts, and the manifest that lists them. in_run: the manifest has a folder, too."""
    tails = [
        "/".join(filter(None, (f"BILLING_PERIOD={month}", run, f"focus-{number:05}.csv.gz")))
        for number in range(1, len(parts) + 1)
    ]
    paths = [put(root / "data" / tail, part) for tail, part in zip(tails, parts, strict=True)]
    if manifest:
        aws_manifest(root, month, [f"{BUCKET}/data/{tail}" for tail in tails], run if in_run else "")
    return paths


def aws_manifest(root: Path, month: str, uris: object, run: str = "") -> Path:
    """The manifest of an AWS export."""
    content = {"exportArn": "arn:aws:bcm-data-exports:us-east-1:1:export/focus", "columns": [], "dataFiles": uris}
    return put(root / "metadata" / f"BILLING_PERIOD={month}" / run / "focus-Manifest.json", json.dumps(content))


def azure_run(
    root: Path, month: str, *parts: str, stamp: str, submitted: str | None = None, guid: str = "", **changed: object
) -> Path:
    """A run of an Azure export; returns its folder. changed: other values of the manifest."""
    last = {"2025-01": "31", "2025-02": "28"}[month]
    span = f"{month.replace('-', '')}01-{month.replace('-', '')}{last}"
    folder = root / span / stamp / guid
    paths = [put(folder / f"part_{n}_0001.csv.gz", part) for n, part in enumerate(parts)]
    content = {
        "manifestVersion": "2024-04-01",
        "blobCount": len(paths),
        "exportConfig": {"exportName": "focus", "type": "FocusCost", "dataVersion": "1.0r2"},
        "runInfo": {
            "executionType": "Scheduled",
            "submittedTime": submitted or f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[8:10]}:{stamp[10:]}:00.123Z",
            "runId": f"run-{stamp}",
            "startDate": f"{month}-01T00:00:00",
            "endDate": f"{month}-{last}T00:00:00",
        },
        "blobs": [
            {"blobName": f"exports/focus/{span}/{stamp}/{path.name}", "byteCount": path.stat().st_size}
            for path in paths
        ],
        **changed,
    }
    put(folder / "manifest.json", json.dumps(content))
    return folder


def zipped(target: Path, files: dict[str, str | bytes]) -> Path:
    """A zip archive with these entries."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target
