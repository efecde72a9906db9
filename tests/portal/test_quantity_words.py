"""Quantity × unit price as on statements: short, and true to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openchargeback import money
from openchargeback.model import Usage, Various
from openchargeback.portal.quantity_words import quantity_words, unit_words

WORDS = {
    ("412.5", "Core-Hours", "0.0125"): "412.5 core-hours × 0.0125",
    ("744", "Hours", "0.816"): "744 hours × 0.816",
    ("13794.9703", "Core-Hours", "0.012"): "13,794.97 core-hours × 0.012",
    ("6.2008", "TB-Months", "8"): "6.2008 TB-months × 8.00",
    ("32749411.7612", "GB-Seconds", "0.0000166667"): "32,749,411.76 GB-seconds × 0.0000166667",
    ("3", "1M Requests", "0.4"): "3 (1M requests) × 0.40",
    ("-226.6667", "Hours", "0.816"): "\N{MINUS SIGN}226.667 hours × 0.816",
    ("5", "", "2"): "5 × 2.00",
}


@pytest.mark.parametrize(("usage", "words"), WORDS.items())
def test_quantity_and_price(usage: tuple[str, str, str], words: str) -> None:
    quantity, unit, price = usage
    of = Usage(quantity=Decimal(quantity), unit=unit, list_unit_price=Decimal(price))
    assert quantity_words(of, "USD") == words


def test_what_is_not_uniform() -> None:
    assert quantity_words(Usage(various=Various.UNIT), "USD") == "various"
    some = Usage(quantity=Decimal("1203.5"), unit="Hours", various=Various.PRICE, contracted_unit_price=Decimal(1))
    assert quantity_words(some, "USD") == "1,203.5 hours × various"
    assert quantity_words(Usage(), "USD") == ""
    assert quantity_words(Usage(quantity=Decimal(7), unit="Requests"), "USD") == "7 requests"
    contracted = Usage(quantity=Decimal(7), unit="Hours", contracted_unit_price=Decimal("0.5"))
    assert quantity_words(contracted, "USD") == "7 hours × 0.50"
    yen = Usage(quantity=Decimal("10.25"), unit="Hours", list_unit_price=Decimal(8))
    assert quantity_words(yen, "JPY") == "10.25 hours × 8"


def test_units() -> None:
    units = ("GB-Months", "Core-Hours", "vCPU-Hours", "GiB", "Mbps", "Units\n", "1K Tokens", "GPU-Hours")
    assert [unit_words(unit) for unit in units] == [
        *("GB-months", "core-hours", "vCPU-hours", "GiB", "Mbps", "units", "1K tokens", "GPU-hours")
    ]


numbers = st.decimals(Decimal("0.000000001"), Decimal("1e9"), places=12)


@given(numbers, numbers)
def test_the_product_of_the_printed_figures_is_the_list_price_to_a_tenth_of_a_cent(
    quantity: Decimal, price: Decimal
) -> None:
    words = quantity_words(Usage(quantity=quantity, unit="x", list_unit_price=price), "USD")
    printed, shown = (Decimal(part.split()[0].replace(",", "")) for part in words.split(" × "))
    exact, product = money.product(quantity, price), money.product(printed, shown)
    # Each figure is off by half a tenth of a cent at most; the product of both roundings is far smaller.
    assert abs(exact - product) <= Decimal("0.0011")


def test_several_resources_as_one() -> None:
    hour = Usage(quantity=Decimal(2), unit="Hours", list_unit_price=Decimal(3))
    assert Usage.together([hour, hour]).quantity == 4
    assert Usage.together([hour, hour]).unit_price == 3
    other = Usage(quantity=Decimal(2), unit="hours", list_unit_price=Decimal(4))
    assert Usage.together([hour, other]).various is Various.PRICE
    assert Usage.together([hour, other]).quantity == 4
    assert Usage.together([hour, Usage(quantity=Decimal(2), unit="GB")]).various is Various.UNIT
    assert Usage.together([hour, Usage()]).various is Various.UNIT
    assert Usage.together([Usage(), Usage()]) == Usage()
    assert Usage.together([hour, Usage(various=Various.UNIT)]).various is Various.UNIT
