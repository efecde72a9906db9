"""Exports of providers that have no layout of their own: read rightly as they are documented, or refused by name."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

from deliveries import put
from small_ledger import bill

from openchargeback.focus.deliveries.opening import open_delivery
from openchargeback.problems import Severity, UsageFault

TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}"'
NAMES = (
    *("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "BilledCost", "EffectiveCost"),
    *("ListCost", "ContractedCost", "BillingCurrency", "ChargeCategory", "ServiceName", "ResourceId", "Tags"),
)


def export(*times: str, upper: bool = False, tags: str = TAGS) -> str:
    """A file with one charge of 1.50, whose times are written as given."""
    head = ",".join(NAMES)
    return f"{head.upper() if upper else head}\n{','.join(times)},1.5,1.5,1.5,1.5,USD,Usage,Compute,vm-1,{tags}\n"


# BigQuery writes TIMESTAMP so in CSV; `bq query --format=csv` without a zone. Snowflake: TIMESTAMP_TZ by default, names
# in capitals unless quoted. MongoDB Atlas, IBM Cloud, Grafana: as FOCUS says.
TIMES = {
    "BigQuery": (
        "2025-01-01 00:00:00 UTC",
        "2025-02-01 00:00:00 UTC",
        "2025-01-03 05:00:00 UTC",
        "2025-01-03 06:00:00 UTC",
    ),
    "BigQuery, parts of seconds": (
        *("2025-01-01 00:00:00.000000 UTC", "2025-02-01 00:00:00.000000 UTC"),
        *("2025-01-03 05:00:00.000000 UTC", "2025-01-03 06:00:00.000000 UTC"),
    ),
    "bq query": ("2025-01-01 00:00:00", "2025-02-01 00:00:00", "2025-01-03 05:00:00", "2025-01-03 06:00:00"),
    "Snowflake": (
        *("2025-01-01 00:00:00.000 +0000", "2025-02-01 00:00:00.000 +0000"),
        *("2025-01-03 05:00:00.000 +0000", "2025-01-03 06:00:00.000 +0000"),
    ),
    "Snowflake, session in Los Angeles": (
        *("2024-12-31 16:00:00.000 -0800", "2025-01-31 16:00:00.000 -0800"),
        *("2025-01-02 21:00:00.000 -0800", "2025-01-02 22:00:00.000 -0800"),
    ),
    "as FOCUS says": ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", "2025-01-03T05:00:00Z", "2025-01-03T06:00:00Z"),
}


@pytest.mark.parametrize("provider", TIMES)
def test_each_spelling_of_times_is_the_same_charge(tmp_path: Path, provider: str) -> None:
    text = export(*TIMES[provider], upper=provider.startswith("Snowflake"))
    billed, problems = bill(tmp_path, {"other.csv": text}, warnings=True)
    assert billed is not None
    assert [(each.imported, each.held, each.first_day) for each in billed.sources] == [
        (Decimal("1.5"), 0, billed.sources[0].last_day)
    ]
    assert str(billed.sources[0].first_day) == "2025-01-03"
    assert billed.period == "2025-01"
    assert not [each for each in problems if each.severity is Severity.ERROR]
    # Names in capitals are one warning, not one for each column.
    spelled = [each for each in problems if each.code == "label-spelling"]
    assert len(spelled) == (1 if provider.startswith("Snowflake") else 0)


def test_parquet_with_times_maps_and_binary_numbers(tmp_path: Path) -> None:
    """As Snowflake and AWS unload to Parquet."""
    path = tmp_path / "part.parquet"
    duckdb.sql(
        "COPY (SELECT TIMESTAMPTZ '2025-01-01 00:00:00+00' AS BillingPeriodStart, "
        "TIMESTAMPTZ '2025-01-03 05:00:00+00' AS ChargePeriodStart, 0.1::DOUBLE AS BilledCost, "
        "'USD' AS BillingCurrency, "
        "'Usage' AS ChargeCategory, 'Compute' AS ServiceName, "
        "MAP {'pi_email': 'ada@example.edu', 'project_id': 'p1', 'fund_org': 'F-1'} AS Tags) "
        f"TO '{path}' (FORMAT parquet)"
    )
    billed, _ = bill(tmp_path / "ledger", {"snowflake.parquet": path.read_bytes()})
    assert billed is not None
    assert [(each.imported, each.held) for each in billed.sources] == [(Decimal("0.1"), 0)]


def test_usage_without_costs_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """CoreWeave's export has quantities only."""
    text = (
        "BillingAccountId,BillingPeriodStart,ChargePeriodStart,ConsumedQuantity,ConsumedUnit,SkuId\n"
        "org-1,2025-01-01T00:00:00Z,2025-01-05T00:00:00Z,8,GPU-Hours,h100\n"
    )
    _, problems = bill(tmp_path, {"coreweave.csv": text})
    (problem,) = [each for each in problems if each.severity is Severity.ERROR]
    assert (problem.code, problem.message) == ("missing-label", "the column BilledCost is missing")
    assert "as CoreWeave's export: price it with `focus-billing convert csv`" in problem.fix


@pytest.mark.parametrize("hours", [("",), ("", "/hour=05"), ("/hour=04", "/hour=05")])
def test_running_totals_of_litellm_are_never_added_up(tmp_path: Path, hours: tuple[str, ...]) -> None:
    """Each window repeats what the day has cost so far; a single file is the export of everything."""
    text = export(*TIMES["as FOCUS says"])
    folder = tmp_path / "litellm"
    for number, hour in enumerate(hours):
        put(folder / f"date=2025-01-03{hour}/usage_20250103T0{number}0000Z_20250103T0{number + 1}0000Z.csv", text)
    if len(hours) == 1:
        assert len(open_delivery(folder, 1 << 30).runs[0].parts) == 1
        return
    with pytest.raises(UsageFault, match="adding them up would bill days several times"):
        open_delivery(folder, 1 << 30)
