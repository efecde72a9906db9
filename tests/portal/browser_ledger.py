"""A ledger of three months for the tests of the charge browser, with every state, sub-cent amounts and odd texts."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from payloads import PAYLOADS

MONTHS = ("2024-11", "2024-12", "2025-01")
_COLUMNS = (
    *("BillingPeriodStart", "ChargePeriodStart", "BillingCurrency", "ServiceName", "ResourceId", "ResourceName"),
    *("ChargeDescription", "ChargeCategory", "ListCost", "BilledCost", "Tags"),
)
_CONFIG = {
    "organization": {"name": "Northfield University"},
    "tags": {"pi": "pi", "project": "project", "fund": "fund"},
    "sources": {
        "aws": {"label": "Amazon Web Services", "credit_fund": "C-1", "account": "1"},
        "hpc": {"label": "Cascade Cluster", "post": False, "discount": "institution"},
        "lab": {"credit_fund": "C-2", "account": "2"},
    },
    "review": {"patterns": {"large": {"match": {"ChargeDescription": "burst"}, "reason": "Large runs are reviewed."}}},
    "portal": {"views": {"Held money": "state=held&sort=-due", "By project": "#group=project"}},
}
_PEOPLE = {
    "people": [
        {"email": "ada@example.edu", "name": "Ada Okafor", "department": "Biology"},
        {"email": "tomasz@example.edu", "name": "Tomasz Wiśniewski", "department": "Physics"},
    ]
}


def write_ledger(root: Path, *, odd: bool = True) -> Path:
    """Write the ledger. odd: with payloads as names of services, resources, projects and funds."""
    files = {"config.yaml": json.dumps(_CONFIG), "directory/people.yaml": json.dumps(_PEOPLE)}
    for month in MONTHS:
        files[f"charges/{month}/aws.csv"] = _file(month, _aws(month, odd=odd))
        files[f"charges/{month}/hpc.csv"] = _file(month, _hpc(month))
    files["charges/2025-01/lab.csv"] = _file("2025-01", _lab())
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def _file(month: str, rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({"BillingPeriodStart": f"{month}-01T00:00:00Z", "BillingCurrency": "USD", **row})
    return out.getvalue()


def _tags(number: int) -> str:
    """Who pays for the charge of this number; every eleventh has no fund, so it is held."""
    who = ("ada", "tomasz", "lin")[number % 3]
    tags = {"pi": f"{who}@example.edu", "project": f"{who}-{number % 4}", "fund": f"F-{number % 5}"}
    if number % 11 == 0:
        del tags["fund"]
    return json.dumps(tags)


def _aws(month: str, *, odd: bool) -> list[dict[str, str]]:
    rows = []
    for number in range(260):
        cost = f"{(number * 7919) % 5000 / 13:.10f}"
        rows.append(
            {
                "ChargePeriodStart": f"{month}-{number % 28 + 1:02}T00:00:00Z",
                "ServiceName": ("Compute", "Object Storage", "Databases")[number % 3],
                "ResourceId": f"arn:{month}:{number % 40}",
                "ResourceName": f"node-{number % 40}",
                "ChargeDescription": "burst" if number % 17 == 0 else "hours",
                "ListCost": f"{float(cost) * 1.3:.12f}",
                "BilledCost": cost,
                "Tags": _tags(number),
            }
        )
    # Without resource and tags; a credit; an amount beyond what a double can add up; one that rounds up.
    rows.append({"ServiceName": "Support", "ChargeDescription": "Monthly support", "BilledCost": "9.995"})
    rows.append({"ServiceName": "Compute", "ChargeCategory": "Credit", "BilledCost": "-12.3456", "Tags": _tags(1)})
    rows.append({"ServiceName": "Compute", "ResourceName": "whale", "BilledCost": "123456789.123456789012345678"})
    if odd:
        rows += _odd()
    return rows


def _odd() -> list[dict[str, str]]:
    rows = []
    for number, text in enumerate(PAYLOADS):
        tags = {"pi": "ada@example.edu", "project": text, "fund": text} if number % 2 else {"pi": text, "project": text}
        rows.append(
            {
                "ServiceName": text,
                "ResourceId": f"{number} {text}",
                "ResourceName": ("=" if number % 3 else "") + text,
                "ChargeDescription": text,
                "ListCost": str(number + 3),
                "BilledCost": str(number + 1),
                "Tags": json.dumps({**tags, text: text}),
            }
        )
    return rows


def _hpc(month: str) -> list[dict[str, str]]:
    return [
        {
            "ChargePeriodStart": f"{month}-{number % 28 + 1:02}T00:00:00Z",
            "ServiceName": "Cascade",
            "ResourceName": f"job-{number}",
            "ListCost": f"{number}.125",
            "BilledCost": f"{number}.0625",
            "Tags": _tags(number + 1),
        }
        for number in range(40)
    ]


def _lab() -> list[dict[str, str]]:
    """Charges in another currency, which are held."""
    return [
        {
            "ServiceName": "Microscopy",
            "ResourceName": f"scope-{number}",
            "BillingCurrency": currency,
            "BilledCost": cost,
            "Tags": _tags(1),
        }
        for number, (currency, cost) in enumerate((("EUR", "10.125"), ("EUR", "0.005"), ("JPY", "1200.5")))
    ]
