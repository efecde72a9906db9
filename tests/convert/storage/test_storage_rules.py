"""What a sample stands for: basis, missing days, nesting, doubles, the free allowance, and who is responsible."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from stored import JANUARY, SECONDS, STORAGE, TB, Converted, amounts, daily

from openchargeback.cli.main import cli
from openchargeback.problems import Severity

DAY = 86_400
FREE = {"amount": "2", "per": "month"}


def page(*quotas: tuple[str, int], following: str = "") -> dict[str, Any]:
    """A page of Qumulo: paths and bytes."""
    items = [
        {"id": str(number), "path": path, "limit": str(10 * TB), "capacity_usage": str(used)}
        for number, (path, used) in enumerate(quotas, 1)
    ]
    return {"quotas": items, "paging": {"next": following}}


@pytest.fixture
def case(tmp_path: Path) -> Converted:
    return Converted(tmp_path, "storage", STORAGE)


def growing() -> dict[str, Any]:
    """One path that holds as many TB as the day of the month."""
    return {f"q-{day}.json": page(("/a", day.day * TB)) for day in JANUARY}


def test_the_mean_of_days_is_exact(case: Converted) -> None:
    (row,) = case.rows(growing())
    assert int(row["x_UsageSeconds"]) == sum(range(1, 32)) * TB * DAY
    assert (row["PricingQuantity"], row["PricingUnit"], row["BilledCost"]) == ("16", "TB-Months", "136")


@pytest.mark.parametrize(("basis", "quantity"), [("month_end", "31"), ("peak", "31")])
def test_the_last_day_and_the_peak_stand_for_the_month(case: Converted, basis: str, quantity: str) -> None:
    (row,) = case.set(storage={"basis": basis}).rows(growing())
    assert row["PricingQuantity"] == quantity
    done, _ = case.run(growing())
    assert done is not None
    assert sum(done.left_out.values()) == 30


def test_the_peak_is_each_path_s_own(case: Converted) -> None:
    falling = {f"q-{day}.json": page(("/a", day.day), ("/b", 32 - day.day)) for day in JANUARY}
    assert amounts(case.set(storage={"basis": "peak"}).rows(falling)) == {"/a": 31 * SECONDS, "/b": 31 * SECONDS}


def test_the_end_of_the_month_needs_no_other_day(case: Converted) -> None:
    case.set(storage={"basis": "month_end"})
    assert amounts(case.rows({"q-2025-01-31.json": page(("/a", 5))})) == {"/a": 5 * SECONDS}
    assert case.codes({"q-2025-01-30.json": page(("/a", 5))}) == {"usage-missing-day"}


def test_missing_days_are_named_and_never_zero(case: Converted) -> None:
    files = daily(page(("/a", 5)), days=[day for day in JANUARY if day.day not in (1, 9, 10)])
    done, problems = case.run(files)
    assert done is None
    assert [each.code for each in problems] == ["usage-missing-day"]
    assert "January 1, 9–10" in problems[0].message
    case.set(storage={"missing_days": "carry"})
    assert amounts(case.rows(files)) == {"/a": 5 * SECONDS}
    _, problems = case.run(files)
    assert [(each.code, each.severity) for each in problems] == [("usage-missing-day", Severity.WARNING)]


def test_a_day_of_one_system_does_not_stand_for_another(case: Converted) -> None:
    """Two clusters without names in their listings: their files are told apart by what stands before the day."""
    files = daily(page(("/a", 5)), "east") | daily(page(("/b", 7)), "west", days=JANUARY[:-1])
    done, problems = case.run(files)
    assert done is None
    assert ["west-… on January 31" in each.message for each in problems] == [True]
    case.set(storage={"missing_days": "carry"})
    assert amounts(case.rows(files)) == {"/a": 5 * SECONDS, "/b": 7 * SECONDS}


def test_a_day_is_carried_on_from_the_one_before(case: Converted) -> None:
    case.set(storage={"missing_days": "carry"})
    files = {"q-2025-01-01.json": page(("/a", 1)), "q-2025-01-11.json": page(("/a", 100))}
    assert amounts(case.rows(files)) == {"/a": (10 * 1 + 21 * 100) * DAY}


def test_a_path_that_came_later_was_not_there_before(case: Converted) -> None:
    """The sample of that day is there, so nothing is missing."""
    files = {f"q-{day}.json": page(("/a", 1), *([("/b", 7)] if day.day > 20 else [])) for day in JANUARY}
    assert amounts(case.rows(files)) == {"/a": SECONDS, "/b": 7 * 11 * DAY}


def test_no_byte_of_nested_quotas_counts_twice(case: Converted) -> None:
    """A parent keeps what its children do not hold, at every depth; a name that only starts alike is no child."""
    nested = page(("/p/", 100), ("/p/a/", 60), ("/p/a/x/y/", 25), ("/p/b", 10), ("/p2", 9))
    rows = case.rows(daily(nested))
    assert amounts(rows) == {
        path: level * SECONDS for path, level in {"/p/": 30, "/p/a/": 35, "/p/a/x/y/": 25, "/p/b": 10, "/p2": 9}.items()
    }


def test_a_child_that_is_left_out_is_not_its_parent_s(case: Converted) -> None:
    case.set(storage={"paths": [{"pattern": "/p/a", "skip": True}]})
    assert amounts(case.rows(daily(page(("/p", 100), ("/p/a", 60))))) == {"/p": 40 * SECONDS}


def test_children_that_hold_more_than_their_parent_are_a_problem(case: Converted) -> None:
    assert case.codes(daily(page(("/p", 100), ("/p/a", 60), ("/p/b", 41)))) == {"usage-nested"}


def test_quotas_may_promise_more_below_than_they_have(case: Converted) -> None:
    rates = [{"id": "std", "resource": "quota", "unit": "TB-Months", "price": "2"}]
    case.set(storage={"bills": "quota"}, rates=rates)
    assert amounts(case.rows(daily(page(("/p", 1), ("/p/a", 1), ("/p/b", 1))))) == {
        "/p/a": 10 * TB * SECONDS,
        "/p/b": 10 * TB * SECONDS,
    }


def test_one_path_twice_counts_once_or_is_a_problem(case: Converted) -> None:
    done, problems = case.run(daily(page(("/a", 5), ("/a/", 5))))
    assert done is not None
    assert {each.code for each in problems} == {"usage-repeated"}
    assert [each.amount_in for each in done.meters] == [5 * SECONDS]
    assert case.codes(daily(page(("/a", 5), ("/a", 6)))) == {"usage-conflict"}


def test_the_last_sample_of_a_day_counts(case: Converted) -> None:
    noon, night = daily(page(("/a", 5)), "q-x"), {}
    for name, content in daily(page(("/a", 7)), "q-y").items():
        night[name.replace(".json", "T2300.json")] = content
    done, problems = case.run(noon | night)
    assert problems == []
    assert done is not None
    assert [each.amount_in for each in done.meters] == [7 * SECONDS]
    assert done.left_out == {"earlier sample of the same day": 31}


def test_samples_of_other_months_are_left_out_and_make_no_gap(case: Converted) -> None:
    files = daily(page(("/a", 5)), days=[*JANUARY, dt.date(2025, 2, 1), dt.date(2024, 12, 31)])
    done, problems = case.run(files)
    assert (problems, done and dict(done.left_out)) == ([], {"sample of another month": 2})


def test_the_month_is_found_if_there_is_only_one(case: Converted) -> None:
    done, _ = case.run(daily(page(("/a", 5))), period="")
    assert done is not None
    assert done.period == "2025-01"


@pytest.mark.parametrize("rows", ["day", "month"])
def test_what_is_free_is_a_row_of_its_own(case: Converted, rows: str) -> None:
    """One SKU, two SKU prices (FOCUS 1.2, SkuPriceId); free and standard add up to what is used."""
    case.set(
        rows=rows,
        owners=[{"account": path, "project": "sky", "pi": "zoe@example.edu"} for path in ("/a", "/b")],
        storage={"free": FREE},
    )
    found = case.rows(daily(page(("/a", 3 * TB), ("/b", TB), ("/c", 5))))
    prices = {row["SkuPriceId"].rpartition(".")[2] for row in found}
    assert (prices, len({row["SkuId"] for row in found})) == ({"free", "std"}, 1)
    free = [row for row in found if row["SkuPriceId"].endswith(".free")]
    assert sum(int(row["x_UsageSeconds"]) for row in free) == 2 * TB * SECONDS
    assert {(row["ContractedUnitPrice"], row["BilledCost"], row["ListUnitPrice"]) for row in free} == {
        ("0", "0", "8.5")
    }
    assert amounts(found) == {"/a": 3 * TB * SECONDS, "/b": TB * SECONDS, "/c": 5 * SECONDS}
    std = [row for row in found if row["SkuPriceId"].endswith(".std") and row["SubAccountId"] != "/c"]
    costs = sum((Decimal(row["BilledCost"]) for row in std), Decimal())
    assert abs(costs - 17) < Decimal("0.000001")


@pytest.mark.parametrize("rows", ["day", "month"])
def test_the_accounts_of_a_project_share_its_allowance_in_proportion(case: Converted, rows: str) -> None:
    """Whatever their names and however large they are; nothing is lost in rounding."""
    sizes = {"/a": 3 * TB, "/b": TB, "/z": 1}
    case.set(rows=rows, owners=[{"account": path, "project": "sky"} for path in sizes], storage={"free": FREE})
    free = [row for row in case.rows(daily(page(*sizes.items()))) if row["SkuPriceId"].endswith(".free")]
    used = amounts(free)
    assert sum(used.values()) == 2 * TB * SECONDS
    for path, size in sizes.items():
        # Byte-seconds, of some 5 × 10^18.
        assert abs(used.get(path, 0) - size * 2 * TB * SECONDS // sum(sizes.values())) <= 10**8


@pytest.mark.parametrize(("per", "billed"), [("month", 0), ("day", 16)])
def test_the_allowance_is_compared_after_the_mean_or_before(case: Converted, per: str, billed: int) -> None:
    """16 days with 3 TB, 15 with nothing: the mean is below 2 TB, the days are not."""
    files = {f"q-{day}.json": page(("/a", 3 * TB if day.day <= 16 else 0)) for day in JANUARY}
    free = {"free": {"amount": "2", "per": per}}
    rows = case.set(rows="day", owners=[{"account": "/a", "project": "sky"}], storage=free).rows(files)
    std = [row for row in rows if row["SkuPriceId"].endswith(".std")]
    assert sum(int(row["x_UsageSeconds"]) for row in std) == billed * TB * DAY


def test_an_allowance_can_be_for_one_tier(case: Converted) -> None:
    paths = [{"pattern": "/(?P<tier>fast|slow)/.*"}]
    owners = [{"account": f"/{tier}/a", "project": "sky"} for tier in ("fast", "slow")]
    case.set(owners=owners, storage={"paths": paths, "free": {**FREE, "tiers": ["slow"]}})
    rows = case.rows(daily(page(("/fast/a", TB), ("/slow/a", TB))))
    assert {row["SkuId"]: row["SkuPriceId"] for row in rows} == {
        "storage.fast.capacity": "storage.fast.capacity.std",
        "storage.slow.capacity": "storage.slow.capacity.std.free",
    }


def test_an_allowance_per_day_needs_rows_of_a_day(case: Converted) -> None:
    case.set(storage={"free": {"amount": "2", "per": "day"}})
    assert case.codes(daily(page(("/a", 1)))) == {"wrong-value"}


def test_what_was_bought_is_billed_by_its_days(case: Converted) -> None:
    bought = [
        {"path": "/a", "amount": "2", "until": "2025-01-10"},
        {"path": "/a/", "amount": "5", "from": "2025-01-11"},
    ]
    rates = [{"id": "std", "resource": "quota", "unit": "TB-Months", "price": "2"}]
    case.set(storage={"bills": "purchased", "purchased": bought}, rates=rates)
    files = daily(page(("/a", 1)))
    assert amounts(case.rows(files)) == {"/a": (2 * 10 + 5 * 21) * TB * DAY}
    assert case.codes(daily(page(("/a", 1), ("/b", 1)))) == {"usage-quota"}
    case.set(storage={"purchased": [*bought, {"path": "/typo", "amount": "1"}]})
    _, problems = case.run(files)
    assert [(each.code, each.severity, each.line > 0) for each in problems] == [("usage-quota", Severity.WARNING, True)]


def test_binary_units_are_not_decimal_ones(case: Converted) -> None:
    rates = [{"id": "std", "resource": "capacity", "unit": "TiB-Months", "price": "8.50"}]
    files = daily(page(("/a", 2**40)))
    case.set(rates=rates)
    assert case.codes(files) == {"rate-unit"}
    (row,) = case.set(storage={"unit": "TiB"}).rows(files)
    assert (row["PricingQuantity"], row["PricingUnit"], row["ConsumedUnit"]) == ("1", "TiB-Months", "TiB-Months")


@pytest.mark.parametrize("key", ["metric", "bills", "unit", "basis"])
def test_what_is_a_matter_of_contract_has_no_default(case: Converted, key: str) -> None:
    assert case.set(storage={key: None}).codes(daily(page(("/a", 1)))) == {"missing-key"}


def test_the_zone_has_no_default(case: Converted) -> None:
    assert case.set(timezone="").codes(daily(page(("/a", 1)))) <= {"usage-zone", "wrong-value"}


@pytest.mark.slow
def test_paths_name_projects_of_the_directory(tmp_path: Path) -> None:
    """And the program's own reading finds nothing to complain of in the charges, nor any flag."""
    ledger = tmp_path / "ledger"
    (ledger / "charges").mkdir(parents=True)
    (ledger / "directory").mkdir()
    settings = "organization: Northfield University\ntags: {pi: pi, project: project, fund: fund}\n"
    (ledger / "config.yaml").write_text(settings)
    projects = "projects:\n  - {id: astro, pi: zoe@example.edu, fund: AST-1}\n"
    (ledger / "directory/projects.yaml").write_text(projects)
    case = Converted(tmp_path, "storage", STORAGE).set(account_is_project=True, storage={"free": FREE})
    case.set(storage={"paths": [{"pattern": "/projects/(?P<project>[^/]+)/?", "tier": "fast"}]})
    files = daily(page(("/projects/astro/", 3 * TB)))
    case.run(files)
    for rows, bills in (("day", "used"), ("month", "used"), ("job", "used"), ("day", "quota")):
        rates = [
            {"id": "std", "resource": "quota" if bills == "quota" else "capacity", "unit": "TB-Months", "price": "2"}
        ]
        case.set(rows=rows, storage={"bills": bills}, rates=rates).run({}, allow_empty=True)
        out = ["-o", str(ledger / "charges/2025-01/storage.csv"), "--ledger", str(ledger)]
        inputs = [str(tmp_path / name) for name in files]
        done = CliRunner().invoke(cli, ["convert", "storage", *inputs, "--config", str(tmp_path / "config.yaml"), *out])
        assert done.exit_code == 0, (done.output, done.exception)
        arguments = ["validate", "--ledger", str(ledger), "--format", "json", "--full"]
        found = json.loads(CliRunner().invoke(cli, arguments).stdout)
        assert [each for each in found["problems"] if each["path"].startswith("charges/")] == []
        assert found["valid"]
        shown = CliRunner().invoke(cli, ["periods", "show", "2025-01", "--ledger", str(ledger), "--json"])
        assert json.loads(shown.stdout)["flags"] == []
        written = (ledger / "charges/2025-01/storage.csv").read_text()
        assert '""project"": ""astro""' in written
        assert "storage.fast.quota" in written if bills == "quota" else "storage.fast.capacity" in written


def test_a_path_is_not_billed_by_two_sources(tmp_path: Path) -> None:
    """Even from two different samples of one day."""
    ledger = tmp_path / "ledger"
    (ledger / "charges").mkdir(parents=True)
    (ledger / "config.yaml").write_text("organization: Northfield University\n")
    case = Converted(tmp_path, "storage", STORAGE)
    files = daily(page(("/a", TB)))
    case.run(files)
    outcome = []
    for name in ("one", "two"):
        out = ["-o", str(ledger / f"charges/2025-01/{name}.csv"), "--ledger", str(ledger)]
        inputs = [str(tmp_path / each) for each in files]
        done = CliRunner().invoke(cli, ["convert", "storage", *inputs, "--config", str(tmp_path / "config.yaml"), *out])
        outcome.append({each.code for each in getattr(done.exception, "problems", ())} - {"owner-unknown"})
    assert outcome == [set(), {"usage-billed-already"}]
