"""What a message about a charge file promises is what becomes of the rows that it is about."""

import sys
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

from small_ledger import bill, charge, csv_text, flags, sums

CASES = Path(__file__).parents[1] / "cases"
HELD, ABOVE, NEGATIVE = ["missing-pi", "missing-project", "missing-fund"], ["above-list"], ["negative-usage"]
UNTAGGED = {"Tags": ""}


def row(cost, list_=None, category="Usage", **cells):
    """A charge; its list price is its cost unless another is given."""
    return charge(cost, ListCost=str(cost) if list_ is None else list_, ChargeCategory=category, **cells)


@pytest.mark.parametrize(
    ("code", "about", "told", "expected", "list_price"),
    [
        ("list-cost-zero", row(5, "0"), "above 0 is flagged above-list", ABOVE, 0),
        ("list-cost-zero", row(5, "0.00", "Purchase"), "above 0 is flagged above-list", ABOVE, 0),
        ("list-cost-zero", row(5, "0", ""), "above 0 is flagged above-list", ABOVE, 0),
        ("list-cost-zero", row(-5, "0", "Purchase"), "above 0 is flagged above-list", [], 0),
        ("list-cost-zero", row(8, "0", "Tax"), "counts as the list price", [], 8),
        ("list-cost-zero", row(-8, "0E0", "tax"), "counts as the list price", [], -8),
        ("list-cost-zero", row("0.03", "0", "Adjustment"), "counts as the list price", [], Decimal("0.03")),
        ("list-cost-zero", row(5, "0", x_SkuMeterCategory="Azure"), "counts as the list price", [], 5),
        ("negative-usage", row(-5), "decide the charges flagged negative-usage", NEGATIVE, -5),
        ("mixed-currencies", row(5, BillingCurrency="EUR"), "held as foreign-currency", ["foreign-currency"], None),
        ("currency-code", row(5, BillingCurrency="US$"), "code in capitals", ["foreign-currency"], None),
        ("currency-code", row(5, BillingCurrency="usd"), "code in capitals", [], 5),
        ("duplicate-json-key", row(5, Tags='{"pi_email": "a@x", "pi_email": "b@x"}'), "twice", ["malformed-tags"], 5),
        ("date-time-spelling", row(5, BillingPeriodStart="2025-01-31 23:59"), "read as UTC", [], 5),
        ("value-case", row(-5, category="USAGE"), "another case", NEGATIVE, -5),
        ("effective-zero", row(5, EffectiveCost="0"), "is 0 on billed usage", [], 5),
        ("commitment-purchase-billed", row(5, category="Purchase", CommitmentDiscountId="c-1"), "is billed", [], 5),
        ("null-value", row(5, BillingAccountType=""), "billing is not affected", [], 5),
    ],
)
def test_what_is_promised_happens(tmp_path, code, about, told, expected, list_price):
    usual = charge(1, BillingCurrency="USD", ChargeCategory="Usage", ResourceId="usual", BillingAccountType="a")
    rows = [usual, usual | {"ResourceId": "usual too"}, about]
    period, problems = bill(tmp_path, csv_text([usual | each for each in rows]), warnings=True)
    (problem,) = [each for each in problems if each.code == code]
    assert told in f"{problem.message}; {problem.fix}"
    assert (problem.line, problem.count) == (4, 1)
    assert flags(period) == dict.fromkeys(expected, 1)
    if list_price is not None:
        (source,) = period.sources
        assert source.imported_list == 2 + list_price


def test_what_nobody_used_needs_an_owner(tmp_path):
    config = "organization: A\nsources: {hpc: {cost: EffectiveCost}}\n"
    unused = row(40, **UNTAGGED, CommitmentDiscountId="c-1", CommitmentDiscountStatus="Unused")
    period, problems = bill(tmp_path, [unused], config=config, warnings=True)
    assert [each.count for each in problems if each.code == "unused-commitment"] == [1]
    assert flags(period) == dict.fromkeys(HELD, 1)


def test_a_tax_with_a_list_cost_of_zero_is_no_discount(tmp_path):
    """100.00 of usage at a list price of 120.00, and 8.00 of tax with ListCost 0."""
    period, _ = bill(tmp_path, (CASES / "tax-list-zero.csv").read_text())
    assert flags(period) == {}
    assert sums(period) == (108, 108, 0, 0)
    (statement,) = period.statements
    amounts = statement.amounts
    assert (amounts.list, amounts.discount, amounts.billed) == (Decimal("128.00"), Decimal("20.00"), Decimal("108.00"))
