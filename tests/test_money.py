"""Amounts as text: what FOCUS allows is read exactly, everything else is refused."""

from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openchargeback import money


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", "0"), ("-0", "0"), (".5", "0.5"), ("5.", "5"), ("1.5e3", "1500"), ("1E-18", "1E-18"), ("5e-19", "1E-18"),
     ("-5e-19", "-1E-18"), ("4.9e-19", "0"), ("999999999999999", "999999999999999")],
)  # fmt: skip
def test_numbers_are_exact(text, value):
    assert money.parse(text) == Decimal(value)
    assert not (money.parse(text) == 0 and money.parse(text).is_signed())


@pytest.mark.parametrize(
    "text", ["", " ", " 1", "1 ", "+5", "1,000", "1_000", "$5", "NaN", "Infinity", "1e", ".", "-", "٣", "1e20", "0x1"]
)
def test_what_is_no_number_is_refused(text):
    assert money.parse(text) is None


@pytest.mark.parametrize(("text", "value"), [("1" * 3_000_000, None), (f"0.{'0' * 3_000_000}1", 0)])
def test_a_number_of_millions_of_digits_is_no_crash(text, value):
    assert money.parse(text) == value


@given(st.decimals("-99999999", "99999999", places=18))
def test_exact_amounts_survive_a_round_trip(value):
    assert money.parse(money.exact(value)) == value
    assert money.beyond_exact(money.exact(value)) == 0


@given(st.decimals("-9999", "9999", places=25))
def test_what_rounding_takes_is_told(value):
    text = f"{value:f}"
    with localcontext(Context(prec=60)):
        assert money.parse(text) + money.beyond_exact(text) == value


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("0.005", "USD", "0.01"), ("-0.005", "USD", "-0.01"), ("-0.004", "USD", "0.00"), ("1.5", "JPY", "2"),
     ("1.0005", "KWD", "1.001"), ("2", "ZZZ", "2.00")],
)  # fmt: skip
def test_cents_are_rounded_half_up(amount, currency, shown):
    assert money.plain(Decimal(amount), currency) == shown


def test_people_read_groups_and_a_true_minus():
    assert money.human(Decimal("-1234.5"), "USD") == "−1,234.50"


@pytest.mark.parametrize(
    ("part", "whole", "share"), [("1", "0", None), ("999", "1000", "99"), ("1", "1000", "0.1"), ("1", "1", "100")]
)
def test_percent_is_never_all_or_nothing_by_rounding(part, whole, share):
    assert money.percent(Decimal(part), Decimal(whole)) == (None if share is None else Decimal(share))
