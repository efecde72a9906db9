"""Byte-seconds are conserved: over months, rows, rates and the free allowance; a nested byte counts once."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from stored import STORAGE, Converted, amounts
from test_storage_rules import page

DAYS = [dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(59)]
PATHS = ("/a", "/a/x", "/a/x/deep", "/b", "/b2")


@st.composite
def histories(draw: Any) -> list[dict[str, int]]:
    """For each sampled day of two months, what each path holds by itself, if it is there."""
    own = st.dictionaries(st.sampled_from(PATHS), st.integers(0, 10**15), min_size=1)
    choice = draw(st.lists(own, min_size=1, max_size=4))
    return [choice[draw(st.integers(0, len(choice) - 1))] for _ in DAYS]


def listing(own: dict[str, int]) -> dict[str, Any]:
    """As Qumulo lists it: a path's usage contains that of the paths below it."""
    whole = {p: sum(n for q, n in own.items() if q == p or q.startswith(f"{p}/")) for p in own}
    return page(*whole.items())


@settings(max_examples=6, deadline=None)
@given(histories(), st.sampled_from(["day", "month", "job"]), st.integers(2, 31), st.integers(0, 3))
def test_no_byte_second_is_lost_or_added(days: list[dict[str, int]], rows: str, change: int, free: int) -> None:
    """Over two months, with a change of price in the first, an allowance, and any kind of row."""
    until = dt.date(2025, 1, change) - dt.timedelta(days=1)
    rate = {"id": "std", "resource": "capacity", "unit": "TB-Months"}
    rates = [
        {**rate, "price": "8", "until": until.isoformat()},
        {**rate, "price": "9", "from": (until + dt.timedelta(days=1)).isoformat()},
    ]
    owners = [{"account": path, "project": "sky"} for path in PATHS[:4]]
    wanted: dict[str, int] = {}
    for own in days:
        for path, level in own.items():
            if level:
                wanted[path] = wanted.get(path, 0) + level * 86_400
    found: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        case = Converted(Path(folder), "storage", STORAGE)
        case.set(rows=rows, rates=rates, owners=owners, storage={"free": {"amount": str(free), "per": "month"}})
        files = {f"q-{day}.json": listing(own) for day, own in zip(DAYS, days, strict=True)}
        for month, length in (("2025-01", 31), ("2025-02", 28)):
            charges = case.rows(files, month, allow_empty=True)
            for path, amount in amounts(charges).items():
                found[path] = found.get(path, 0) + amount
            granted = [row for row in charges if row["SkuPriceId"].endswith(".free")]
            used = sum(int(row["x_UsageSeconds"]) for row in charges if row["SubAccountId"] != "/b2")
            assert sum(int(row["x_UsageSeconds"]) for row in granted) == min(used, free * 10**12 * length * 86_400)
            assert {row["BilledCost"] for row in granted} <= {"0"}
    assert found == wanted
