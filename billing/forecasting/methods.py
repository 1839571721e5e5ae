"""Ways to continue a series of daily costs. Each is a pure function of the past and never raises on finite numbers.

All take the costs of whole days, oldest first, and most the *rates*: what everything that ran at the end of each day
costs per day. Meters know their prices, so a machine ordered yesterday is in the last rate before any day shows it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from statsmodels.tsa.holtwinters import ExponentialSmoothing

Days = NDArray[np.float64]
WEEK = 7
WEEKS_READ = 6  # of which a usual week is made
LONGEST_MEMORY = 12 * WEEK
HOURS_TRIED, HOURS_STAYED = 6, 30
TRUST = 3  # things that are taken to have stayed, before any is known
DAMPING = 0.98  # per day: growth of today is not growth for ever
SHORTEST = 14  # days of history: two weeks, or a weekly rhythm is a guess
SHORTEST_SEASON = 6 * WEEK  # to fit a season and a trend by likelihood


@dataclass(frozen=True, slots=True)
class Past:
    """Costs and rates of the same whole days, oldest first; ``rates`` is None where no meter is known."""

    costs: Days
    rates: Days | None = None

    def __len__(self) -> int:
        return len(self.costs)

    def until(self, length: int) -> Past:
        """As it was known after ``length`` days."""
        return Past(self.costs[:length], None if self.rates is None else self.rates[:length])


def standing(running: Days, young: Days, *, tried: int, stayed: int) -> Days:
    """The rates to reckon with: what ran at each day's end, of which what began that day counts by its prospects.

    ``young`` is the part that began that day, ``tried`` the number of things that ever ran for some hours, ``stayed``
    how many of them were still there a day later: where machines are tried out or do a job, most of what is new in the
    evening is gone tomorrow. Before anything is known, what is new is taken to stay.
    """
    prospects = (stayed + TRUST) / (tried + TRUST)
    return np.asarray(running - (1 - prospects) * young)


Method = Callable[[Past, int], Days]


def last_week(past: Past, days: int) -> Days:
    """The last seven days over and over: the naive forecast."""
    return _repeated(past.costs[-WEEK:], days)


def usual_week(past: Past, days: int) -> Days:
    """The mean of each weekday over the last weeks, newer ones counting more."""
    weeks = _weeks(past.costs)
    return _repeated(np.average(weeks, axis=0, weights=0.8 ** np.arange(len(weeks))[::-1]), days)


def what_runs(past: Past, days: int) -> Days:
    """What runs runs on, plus what each of the next seven days usually differs from what runs on this weekday."""
    if past.rates is None or len(past) < SHORTEST:
        return usual_week(past, days)
    before = len(past) - 1 - WEEK * np.arange(1, min(WEEKS_READ, (len(past) - 1) // WEEK) + 1)
    gaps = np.array([past.costs[day + 1 : day + 1 + WEEK] - past.rates[day] for day in before])
    return np.asarray(past.rates[-1] + _repeated(np.median(gaps, axis=0), days))


def what_runs_and_grows(past: Past, days: int) -> Days:
    """The same, and it grows as it did over the last weeks, less every day."""
    slope = _growth(past)
    ahead = DAMPING * (1 - DAMPING ** np.arange(1, days + 1)) / (1 - DAMPING)
    week = np.resize(np.arange(1, WEEK + 1), days)  # the usual gap already holds the growth within a week
    return np.asarray(what_runs(past, days) + slope * np.maximum(ahead - week, 0))


def what_runs_for_a_while(past: Past, days: int) -> Days:
    """What runs now gives way to the usual week, as fast as the rates of the past returned to their mean."""
    usual = usual_week(past, days)
    level = past.costs if past.rates is None else past.rates
    apart = level[-LONGEST_MEMORY:] - level[-LONGEST_MEMORY:].mean()
    power = float(apart[:-WEEK] @ apart[:-WEEK])
    kept = min(1.0, max(0.0, float(apart[:-WEEK] @ apart[WEEK:]) / power)) if power > 0 else 1.0
    return usual + kept ** (np.arange(1, days + 1) / WEEK) * (what_runs(past, days) - usual)


def _growth(past: Past) -> float:
    """The change per day between the same weekdays of the last weeks: the median of all pairs (Theil and Sen).

    It is shrunk by how much the pairs disagree: a step or a spike is no growth.
    """
    level = past.costs if past.rates is None else past.rates
    weeks = _weeks(level).mean(axis=1)
    newer, older = np.tril_indices(len(weeks), -1)
    if len(weeks) < 3:
        return 0.0
    slopes = (weeks[newer] - weeks[older]) / (WEEK * (newer - older))
    slope, spread = float(np.median(slopes)), float(np.median(np.abs(slopes - np.median(slopes))))
    return slope * slope**2 / (slope**2 + spread**2) if slope else 0.0


def _weeks(values: Days) -> Days:
    """The last whole weeks as rows, oldest first; the last row ends with the last day."""
    count = max(1, min(WEEKS_READ, len(values) // WEEK))
    return values[-count * WEEK :].reshape(count, -1)


def _repeated(week: Days, days: int) -> Days:
    return np.asarray(np.resize(week, days), dtype=np.float64)


class HoltWinters:
    """Damped exponential smoothing with a weekly season (Holt 1957, Winters 1960; Gardner and McKenzie 1985).

    Its parameters are fitted once, on the whole past, and used again for every earlier day it is asked about.
    """

    def __init__(self, past: Past) -> None:
        self._parameters: dict[str, float] | None = None
        if len(past) >= SHORTEST_SEASON and np.ptp(past.costs) > 0:
            self._parameters = _fitted(past.costs)

    def __call__(self, past: Past, days: int) -> Days:
        if self._parameters is None or len(past) < SHORTEST:
            return usual_week(past, days)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                found = _model(past.costs).fit(**self._parameters, optimized=False).forecast(days)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return usual_week(past, days)
        return np.asarray(found) if np.isfinite(found).all() else usual_week(past, days)


def _fitted(costs: Days) -> dict[str, float] | None:
    """None where the library finds no parameters; the usual week then stands in."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # a fit that did not converge is judged by its errors like any other
            found = _model(costs).fit().params
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        return None
    names = ("smoothing_level", "smoothing_trend", "smoothing_seasonal", "damping_trend")
    chosen = {name: float(found[name]) for name in names}
    return chosen if np.isfinite(list(chosen.values())).all() else None


def _model(costs: Days) -> ExponentialSmoothing:
    return ExponentialSmoothing(
        costs,
        trend="add",
        damped_trend=True,
        seasonal="add",
        seasonal_periods=WEEK,
        initialization_method="heuristic",
        bounds={"damping_trend": (0.8, DAMPING)},
    )
