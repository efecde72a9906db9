"""Shared costs become shares that sum to them exactly, by the rules of the config."""

from __future__ import annotations

import csv
import gzip
import json
import tempfile
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import OWNERS, ROW, USE, Case, costs, pod, table

GOLDEN = Path(__file__).parent / "golden.csv"
UNIT = Decimal(1).scaleb(-18)


def billed(rows: list[dict[str, str]]) -> dict[str, str]:
    """BilledCost by resource; the idle share under an empty name."""
    return {row["AllocatedResourceId"]: row["BilledCost"] for row in rows}


def elements(row: dict[str, str]) -> list[dict[str, Decimal]]:
    found: list[dict[str, Decimal]] = json.loads(row["AllocatedMethodDetails"], parse_float=Decimal, parse_int=Decimal)[
        "Elements"
    ]
    return found


def test_the_output_is_as_agreed(shared: Case) -> None:
    """Byte by byte: a node with thirds that do not come out even, a refund, and a row that no pool selects."""
    use = table([pod("astro", "1", "2"), pod("bio", "1", "3"), pod("__idle__", "1", "1")])
    refund = {"BilledCost": "-0.01", "EffectiveCost": "-0.01", "ContractedCost": "-0.01", "ListCost": "-0.01"}
    shared.split(costs({}, {"ResourceId": "vol-1", "ResourceName": "vol-1"}, {**refund, "ResourceId": "i-node2"}), use)
    assert shared.output.read_text(encoding="utf-8") == GOLDEN.read_text(encoding="utf-8")


def test_each_weight_splits_its_part_of_the_cost(shared: Case) -> None:
    assert billed(shared.split()) == {"astro": "31.25", "bio": "18.75", "": "50"}


@pytest.mark.parametrize(
    ("idle", "expected"),
    [
        # CPU 3:1 and memory 1:1.
        ("spread", {"astro": "62.5", "bio": "37.5"}),
        ("keep", {"astro": "31.25", "bio": "18.75", "": "50"}),
        ("owner", {"astro": "31.25", "bio": "18.75", "__idle__": "50"}),
    ],
)
def test_the_idle_share_goes_where_the_config_says(shared: Case, idle: str, expected: dict[str, str]) -> None:
    owner = {"account": "__idle__", "project": "rc-ops", "pi": "ops@example.edu", "fund": "OPS-1"}
    rows = shared.set(owners=[*OWNERS, owner]).pool(idle=idle).split()
    assert billed(rows) == expected
    last = rows[-1]
    if idle == "keep":
        assert (last["AllocatedTags"], last["AllocatedResourceName"]) == ("", "")
        assert last["AllocatedMethodId"] == rows[0]["AllocatedMethodId"] != ""
    if idle == "owner":
        assert json.loads(last["AllocatedTags"])["project_id"] == "rc-ops"


def test_unmounted_and_unallocated_costs_are_idle_unless_the_config_says_otherwise(shared: Case) -> None:
    use = table([pod("astro", "1", "1"), pod("__unmounted__", "1", "1"), pod("__unallocated__", "2", "2")])
    assert billed(shared.split(use=use)) == {"astro": "25", "": "75"}
    owner = {"account": "__unmounted__", "project": "rc-ops"}
    shared.set(owners=[*OWNERS, owner]).pool(idle_keys=["__idle__", "__unallocated__"])
    assert billed(shared.split(use=use)) == {"astro": "25", "__unmounted__": "25", "": "50"}


def test_all_but_amounts_stay_as_in_the_shared_row(shared: Case) -> None:
    amounts = {"BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity", "ConsumedQuantity"}
    for row in shared.split():
        assert {name: row[name] for name in ROW if name not in amounts} == {
            name: value for name, value in ROW.items() if name not in amounts
        }
        assert row["ServiceProviderName"] == "AWS"


def test_rows_that_no_pool_selects_are_kept_as_they_are_or_dropped(shared: Case) -> None:
    other = {"ResourceId": "vol-1", "BilledCost": "1.50", "Tags": "{}"}
    rows = shared.split(costs(other, {}))
    assert [row["BilledCost"] for row in rows] == ["1.50", "31.25", "18.75", "50"]
    assert {name: rows[0][name] for name in ROW} == {**ROW, **other}
    assert rows[0]["AllocatedMethodId"] == ""
    shared.set(shared={"other_rows": "drop"})
    assert [row["BilledCost"] for row in shared.split(costs(other, {}))] == ["31.25", "18.75", "50"]


def test_by_day_each_row_is_split_by_the_use_of_its_days(shared: Case) -> None:
    def day(number: int, cost: str) -> dict[str, str]:
        times = (f"2025-01-{number:02d}T00:00:00Z", f"2025-01-{number + 1:02d}T00:00:00Z")
        return {"ChargePeriodStart": times[0], "ChargePeriodEnd": times[1], "BilledCost": cost}

    use = table([pod("astro", "1", "1", day="2025-01-05"), pod("bio", "3", "3", day="2025-01-06")])
    rows = shared.pool(by="day").split(costs(day(5, "10"), day(6, "20"), {}), use)
    assert [(row["AllocatedResourceId"], row["BilledCost"]) for row in rows] == [
        ("astro", "10"),
        ("bio", "20"),
        ("astro", "25"),
        ("bio", "75"),
    ]
    shared.output.unlink()
    faults = shared.faults(costs(day(7, "10")), use)
    assert [(each.code, each.path, each.line) for each in faults] == [("shared-weight", "aws.csv", 2)] * 2


def test_an_owner_who_changes_pays_for_the_days_of_each(shared: Case) -> None:
    shared.set(
        owners=[
            {"account": "astro", "project": "old", "until": "2025-01-10"},
            {"account": "astro", "project": "new", "from": "2025-01-11"},
        ]
    )
    use = table([pod("astro", "1", "1", day="2025-01-10"), pod("astro", "3", "3", day="2025-01-11")])
    rows = shared.split(use=use)
    assert {json.loads(row["AllocatedTags"])["project_id"]: row["BilledCost"] for row in rows} == {
        "new": "75",
        "old": "25",
    }
    # A table without days: ten days of 31, and the rest.
    shared.pool(format="table", resource="who", weights=[{"column": "hours"}])
    rows = shared.split(use="who,hours\nastro,8\n")
    shares = {json.loads(row["AllocatedTags"])["project_id"]: Decimal(row["BilledCost"]) for row in rows}
    assert sum(shares.values()) == 100
    assert abs(shares["old"] - Decimal(1000) / 31) < 2 * Decimal(100) * UNIT


def test_a_table_with_a_capacity_has_an_idle_share(shared: Case) -> None:
    shared.pool(
        format="table",
        resource=["lab", "machine"],
        weights=[{"column": "cores", "times": "hours", "unit": "Core-Hours", "capacity": "100"}],
    )
    use = "lab,machine,cores,hours\nastro,a1,4,10\nbio,b1,1.5,20\n"
    rows = shared.split(use=use)
    assert billed(rows) == {"astro/a1": "40", "bio/b1": "30", "": "30"}
    assert elements(rows[0]) == [
        {"AllocatedRatio": Decimal("0.4"), "UsageUnit": "Core-Hours", "UsageQuantity": Decimal(40)}
    ]
    shared.pool(
        format="table",
        resource="lab",
        idle="spread",
        weights=[{"column": "cores", "times": "hours", "capacity": "100"}],
    )
    assert Counter(billed(shared.split(use=use)).keys()) == Counter(["astro", "bio"])


def test_pods_of_openshift_are_split_by_their_service_units(shared: Case) -> None:
    """The columns of CCI-MOC/openshift-usage-scripts."""
    shared.pool(format="nerc", weights=[], usage="opencost.csv")
    header = (
        "Namespace,Pod Start Time,Pod End Time,Duration (Hours),Pod Name,CPU Request,GPU Request,Node,SU Type,SU Count"
    )
    rows = (
        "astro,2025-01-01T00:00:00,2025-01-02T00:00:00,24.0000,pod-1,4,0,n1,CPU,2",
        "bio,2025-01-31T23:00:00,2025-02-01T00:00:00,1.0000,pod-2,4,1,n1,GPU,16",
    )
    use = "".join(f"{line}\n" for line in (header, *rows))
    assert billed(shared.split(use=use)) == {"astro": "75", "bio": "25"}


def test_a_cost_of_the_config_is_split(shared: Case) -> None:
    shared.set(service="Licenses", provider="Northfield", billing_account="lic").pool(
        match={},
        costs=[{"name": "Statistics", "amount": "1000.00", "list": "1500"}],
        format="table",
        resource="lab",
        usage="use.csv",
        weights=[{"column": "seats", "unit": "Seats"}],
    )
    done, problems = shared.run(names={"use.csv": "lab,seats\nastro,1\nbio,2\n"})
    assert done is not None, problems
    assert sorted((each.project, each.rate, each.cost, each.list) for each in done.owners) == [
        ("genomics", "k8s", Decimal("666.666666666666667"), Decimal("1000.0000000000000005")),
        ("sky-survey", "k8s", Decimal("333.333333333333333"), Decimal("499.9999999999999995")),
    ]


def test_binary_floats_are_read_as_written(shared: Case) -> None:
    """OpenCost writes 4.6000000000000005 and 1e-05."""
    use = table([pod("astro", "4.6000000000000005", "1"), pod("bio", "1e-05", "1")])
    first, second = shared.split(use=use)
    assert elements(first)[0]["UsageQuantity"] == Decimal("4.6000000000000005")
    assert elements(second)[0]["UsageQuantity"] == Decimal("0.00001")


def test_the_summary_and_the_control_totals(shared: Case) -> None:
    done, _ = shared.run(names={"aws.csv": costs({}, {"ResourceId": "vol"}), "opencost.csv": USE})
    assert done is not None
    assert (done.read, done.used, done.left_out, done.rows) == (2, 1, {"not shared, kept as they are": 1}, 4)
    assert {each.column: (each.amount_in, each.amount_out) for each in done.columns}["ListCost"] == (120, 120)
    assert [(each.project, each.unit, each.quantity, each.list, each.cost) for each in done.owners] == [
        ("", "Hours", 372, 60, 50),
        ("genomics", "Hours", Decimal("139.5"), Decimal("22.5"), Decimal("18.75")),
        ("sky-survey", "Hours", Decimal("232.5"), Decimal("37.5"), Decimal("31.25")),
    ]


def test_the_simple_dialect_is_split(shared: Case) -> None:
    simple = "BillingPeriodStart,BilledCost,ResourceId,Tags\n2025-01-01,90,i-node1,{}\n"
    rows = shared.pool(by="day").split(
        simple, table([pod("astro", 1, 1, day="2025-01-01"), pod("bio", 1, 1, day="2025-01-01")])
    )
    assert billed(rows) == {"astro": "45", "bio": "45"}


def test_costs_in_parquet_and_use_in_gzip_are_read(shared: Case) -> None:
    plain = shared.folder / "plain.csv"
    plain.write_text(costs({}, {"ResourceId": "vol-1"}), encoding="utf-8")
    parquet = shared.folder / "made.parquet"
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{plain}', all_varchar = true)) TO '{parquet}'")
    shared.pool(usage="opencost.csv.gz")
    names = {"aws.parquet": parquet.read_bytes(), "opencost.csv.gz": gzip.compress(USE.encode())}
    done, problems = shared.run(names=names)
    assert done is not None, problems
    assert (done.rows, {each.cost for each in done.owners}) == (4, {Decimal("31.25"), Decimal("18.75"), Decimal(50)})


def test_charge_files_may_differ_in_their_columns(shared: Case) -> None:
    """A column that one file lacks is empty in its rows."""
    older = {name: value for name, value in ROW.items() if name not in ("SkuMeter", "x_Operation")}
    second = table([{**older, "ResourceId": "vol-1", "x_More": "more"}])
    done, problems = shared.run(names={"a.csv": costs({}), "b.csv": second, "opencost.csv": USE})
    assert done is not None, problems
    with shared.output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["x_Operation"], row["x_More"]) for row in rows] == [("RunInstances", "")] * 3 + [("", "more")]


@st.composite
def amounts(draw: Any) -> list[str]:
    """Costs of either sign, up to fifteen digits and eighteen decimals."""
    number = st.tuples(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 10**18 - 1))
    found = draw(st.lists(st.one_of(number, st.tuples(st.just(0), st.integers(0, 10**18 - 1))), min_size=1, max_size=3))
    return [f"{whole}.{rest:018d}" for whole, rest in found]


@st.composite
def uses(draw: Any) -> list[tuple[str, str]]:
    """CPU and memory of three accounts, at least one of each above zero."""
    number = st.one_of(st.integers(0, 10**6).map(str), st.floats(0, 1e9).map(repr))
    found = draw(st.lists(st.tuples(number, number), min_size=2, max_size=6))
    return [*found, ("0.1", "7")]


@settings(max_examples=8, deadline=None)
@given(amounts(), uses(), st.sampled_from(["keep", "spread", "owner"]), st.integers(1, 99))
def test_shares_sum_exactly_and_are_the_nearest(
    given_costs: list[str], given_uses: list[tuple[str, str]], idle: str, cpu: int
) -> None:
    """For any costs and weights: every column sums to the shared row, and no share is off by one unit of 10^-18."""
    accounts = [*(f"a{number}" for number in range(len(given_uses) - 2)), "__idle__", "a0"]
    use = [
        pod(account, *pair, Pod=str(number))
        for number, (account, pair) in enumerate(zip(accounts, given_uses, strict=True))
    ]
    weights = [{"column": "CPUCost", "share": str(cpu)}, {"column": "RAMCost", "share": str(100 - cpu)}]
    with tempfile.TemporaryDirectory() as folder:
        owners = [{"account": account, "project": f"p-{account}"} for account in dict.fromkeys(accounts)]
        shared = Case(Path(folder)).set(owners=owners).pool(weights=weights, idle=idle)
        cost = costs(
            *({"BilledCost": each, "ListCost": each, "x_Operation": str(n)} for n, each in enumerate(given_costs))
        )
        rows = shared.split(cost, table(use))
    for number, each in enumerate(given_costs):
        shares = [row for row in rows if row["x_Operation"] == str(number)]
        for column in ("BilledCost", "ListCost"):
            assert sum(Fraction(row[column]) for row in shares) == Fraction(each)
        ratios = [sum(Fraction(element["AllocatedRatio"]) for element in elements(row)) for row in shares]
        assert sum(ratios) == 1
        for row, ratio in zip(shares, ratios, strict=True):
            assert abs(Fraction(row["BilledCost"]) - Fraction(each) * ratio) < Fraction(UNIT)
            assert len(row["BilledCost"].partition(".")[2]) <= 18
