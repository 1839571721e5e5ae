"""One forecast out of several methods, with a band that its own past errors measured.

Every method is asked what it would have said on many earlier days, and what came then is its error. Methods are
weighed by those errors, and the band is where four in five errors of the weighed forecast lay, day by day ahead
(split conformal prediction: Vovk et al. 2005; rolling origins: Tashman 2000). Nothing is random: the same past gives
the same forecast.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .methods import (
    SHORTEST,
    WEEK,
    Days,
    HoltWinters,
    Method,
    Past,
    last_week,
    usual_week,
    what_runs,
    what_runs_and_grows,
    what_runs_for_a_while,
)

COVERED = 0.8
LONGEST_TEST = 4 * WEEK  # days ahead that are tested; further ahead the band widens with the root of time
TESTED_DAYS = 12 * WEEK  # how far back
STEP = 3  # days between tests: prime to seven, so that every weekday is tested
BELIEF = {  # before any test
    "naive": 0.05,
    "usual week": 0.2,
    "holt-winters": 0.2,
    "what runs": 1.0,
    "what runs, growing": 0.2,
    "what runs, for a while": 0.2,
}
LEAST_ERROR = 0.01  # of the mean cost per day: who was never wrong is not believed for ever
POWER = 6  # of the inverse error that a method weighs by
FLOOR = 0.1  # of the mean cost: errors are measured against the forecast or this, whichever is more


@dataclass(frozen=True, slots=True)
class Expected:
    """The coming days, each with its band: 0 <= low <= amount <= high."""

    amount: Days
    low: Days
    high: Days
    method: str  # the one that weighs most


def forecast(past: Past, days: int) -> Expected | None:
    """The next ``days`` after ``past``; None for a past shorter than two weeks since its first cost."""
    past = _since_first_cost(past)
    if len(past) < SHORTEST:
        return None
    methods = _methods(past)
    tests = _tests(past, methods)
    weights = _weights(past, methods, tests)
    amount = np.maximum(_mixed(weights, np.array([method(past, days) for method in methods.values()])), 0)
    low, high = _band(past, amount, _errors(past, weights, tests))
    return Expected(amount, low, high, list(methods)[int(weights.argmax())])


def _since_first_cost(past: Past) -> Past:
    first = int((past.costs > 0).argmax()) if past.costs.any() else len(past)
    return Past(past.costs[first:], None if past.rates is None else past.rates[first:])


def _methods(past: Past) -> dict[str, Method]:
    found: dict[str, Method] = {
        "naive": last_week,
        "usual week": usual_week,
        "holt-winters": HoltWinters(past),
        "what runs": what_runs,
        "what runs, growing": what_runs_and_grows,
        "what runs, for a while": what_runs_for_a_while,
    }
    if past.rates is None:
        del found["what runs"], found["what runs, for a while"]
    return found


@dataclass(frozen=True, slots=True)
class Tests:
    """What each method said on earlier days: ``said[test, method, day ahead]``, ``came`` the same without methods."""

    said: Days
    came: Days  # NaN where that day is still to come


def _tests(past: Past, methods: dict[str, Method]) -> Tests:
    first = max(SHORTEST if len(past) > SHORTEST + 2 else WEEK, len(past) - TESTED_DAYS)
    lengths = range(len(past) - 1, first - 1, -STEP)
    said = np.empty((len(lengths), len(methods), LONGEST_TEST))
    came = np.full((len(lengths), LONGEST_TEST), np.nan)
    for row, length in enumerate(lengths):
        then = past.until(length)
        said[row] = [method(then, LONGEST_TEST) for method in methods.values()]
        actual = past.costs[length : length + LONGEST_TEST]
        came[row, : len(actual)] = actual
    return Tests(said, came)


def _weights(past: Past, methods: Iterable[str], tests: Tests) -> Days:
    """Of each method: how far it is believed, times a high power of its inverse error; after few tests, a lower one.

    Errors are averaged by their logarithms: a shock that nobody could foresee speaks against all alike.
    """
    errors = np.nanmean(np.abs(tests.said - tests.came[:, np.newaxis, :]), axis=2) / past.costs.mean()
    typical = np.log(errors + LEAST_ERROR).mean(axis=0)
    tested = STEP * len(tests.came)
    inverse = np.exp(-POWER * tested / (tested + LONGEST_TEST) * (typical - typical.min()))
    weights = inverse * np.array([BELIEF[name] for name in methods])
    return np.asarray(weights / weights.sum())


def _mixed(weights: Days, said: Days) -> Days:
    return np.asarray(np.tensordot(weights, said, axes=(0, -2)))


def _scale(past: Past, amount: Days) -> Days:
    return np.asarray(np.maximum(amount, FLOOR * past.costs.mean()))


def _errors(past: Past, weights: Days, tests: Tests) -> Days:
    """Of the weighed forecast, relative to its scale: ``errors[test, day ahead]``."""
    said = np.maximum(_mixed(weights, tests.said), 0)
    return np.asarray((tests.came - said) / _scale(past, said))


def _band(past: Past, amount: Days, errors: Days) -> tuple[Days, Days]:
    """Where four in five errors lie, each day ahead judged with its neighbours and never narrower than the day before.

    Tests overlap, so there are only as many independent ones as the horizon fits into the tested time: the fewer, the
    wider the band, by Student's t against the normal distribution.
    """
    below, above, tested = [0.0], [0.0], STEP * len(errors)
    for day in range(LONGEST_TEST):
        near = errors[:, max(0, day - WEEK // 2) : day + WEEK // 2 + 1]
        near = near[np.isfinite(near)]
        if len(near) < WEEK:
            break
        wider = _widening(tested / (day + 1)) * _surprise(tested)
        quantiles = np.quantile(near, [(1 - COVERED) / 2, (1 + COVERED) / 2])
        below.append(max(below[-1], -quantiles[0] * wider))
        above.append(max(above[-1], quantiles[1] * wider))
    scale = _scale(past, amount)
    low = amount - _continued(below[1:], len(amount)) * scale
    high = amount + _continued(above[1:], len(amount)) * scale
    return np.maximum(low, 0), high


def _widening(independent: float) -> float:
    edge = (1 + COVERED) / 2
    return float(stats.t.ppf(edge, max(1.0, independent)) / stats.norm.ppf(edge))


def _surprise(tested: int) -> float:
    """How much wider than its errors a band must be that few days were tested for: twice for two weeks."""
    return float(1 + (SHORTEST / tested) ** 2)


def _continued(width: list[float], days: int) -> Days:
    """``width`` of the tested days, and from then on it grows with the root of time."""
    if not width:
        return np.zeros(days)
    ahead = np.arange(1, days + 1)
    beyond = width[-1] * np.sqrt(np.maximum(ahead, len(width)) / len(width))
    return np.where(ahead <= len(width), np.resize(width, days), beyond)
