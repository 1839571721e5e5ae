"""What is usual, and what is not."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.anomalies.expectation import expect

ONE = Decimal(1)


def amounts(*values):
    return [Decimal(str(value)) for value in values]


def is_unusual(past, amount):
    found = expect(past)
    return amount - found.amount >= found.threshold(ONE)


def test_two_weeks_are_the_least():
    assert expect(amounts(*[0] * 30, *[5] * 13)) is None
    assert expect(amounts(*[0] * 30, *[5] * 14)).amount == 5


def test_a_weekday_is_compared_with_its_like():
    past = amounts(*[20, 20, 20, 20, 20, 2, 2] * 6)
    assert not is_unusual(past, Decimal(20))
    assert expect(past[:-2]).amount == 2
    assert is_unusual(past[:-2], Decimal(20))


def test_cents_alarm_nobody():
    assert not is_unusual(amounts(*["0.01"] * 30), Decimal("0.90"))
    assert is_unusual(amounts(*["0.01"] * 30), Decimal("1.10"))


def test_a_tenth_is_not_worth_anybodys_time():
    assert not is_unusual(amounts(*[100] * 30), Decimal(109))
    assert is_unusual(amounts(*[100] * 30), Decimal(110))


def test_where_days_differ_a_lot_more_is_needed():
    past = amounts(*[80, 120, 95, 105, 130, 70, 100, 90, 110] * 6)
    assert not is_unusual(past, Decimal(150))
    assert is_unusual(past, Decimal(300))


def test_one_spike_in_the_past_hides_nothing():
    past = amounts(*[10] * 20, 500, *[10] * 20)
    assert expect(past).amount == 10
    assert is_unusual(past, Decimal(15))


def test_steady_growth_is_usual():
    past = amounts(*[100 + 2 * day for day in range(56)])
    assert not is_unusual(past, Decimal(100 + 2 * 56))


def test_what_has_lasted_for_days_is_usual():
    assert not is_unusual(amounts(*[10] * 40, *[30] * 5), Decimal(30))


@pytest.mark.parametrize("length", [14, 15, 27, 56])
@given(data=st.data())
def test_an_expectation_is_never_negative_and_always_the_same(length, data):
    money = st.decimals(0, 10**6, places=6)
    past = data.draw(st.lists(money, min_size=length, max_size=length).filter(lambda values: values[0] > 0))
    found = expect(past)
    assert found == expect(past)
    assert found.amount >= 0
    assert found.spread >= 0
    assert found.threshold(ONE) >= 1
