"""An input for the example config: XDMoD's JSON, two paths on every day of a month, one above the free amount."""

from __future__ import annotations

import json

_TB = 10**12
_SIZES = {"/projects/astro": (8 * _TB, _TB // 100), "/projects/bio": (_TB // 4, 0)}
"""Bytes on the first day, and how many more on each day after it."""

SAMPLES = {
    "capacity.json": json.dumps(
        [
            {
                "resource": "northfield",
                "mountpoint": path,
                "user": "",
                "pi": path.rpartition("/")[2],
                "dt": f"2025-01-{day:02}T12:00:00Z",
                "file_count": 1000,
                "logical_usage": size + more * (day - 1),
                "physical_usage": 2 * (size + more * (day - 1)),
            }
            for day in range(1, 32)
            for path, (size, more) in _SIZES.items()
        ]
    )
    + "\n"
}
