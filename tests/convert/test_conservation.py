"""Usage is conserved: over any division into months, over aggregation, and over changes of rates."""

from __future__ import annotations

import csv
import datetime as dt
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacct import Case, export, record

MONTHS = ("2024-12", "2025-01", "2025-02", "2025-03")
START, END = dt.datetime(2024, 12, 1), dt.datetime(2025, 4, 1)  # noqa: DTZ001 - UTC, as printed
SPAN = int((END - START).total_seconds())


@st.composite
def jobs(draw: Any) -> list[dict[str, int]]:
    """Jobs within the four months: start, elapsed and suspended seconds, CPUs, MiB, GPUs."""
    found = []
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, SPAN - 10))
        elapsed = draw(st.integers(1, SPAN - start))
        paused = draw(st.integers(0, min(SPAN - start - elapsed, 5000)))
        found.append(
            {
                "start": start,
                "elapsed": elapsed,
                "paused": paused,
                "cpu": draw(st.integers(1, 500)),
                "memory": draw(st.integers(1, 4_000_000)),
                "gpu": draw(st.integers(0, 8)),
            }
        )
    return found


def line(number: int, job: dict[str, int]) -> str:
    start = START + dt.timedelta(seconds=job["start"])
    return record(
        JobID=number,
        JobIDRaw=number,
        Start=start.isoformat(),
        End=(start + dt.timedelta(seconds=job["elapsed"] + job["paused"])).isoformat(),
        ElapsedRaw=job["elapsed"],
        Suspended=job["paused"],
        Account="astro" if number % 2 else "bio",
        AllocTRES=f"cpu={job['cpu']},mem={job['memory']}M,gres/gpu={job['gpu']}",
    )


def totals(given_jobs: list[dict[str, int]]) -> dict[str, int]:
    """Unit-seconds by meter, as simple arithmetic."""
    names = {"CPU time": "cpu", "Memory time": "memory", "GPU time": "gpu"}
    sums = {meter: sum(job[name] * job["elapsed"] for job in given_jobs) for meter, name in names.items()}
    return {meter: amount for meter, amount in sums.items() if amount}


def converted(given_jobs: list[dict[str, int]], months: tuple[str, ...] = MONTHS, **keys: Any) -> list[dict[str, str]]:
    """The charges of all months."""
    rows: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder)).set(**{"slurm": {"longest_days": 3650}, **keys})
        text = export(*(line(number, job) for number, job in enumerate(given_jobs, 1)))
        for month in months:
            done, problems = case.run(text, period=month, allow_empty=True)
            assert done is not None, problems
            with case.output.open(encoding="utf-8", newline="") as file:
                rows += csv.DictReader(file)
    return rows


def summed(rows: list[dict[str, str]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row["SkuMeter"]] += int(row["x_UsageSeconds"])
    return dict(sums)


def check_rows(rows: list[dict[str, str]]) -> None:
    """The arithmetic of every row, to the last digit, and its place in time."""
    units = {"CPU time": 3600, "Memory time": 3600 * 1024, "GPU time": 3600}
    for row in rows:
        quantity = Decimal(row["PricingQuantity"])
        exact = Decimal(int(row["x_UsageSeconds"])) / units[row["SkuMeter"]]
        assert abs(quantity - exact) <= Decimal("0.0000000005")
        assert Decimal(row["ListCost"]) == quantity * Decimal(row["ListUnitPrice"])
        assert Decimal(row["ContractedCost"]) == quantity * Decimal(row["ContractedUnitPrice"])
        assert row["BilledCost"] == row["EffectiveCost"] == row["ContractedCost"]
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]


@settings(max_examples=5, deadline=None)
@given(jobs())
def test_months_hold_each_second_once(given_jobs: list[dict[str, int]]) -> None:
    rows = converted(given_jobs)
    assert summed(rows) == totals(given_jobs)
    check_rows(rows)


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(jobs())
def test_days_hold_the_same_as_jobs(given_jobs: list[dict[str, int]]) -> None:
    rows = converted(given_jobs, rows="day")
    assert summed(rows) == totals(given_jobs)
    check_rows(rows)
    assert all(row["ChargePeriodStart"].endswith("T00:00:00Z") for row in rows)
    keys = [(row["ChargePeriodStart"], row["x_Account"], row["SkuId"]) for row in rows]
    assert len(set(keys)) == len(keys)


@settings(max_examples=5, deadline=None)
@given(jobs(), st.integers(2, 31), st.sampled_from(["job", "day"]))
def test_a_change_of_price_divides_usage_at_that_midnight(
    given_jobs: list[dict[str, int]], day: int, rows_per: str
) -> None:
    change = dt.date(2025, 1, day)
    before = (change - dt.timedelta(days=1)).isoformat()
    rates = [
        {"id": "cpu", "resource": "cpu", "unit": "Core-Hours", "price": "0.01", "until": before},
        {"id": "cpu", "resource": "cpu", "unit": "Core-Hours", "price": "0.03", "from": change.isoformat()},
    ]
    rows = converted(
        given_jobs, ("2025-01",), rates=rates, slurm={"meters": ["cpu"], "longest_days": 3650}, rows=rows_per
    )
    instant = f"{change.isoformat()}T00:00:00Z"
    for row in rows:
        old = row["ContractedUnitPrice"] == "0.01"
        assert row["ChargePeriodEnd"] <= instant if old else row["ChargePeriodStart"] >= instant
        assert row["x_RateValidFrom"] == ("" if old else change.isoformat())
    whole = converted(given_jobs, ("2025-01",), slurm={"meters": ["cpu"], "longest_days": 3650}, rows=rows_per)
    assert summed(rows) == summed(whole)
