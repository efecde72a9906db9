"""Days, quantity and unit prices of resources: as the rows say, where all of them agree."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

from closed_ledger import CONFIG, close, month
from small_ledger import bill, charge, csv_text

from openchargeback.model import BilledPeriod, Usage, Various

HOURS = {"PricingQuantity": "10", "PricingUnit": "Hours", "ListUnitPrice": "0.5", "ContractedUnitPrice": "0.4"}


def used(root: Path, *rows: dict[str, Any]) -> Usage:
    """The usage of the one resource that these rows are on."""
    period, problems = bill(root, [charge("4", **{"ListCost": "5", **row}) for row in rows])
    assert [each for each in problems if each.severity == "error"] == []
    ((resource,),) = (each.resources for each in period.statements)
    return resource.usage


def measure(usage: Usage) -> tuple[object, ...]:
    return usage.quantity, usage.unit, usage.list_unit_price, usage.contracted_unit_price, usage.various


def test_quantities_add_up_where_unit_and_price_are_the_same(tmp_path: Path) -> None:
    usage = used(tmp_path, HOURS, {**HOURS, "PricingQuantity": "2.5", "PricingUnit": "hours"})
    assert measure(usage) == (Decimal("12.5"), "Hours", Decimal("0.5"), Decimal("0.4"), Various.NOTHING)
    assert usage.unit_price == Decimal("0.5")


def test_days_run_from_the_first_to_the_last(tmp_path: Path) -> None:
    usage = used(
        tmp_path,
        {"ChargePeriodStart": "2025-01-05T00:00:00Z", "ChargePeriodEnd": "2025-01-06T00:00:00Z"},
        {"ChargePeriodStart": "2025-01-20T00:00:00Z", "ChargePeriodEnd": "2025-01-22T12:00:00Z"},
    )
    # Ends are exclusive (FOCUS 1.2, "ChargePeriodEnd").
    assert (usage.first_day, usage.last_day) == (dt.date(2025, 1, 5), dt.date(2025, 1, 22))


DIFFERENT = {
    "unit": ({"PricingUnit": "GB"}, (None, "", None, None, Various.UNIT)),
    "no quantity": ({"PricingQuantity": "", "PricingUnit": ""}, (None, "", None, None, Various.UNIT)),
    "list price": ({"ListUnitPrice": "0.6"}, (Decimal(20), "Hours", None, Decimal("0.4"), Various.PRICE)),
    "no list price": ({"ListUnitPrice": ""}, (Decimal(20), "Hours", None, Decimal("0.4"), Various.PRICE)),
    "contracted price": (
        {"ContractedUnitPrice": "0.3"},
        (Decimal(20), "Hours", Decimal("0.5"), None, Various.NOTHING),
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_various(tmp_path: Path, name: str) -> None:
    other, expected = DIFFERENT[name]
    assert measure(used(tmp_path, HOURS, {**HOURS, **other})) == expected


def test_contracted_prices_alone_decide_if_there_is_no_list_price(tmp_path: Path) -> None:
    without = {**HOURS, "ListUnitPrice": ""}
    same = used(tmp_path / "same", without, without)
    assert (same.various, same.unit_price) == (Various.NOTHING, Decimal("0.4"))
    assert used(tmp_path / "other", without, {**without, "ContractedUnitPrice": "1"}).various is Various.PRICE


def test_a_charge_of_nothing_says_nothing(tmp_path: Path) -> None:
    zero = {
        **HOURS,
        "PricingQuantity": "0",
        "PricingUnit": "GB",
        "ListCost": "0",
        "BilledCost": "0",
        "EffectiveCost": "0",
    }
    usage = used(
        tmp_path, HOURS, zero, {"PricingQuantity": "", "ListCost": "0", "BilledCost": "0", "EffectiveCost": "0"}
    )
    assert measure(usage) == (Decimal(10), "Hours", Decimal("0.5"), Decimal("0.4"), Various.NOTHING)


CONSUMED = {"ConsumedQuantity": "7", "ConsumedUnit": "Hours", "ListUnitPrice": "0.5"}


def test_what_was_consumed_counts_where_nothing_is_priced(tmp_path: Path) -> None:
    assert used(tmp_path / "a", CONSUMED).unit_price == Decimal("0.5")
    assert used(tmp_path / "b", {**CONSUMED, "PricingUnit": "hours"}).quantity == 7
    # A price per GB is no price of an hour.
    other = used(tmp_path / "c", {**CONSUMED, "PricingUnit": "GB"})
    assert measure(other) == (Decimal(7), "Hours", None, None, Various.NOTHING)
    priced = used(tmp_path / "d", {**CONSUMED, "PricingQuantity": "3", "PricingUnit": "Sets"})
    assert (priced.quantity, priced.unit) == (3, "Sets")


def test_no_quantity_at_all(tmp_path: Path) -> None:
    assert measure(used(tmp_path, {}, {})) == (None, "", None, None, Various.NOTHING)


def test_amounts_never_follow_from_quantity_and_price(tmp_path: Path) -> None:
    period, _ = bill(tmp_path, [charge("4.005", **{"ListCost": "99", **HOURS})])
    (resource,) = period.statements[0].resources
    assert (resource.amounts.list, resource.amounts.billed) == (Decimal("99.01"), Decimal("4.01"))


def test_smaller_resources_together_have_days_but_no_quantity(tmp_path: Path) -> None:
    rows = [charge("4", **{**HOURS, "ResourceId": f"r-{n}", "ResourceName": ""}) for n in range(4)]
    period, _ = bill(tmp_path, rows, config="organization: A\ncurrency: USD\nstatements: {resources: 1}\n")
    (more,) = [each for each in period.statements[0].resources if each.resource_name == "3 more resources"]
    assert more.usage == Usage(first_day=dt.date(2025, 1, 5), last_day=dt.date(2025, 1, 5))


@pytest.fixture
def closed(tmp_path: Path) -> tuple[BilledPeriod, Path]:
    """A month before it is closed, and its ledger after that."""
    rows = [
        charge("4", **HOURS),
        charge("5", **{**HOURS, "ListUnitPrice": "0.75"}),
        charge("6", ResourceId="r-2", ResourceName=""),
        charge("7", **{**HOURS, "ResourceId": "r-3", "PricingUnit": 'a,"b'}),
    ]
    files = {
        "config.yaml": CONFIG,
        "logo.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "charges/2025-01/aws.csv": csv_text(rows),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    before = month(tmp_path)
    close(tmp_path)
    return before, tmp_path


def test_the_closing_record_has_all_of_it(closed: tuple[BilledPeriod, Path]) -> None:
    before, root = closed
    after = month(root)
    assert [each.resources for each in after.statements] == [each.resources for each in before.statements]
    assert {part.usage.various for each in after.statements for part in each.resources} == {
        Various.NOTHING,
        Various.PRICE,
    }


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        (",10,", ",ten,", "quantity is not empty or an amount: ten"),
        (",2025-01-05,", ",2025-01-32,", "first_day is not empty or a day such as 2025-01-31: 2025-01-32"),
        (",price", ",prices", "various is not one of price, unit: prices"),
    ],
)
def test_a_faulty_cell_of_the_record_is_told(
    closed: tuple[BilledPeriod, Path], was: str, becomes: str, message: str
) -> None:
    from openchargeback.ledger import table
    from openchargeback.problems import Problem
    from openchargeback.record.tables import columns_of

    data = (closed[1] / "periods/2025-01.resources.csv").read_text(encoding="utf-8")
    assert was in data
    problems: list[Problem] = []
    columns = columns_of("resources.csv", "2025-01", "USD")
    table.read_table(data.replace(was, becomes).encode(), "x", columns, problems)
    assert message in {each.message for each in problems}
