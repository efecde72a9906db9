"""Daily samples of the storage system: pages of Qumulo's directory quotas, one for each day of a month.

A directory's name is its tier and its project, but for two: one that a project has beside its own, and an old one of no
project.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

from generator import noise, storage
from generator.months import Month

_FOLDERS = {"PROJECT": "projects", "PROTECTED": "protected", "ARCHIVE": "archive"}
_TERABYTE = Decimal(10**12)
_PRICES = {sku.id: sku.price for sku in storage.SOURCE.skus}
_FIRST_ID = 1_210_000_000


def samples(month: Month) -> Iterator[tuple[str, str]]:
    """The name of a file without its extension, and its text, for every day."""
    directories = list(_directories(month))
    for day in range(1, month.days + 1):
        quotas = [_quota(number, path, size, day) for number, (path, size) in enumerate(directories)]
        page = {"quotas": quotas, "paging": {"next": ""}}
        yield f"quotas-{month}-{day:02}", json.dumps(page, separators=(",", ":")) + "\n"


def _directories(month: Month) -> Iterator[tuple[str, Decimal]]:
    """Paths, and their bytes in the middle of the month."""
    for use in storage.SOURCE.uses:
        if use.occurs_in(month):
            yield f"/{_FOLDERS[use.sku]}/{use.project}/", Decimal(use.cost) / _PRICES[use.sku] * _TERABYTE
    for planted in storage.SOURCE.planted:
        if planted.month == str(month) and planted.copies == 1:
            yield f"/{_FOLDERS[planted.sku]}/{planted.name}/", Decimal(planted.quantity) * _TERABYTE


def _quota(number: int, path: str, size: Decimal, day: int) -> dict[str, str]:
    """A directory on a day: what grows, grows by up to three percent a month; from day to day some of it goes."""
    growth = noise.between("-0.0002", "0.001", "growth", path) * (day - 16)
    usage = size * (1 + growth + noise.between("-0.002", "0.002", "day", path, day))
    limit = (size * Decimal("1.25") / _TERABYTE).to_integral_value() * _TERABYTE + _TERABYTE
    texts = {"limit": limit, "capacity_usage": usage}
    return {"id": str(_FIRST_ID + number), "path": path} | {name: str(int(value)) for name, value in texts.items()}
