"""Time of machines is conserved: over months, over rows, and over the lists that it is cut into."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from stored import Converted
from test_vm_formats import CONFIG, PROXMOX, SERVER

START = dt.datetime(2024, 12, 1)  # noqa: DTZ001 - UTC, as OpenStack prints it
MONTHS = (("2024-12", 31), ("2025-01", 31), ("2025-02", 28))
SPAN = 90 * 86_400
WINDOW = {"start": "2024-12-01T00:00:00", "stop": "2025-03-01T00:00:00"}


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, SPAN - 1), st.integers(1, SPAN), st.integers(1, 64)), min_size=1, max_size=6),
    st.sampled_from(["day", "month", "job"]),
)
def test_each_second_of_a_server_is_billed_in_one_month(servers: list[tuple[int, int, int]], rows: str) -> None:
    usages, wanted = [], 0
    for number, (start, length, cores) in enumerate(servers):
        end = min(start + length, SPAN)
        times = [(START + dt.timedelta(seconds=at)).isoformat() for at in (start, end)]
        # One that ends with the report may still be running.
        ended = None if end == SPAN else times[1]
        usages.append({**SERVER, "instance_id": str(number), "vcpus": cores, "started_at": times[0], "ended_at": ended})
        wanted += cores * (end - start)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        case = Converted(Path(folder), "vm", CONFIG).set(rows=rows)
        case.set(vm={"basis": "measured", "tiers": None, "meters": ["vcpu"]})
        document = {"tenant_usages": [{"tenant_id": "6f70", **WINDOW, "server_usages": usages}]}
        for month, _ in MONTHS:
            for row in case.rows({"usage.json": document}, month, allow_empty=True):
                found[row["SkuMeter"]] += int(row["x_UsageSeconds"])
                assert row["BillingPeriodStart"][:7] == month
    assert found["CPU time"] == wanted


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 31 * 24 * 60 - 1), min_size=1, max_size=8, unique=True))
def test_lists_stand_for_the_whole_month_wherever_they_are(minutes: list[int]) -> None:
    """A machine in every list is billed for the month, to the second."""
    files: dict[str, Any] = {}
    for minute in minutes:
        at = dt.datetime(2025, 1, 1) + dt.timedelta(minutes=minute)  # noqa: DTZ001 - as in a name
        files[f"vms-{at:%Y-%m-%dT%H%M}.json"] = PROXMOX[:1]
    with tempfile.TemporaryDirectory() as folder:
        case = Converted(Path(folder), "vm", CONFIG)
        case.set(vm={"basis": "samples", "tiers": None, "longest_gap": 744})
        rows = case.rows(files)
    assert sum(int(row["x_UsageSeconds"]) for row in rows) == 31 * 86_400
