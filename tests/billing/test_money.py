from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import money


def test_amounts_are_rounded_half_up_to_six_places():
    assert money.rounded(Decimal("0.0000005")) == Decimal("0.000001")
    assert money.rounded(Decimal("0.00000049")) == Decimal(0)
    assert money.rounded(Decimal("-0.0000005")) == Decimal("-0.000001")
    assert str(money.rounded(Decimal(1))) == "1.000000"


@pytest.mark.parametrize("amount", [0.1, 1, "1"])
def test_only_decimals_are_money(amount: object):
    with pytest.raises(TypeError):
        money.rounded(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1E12", "-1E+30"])
def test_amounts_that_do_not_fit_are_refused(amount: str):
    with pytest.raises(ValueError, match="not an amount"):
        money.rounded(Decimal(amount))


@given(st.decimals(min_value=-(10**11), max_value=10**11, allow_nan=False))
def test_rounding_never_moves_an_amount_by_more_than_half_a_step(amount: Decimal):
    assert abs(money.rounded(amount) - amount) <= money.PLACES / 2


def test_positive_amounts_must_be_above_zero_after_rounding():
    assert money.positive(Decimal("0.000001")) == Decimal("0.000001")
    for amount in ("0", "0.0000001", "-1"):
        with pytest.raises(ValueError, match="more than zero"):
            money.positive(Decimal(amount))


def test_negative_amounts_are_refused_where_zero_is_fine():
    assert money.not_negative(Decimal(0)) == 0
    with pytest.raises(ValueError, match="negative"):
        money.not_negative(Decimal("-0.01"))


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "0.00 USD"), ("1234.5", "1,234.50 USD"), ("0.0114", "0.0114 USD"), ("-3.005", "-3.01 USD")],
)
def test_amounts_in_sentences_have_two_places_or_what_they_need(amount: str, shown: str):
    assert money.display(Decimal(amount), "USD") == shown
