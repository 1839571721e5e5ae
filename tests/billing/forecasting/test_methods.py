"""What a forecast is, whatever the past: within its band, never negative, the same every time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.forecasting import combining, methods
from billing.forecasting.combining import forecast
from billing.forecasting.methods import Past, standing

AMOUNTS = st.one_of(st.just(0.0), st.floats(0, 1e6, allow_subnormal=False), st.sampled_from([1e-6, 24.0, 1e9]))
PASTS = st.integers(0, 70).flatmap(
    lambda length: st.tuples(
        st.lists(AMOUNTS, min_size=length, max_size=length),
        st.none() | st.lists(AMOUNTS, min_size=length, max_size=length),
    )
)


def past(costs, rates=None):
    return Past(np.array(costs, dtype=float), None if rates is None else np.array(rates, dtype=float))


@settings(max_examples=25, deadline=None)
@given(PASTS)
def test_any_past_gives_an_ordered_band_that_is_never_negative_and_always_the_same(made):
    found, again = forecast(past(*made), 93), forecast(past(*made), 93)
    if found is None:
        assert again is None
        return
    for each in (found.low, found.amount, found.high):
        assert len(each) == 93
        assert np.isfinite(each).all()
    assert (found.low >= 0).all()
    assert (found.low <= found.amount).all()
    assert (found.amount <= found.high).all()
    assert again is not None
    assert found.method == again.method
    assert [each.tolist() for each in (found.low, found.amount, found.high)] == [
        each.tolist() for each in (again.low, again.amount, again.high)
    ]


def test_two_weeks_are_the_least_and_days_before_the_first_cost_do_not_count():
    assert forecast(past([5.0] * 13), 7) is None
    assert forecast(past([0.0] * 60 + [5.0] * 13), 7) is None
    assert forecast(past([0.0] * 90), 7) is None
    assert forecast(past([0.0] * 60 + [5.0] * 14), 7) is not None


def test_what_always_costs_the_same_goes_on_doing_so():
    found = forecast(past([24.0] * 90, [24.0] * 90), 92)
    assert found.amount == pytest.approx([24.0] * 92)
    assert found.low == pytest.approx(found.high)


def test_a_weekly_rhythm_is_continued():
    week = [10.0, 10.0, 10.0, 10.0, 10.0, 1.0, 1.0]
    found = forecast(past(week * 10, [1.0] * 70), 14)
    assert found.amount == pytest.approx(week * 2, rel=0.01)


def test_a_machine_ordered_yesterday_is_expected_to_run_tomorrow():
    """No whole day shows it yet; what runs does."""
    costs = [10.0] * 89 + [14.0]  # it ran for the last four hours of the last day
    rates = [10.0] * 89 + [34.0]
    found = forecast(past(costs, rates), 30)
    assert found.amount.mean() > 25
    assert forecast(past(costs), 30).amount.mean() < 15


def test_steady_growth_is_continued_but_not_for_ever():
    costs = [10 + 0.5 * day for day in range(120)]
    found = forecast(past(costs, costs), 92)
    assert found.amount[6] == pytest.approx(10 + 0.5 * 126, rel=0.02)
    assert found.amount[29] == pytest.approx(10 + 0.5 * 149, rel=0.08)
    assert found.amount[91] < 10 + 0.5 * 211


def test_a_band_is_wider_further_ahead_and_after_fewer_tests():
    noise = np.random.default_rng(7).normal(0, 3, 120).cumsum() + 100
    long, short = forecast(past(noise), 92), forecast(past(noise[-21:]), 92)
    assert (long.high - long.low)[60] > (long.high - long.low)[3]
    assert (short.high - short.low)[3] / short.amount[3] > 0


def test_what_is_new_in_the_evening_counts_by_how_much_of_such_stayed():
    running, young = np.full(30, 15.0), np.full(30, 5.0)
    assert standing(running, young, tried=0, stayed=0)[-1] == 15
    assert standing(running, young, tried=20, stayed=20)[-1] == 15
    assert standing(running, young, tried=297, stayed=27)[-1] == pytest.approx(10.5)


@pytest.mark.parametrize("problem", [ValueError("no"), np.linalg.LinAlgError("no"), ZeroDivisionError("no")])
def test_a_fit_that_fails_leaves_the_other_methods(problem, monkeypatch):
    def fail(costs):
        raise problem

    monkeypatch.setattr(methods, "_model", fail)
    found = forecast(past([10.0, 12.0] * 30), 10)
    assert found.amount.mean() == pytest.approx(11, rel=0.05)


def test_a_fit_says_nothing_on_the_way(recwarn):
    random = np.random.default_rng(3)
    forecast(past(np.where(random.random(120) < 0.9, 0, 1e6) + 1e-6), 92)
    assert [str(each.message) for each in recwarn] == []


def test_a_method_that_was_wrong_hardly_counts():
    said = np.array([[[1.0] * 28, [9.0] * 28]] * 28)
    tests = combining.Tests(said, np.full((28, 28), 1.0))
    assert combining._weights(past([1.0] * 90), ["usual week", "what runs"], tests)[0] > 0.99


def test_a_shock_that_all_missed_speaks_against_none():
    said = np.array([[[1.0] * 28, [1.1] * 28]] * 28)
    came = np.full((28, 28), 1.0)
    came[:4] = 500
    tests = combining.Tests(said, came)
    assert combining._weights(past([1.0] * 90), ["usual week", "holt-winters"], tests)[0] > 0.9
