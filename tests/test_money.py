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


@pytest.mark.parametrize(
    ("currencies", "places"),
    [
        ("JPY KRW ISK VND BIF CLP", 0),
        ("XAF XOF XPF", 0),
        ("USD EUR CHF ZZZ", 2),
        ("KWD BHD TND OMR", 3),
        ("CLF UYW", 4),
    ],
)
def test_a_currency_has_the_places_of_its_minor_unit(currencies, places):
    for currency in currencies.split():
        assert money.places(currency) == places
        assert money.minor_unit(currency) == Decimal(1).scaleb(-places)


@pytest.mark.parametrize(("digits", "most"), [(money.MAX_DIGITS, 15), (money.SUM_DIGITS, 20), (3, 3)])
def test_an_amount_has_so_many_digits_before_the_point_and_no_more(digits, most):
    for sign in ("", "-"):
        assert money.parse(f"{sign}{'9' * most}.99", digits) == Decimal(f"{sign}{'9' * most}.99")
        assert money.parse(f"{sign}1{'0' * most}", digits) is None
    assert money.parse("9" * 16) is None
    assert money.parse("9" * 15) is not None


_exact = st.decimals(-(10**20) + 1, 10**20 - 1, places=18)


@given(st.lists(_exact, max_size=6))
def test_sums_and_negatives_are_exact_to_the_last_digit(amounts):
    scaled = [int(amount.scaleb(18, Context(prec=60))) for amount in amounts]
    assert int(money.total(*amounts).scaleb(18, Context(prec=60))) == sum(scaled)
    for amount in amounts:
        assert money.total(amount, money.negative(amount)) == 0
        assert not money.negative(abs(amount) * 0).is_signed()


@pytest.mark.parametrize(
    ("amounts", "middle"),
    [
        ([], None), (["7"], "7"), (["9", "1"], "5"), (["9", "1", "2"], "2"), (["4", "1", "3", "2"], "2.5"),
        (["-5", "3", "0"], "0"), (["1", "2"], "1.5"), (["0.000000000000000001", "0.000000000000000002"], "2E-18"),
        (["9" * 19 + "8", "9" * 20 + ".000000000000000002"], "9" * 19 + "8.500000000000000001"),
    ],
)  # fmt: skip
def test_the_median_is_the_middle_one_or_the_mean_of_two(amounts, middle):
    assert money.median([Decimal(each) for each in amounts]) == (None if middle is None else Decimal(middle))


@pytest.mark.parametrize(
    ("amount", "currency", "floor"),
    [
        ("0.019", "USD", "0.01"),
        ("-0.011", "USD", "-0.02"),
        ("1.9", "JPY", "1"),
        ("-0.01", "USD", "-0.01"),
        ("3", "KWD", "3"),
    ],
)
def test_the_floor_in_cents_lies_below(amount, currency, floor):
    assert money.floor_to_cents(Decimal(amount), currency) == Decimal(floor)


@given(st.lists(st.decimals("-99", "99", places=4), min_size=1, max_size=8), st.sampled_from(["USD", "JPY", "KWD"]))
def test_shares_sum_to_the_whole_and_the_largest_remainders_get_the_rest(exact, currency):
    parts, unit = dict(enumerate(exact)), money.minor_unit(currency)
    whole = money.to_cents(money.total(*exact), currency)
    shares = money.share_out(whole, parts, currency)
    assert sum(shares.values()) == whole
    floors = {key: money.floor_to_cents(amount, currency) for key, amount in parts.items()}
    assert all(shares[key] - floors[key] in (0, unit) for key in parts)
    # Whoever got a unit has a larger remainder than whoever got none, or the same and an earlier place.
    left = {key: (floors[key] - parts[key], key) for key in parts}
    got = [left[key] for key in parts if shares[key] != floors[key]]
    others = [left[key] for key in parts if shares[key] == floors[key]]
    assert not got or not others or max(got) < min(others)


@pytest.mark.parametrize(
    ("amount", "machines", "people"),
    [("0.000612", "0.000612", "0.000612"), ("-100.0010", "-100.001", "−100.001"), ("12.50", "12.5", "12.5"),
     ("100", "100", "100"), ("-0", "0", "0"), ("0.00", "0", "0"), ("1E+3", "1000", "1000"), ("-0.0", "0", "0")],
)  # fmt: skip
def test_exact_amounts_have_no_needless_zeros(amount, machines, people):
    assert money.exact(Decimal(amount)) == machines
    assert money.signed_exact(Decimal(amount)) == people


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [
        ("1", "3", "33"), ("2", "3", "67"), ("1", "200", "1"), ("0.4", "100", "0.4"),
        ("0", "5", "0"), ("99.5", "100", "99"), ("99.4", "100", "99"), ("100.4", "100", "100"), ("100.5", "100", "101"),
        ("-1", "3", "-33"), ("-0.4", "100", "-0.4"), ("5", "-10", "-50"), ("250", "100", "250"),
    ],
)  # fmt: skip
def test_percent_is_rounded_half_up_to_a_whole_one(part, whole, share):
    assert str(money.percent(Decimal(part), Decimal(whole))) == share


@pytest.mark.parametrize(
    ("change", "before", "share"),
    [("5", "10", "50"), ("-5", "10", "-50"), ("5", "-10", "50"), ("-5", "-10", "-50"), ("5", "0", None),
     ("0", "0", None), ("100", "1", "10000"), ("-100", "1", "-10000"), ("100.01", "1", None), ("-100.01", "1", None),
     ("100", "-1", "10000"), ("100.01", "-1", None), ("0", "7", "0")],
)  # fmt: skip
def test_a_change_is_told_in_per_cent_where_that_says_something(change, before, share):
    assert money.change_percent(Decimal(change), Decimal(before)) == (None if share is None else Decimal(share))


@pytest.mark.parametrize(
    ("text", "rest"),
    [("0.0000000000000000014", "4E-19"), ("0.0000000000000000016", "-4E-19"), ("1.5", "0"), ("x", "0"), ("1e99", "0")],
)
def test_what_lies_beyond_the_eighteenth_decimal_is_told(text, rest):
    assert money.beyond_exact(text) == Decimal(rest)
