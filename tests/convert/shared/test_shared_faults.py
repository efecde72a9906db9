"""What cannot be split is a problem with file and line, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest
from pools import OWNERS, ROW, USE, Case, costs, pod, table

from openchargeback.problems import Problem, Severity, UsageFault


def found(problems: list[Problem]) -> list[tuple[str, str, int]]:
    return [(each.code, each.path, each.line) for each in problems if each.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ([pod("astro", "1,5", 1)], ("shared-number", "opencost.csv", 2)),
        ([pod("astro", 1, 1), pod("bio", "NaN", 1)], ("shared-number", "opencost.csv", 3)),
        # Rows of an older release under a newer header.
        ([pod("astro", 1, 1), pod("bio", "", 1)], ("shared-number", "opencost.csv", 3)),
        ([pod("astro", 1, 1), pod("bio", "-0.1", 1)], ("shared-negative", "opencost.csv", 3)),
        ([pod("", 1, 1)], ("shared-number", "opencost.csv", 2)),
        ([pod("astro", 1, 1, day="5/1/25")], ("shared-date", "opencost.csv", 2)),
        ([pod("astro", 1, 1), pod("bio", 1, 1, day="2025-02-01")], ("shared-month", "opencost.csv", 3)),
        ([pod("astro", 1, 1), pod("astro", 1, 1)], ("shared-repeated", "opencost.csv", 3)),
        ([pod("astro", 1, 0), pod("bio", 1, 0)], ("shared-weight", "aws.csv", 2)),
        ([pod("astro", 0, 0)], ("shared-weight", "aws.csv", 2)),
    ],
)
def test_a_faulty_table_of_use(shared: Case, use: list[dict[str, object]], expected: tuple[str, str, int]) -> None:
    assert expected in found(shared.faults(use=table(use)))


@pytest.mark.parametrize(
    ("use", "code"),
    [
        ("", "empty-file"),
        ("Namespace,Date,CPUCost,RAMCost\n", "usage-empty"),
        ("Namespace,Date,CPUCost\nastro,2025-01-01,1\n", "usage-columns"),
        ("Namespace,Date,CPUCost,RAMCost,CPUCost\nastro,2025-01-01,1,1,1\n", "usage-columns"),
        (USE[:-1], "usage-cut"),
        (USE + "short,row\n", "usage-cells"),
        (f"\n{USE}", "usage-cells"),
    ],
)
def test_a_table_that_cannot_be_read(shared: Case, use: str, code: str) -> None:
    problems = shared.faults(use=use)
    assert code in {each.code for each in problems}
    assert {each.path for each in problems if each.code == code} == {"opencost.csv"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{}, {"BillingCurrency": "EUR"}], ("shared-currency", "aws.csv", 3)),
        (
            [{}, {"BillingPeriodStart": "2025-02-01T00:00:00Z", "BillingPeriodEnd": "2025-03-01T00:00:00Z"}],
            ("shared-month", "aws.csv", 3),
        ),
        ([{}, {"BilledCost": "1,000.00"}], ("type-error", "aws.csv", 3)),
        ([{"ResourceId": "vol-1"}], ("shared-no-cost", "config.yaml", 7)),
    ],
)
def test_faulty_costs(shared: Case, rows: list[dict[str, str]], expected: tuple[str, str, int]) -> None:
    problems = found(shared.faults(costs(*rows)))
    assert expected[:2] in [each[:2] for each in problems]
    if expected[1] == "aws.csv":
        assert expected in problems


def test_all_faults_are_reported_at_once(shared: Case) -> None:
    use = table([pod("astro", "x", 1), pod("bio", 1, "-1"), pod("bio", 1, 1, day="2024-12-31", Pod="other")])
    codes = {code for code, _, _ in found(shared.faults(costs({"BillingCurrency": "EUR"}), use))}
    assert codes == {"shared-number", "shared-negative", "shared-month", "shared-currency"}


def test_a_row_in_two_pools_is_a_problem(shared: Case) -> None:
    problems = shared.pools({}, {"id": "all", "match": {"ServiceName": "Amazon.*"}}).faults(costs({}, {}))
    assert [(each.code, each.line, each.count) for each in problems] == [("shared-overlap", 2, 2)]
    assert "k8s, all" in problems[0].message


def test_a_row_that_is_a_share_is_not_split_again(shared: Case) -> None:
    shared.split()
    problems = shared.faults_of_output()
    assert {each.code for each in problems} == {"shared-overlap"}


def test_a_pool_without_use_or_with_an_unknown_column(shared: Case) -> None:
    assert "shared-no-usage" in {each.code for each in shared.pool(usage="kubecost.csv").faults()}
    assert {each.code for each in shared.pool(match={"ResourceID2": "x"}).faults()} == {"shared-column"}


def test_a_file_that_is_neither_costs_nor_use(shared: Case) -> None:
    done, problems = shared.run(names={"aws.csv": costs(), "opencost.csv": USE, "other.csv": "a,b\n1,2\n"})
    assert done is None
    assert {each.path for each in problems if each.severity is Severity.ERROR} == {"other.csv"}


def test_the_same_export_twice(shared: Case) -> None:
    """Costs too: a row of a charge file has no id by which a copy could be told from another such row."""
    done, problems = shared.run(names={"aws.csv": costs(), "opencost.csv": USE, "opencost-2.csv": USE})
    assert done is None
    assert found(problems) == [("shared-repeated", "opencost-2.csv", 0)]
    done, problems = shared.run(names={"aws.csv": costs(), "aws-2.csv": costs(), "opencost.csv": USE})
    assert done is None
    assert found(problems) == [("shared-repeated", "aws-2.csv", 0)]


def test_two_exports_that_overlap(shared: Case) -> None:
    more = f"{USE}{table([pod('chem', '1', '1')]).splitlines()[1]}\n"
    done, problems = shared.run(names={"aws.csv": costs(), "opencost.csv": USE, "opencost-2.csv": more})
    assert done is None
    assert found(problems) == [("shared-repeated", "opencost-2.csv", line) for line in (2, 3, 4)]


def test_costs_of_the_config_add_no_column_that_rows_of_files_may_not_lack(shared: Case) -> None:
    """BillingAccountType is not in files of FOCUS 1.0, and must not be null where it is."""
    older = table([{name: cell for name, cell in ROW.items() if name != "BillingAccountType"}])
    pool = {"costs": [{"name": "License", "amount": "10"}], "id": "license", "match": {}, "usage": "opencost*.csv"}
    shared.pools({}, pool).set(service="S", provider="P", billing_account="B")
    assert "BillingAccountType" not in shared.split(older)[0]


def test_an_idle_share_without_owner(shared: Case) -> None:
    problems = shared.pool(idle="owner").faults()
    assert found(problems) == [("shared-idle", "config.yaml", 0)]


def test_more_use_than_capacity(shared: Case) -> None:
    shared.pool(format="table", resource="lab", weights=[{"column": "hours", "capacity": "10"}])
    assert {each.code for each in shared.faults(use="lab,hours\nastro,11\n")} == {"shared-weight"}


@pytest.mark.parametrize(
    "pool",
    [
        {"match": {}},
        {"format": "table", "weights": []},
        {"weights": [{"column": "CPUCost", "share": "50"}]},
        {"weights": [{"column": "CPUCost"}, {"column": "RAMCost", "share": "0"}]},
        {"weights": [{"column": "CPUCost", "share": "50"}, {"column": "CPUCost", "share": "50"}]},
        {"weights": [{"column": "CPUCoreUsageAverage"}]},
        {"format": "table", "resource": "lab", "by": "day"},
    ],
)
def test_a_pool_that_cannot_be_split(shared: Case, pool: dict[str, Any]) -> None:
    assert {each.code for each in shared.pool(**pool).faults()} == {"shared-setting"}


def test_costs_of_the_config_need_a_month_and_who_bills_them(shared: Case) -> None:
    shared.pool(match={}, costs=[{"name": "License", "amount": "10"}])
    assert [each.code for each in shared.faults()] == ["shared-setting"] * 3
    with pytest.raises(UsageFault, match="--period"):
        shared.faults(period="")


def test_an_account_without_project_is_shared_without_tags_and_reported(shared: Case) -> None:
    done, problems = shared.set(owners=OWNERS[:1]).run(names={"aws.csv": costs(), "opencost.csv": USE})
    assert done is not None
    assert [(each.code, each.severity, "bio" in each.message) for each in problems] == [
        ("owner-unknown", Severity.WARNING, True)
    ]
    assert ",bio,bio,{}" in shared.output.read_text(encoding="utf-8")


def test_a_month_without_the_cluster_is_right_if_someone_says_so(shared: Case) -> None:
    names = {"aws.csv": costs({"ResourceId": "vol-1"}), "opencost.csv": USE}
    done, problems = shared.run(names=names, allow_empty=True)
    assert done is not None, problems
    assert (done.rows, done.used) == (1, 0)
