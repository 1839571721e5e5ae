"""How good forecasts were: sums over held-out days, so that the scores of several series add up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billing.forecasting.combining import forecast
from billing.forecasting.methods import Past, last_week

HELD_OUT = 30  # days
COUNTS = ("within", "days")
EXACT = 1e-6  # what amounts are rounded to


@dataclass(frozen=True, slots=True)
class Score:
    error: float = 0.0  # sum of absolute errors
    naive: float = 0.0  # the same of last week over again
    came: float = 0.0
    within: int = 0  # days within the 80 % band
    days: int = 0
    month: float = 0.0  # absolute error of the whole held-out month
    naive_month: float = 0.0

    def __add__(self, other: Score) -> Score:
        return Score(*(getattr(self, name) + getattr(other, name) for name in Score.__slots__))

    @property
    def ratio(self) -> float:
        return self.error / self.naive

    @property
    def covered(self) -> float:
        return self.within / self.days

    def relative(self, to: float) -> Score:
        """Errors relative to ``to``, the series' mean cost: so every series counts the same, however big."""
        return Score(**{name: value / (1 if name in COUNTS else to) for name, value in self.as_json().items()})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def shown(self, name: str) -> str:
        return (
            f"  {name:<14} {self.error / self.came:7.1%} {self.naive / self.came:7.1%} {self.ratio:6.2f} "
            f"{self.covered:6.0%} {self.month / self.naive_month:6.2f}"
        )


HEAD = f"  {'':<14} {'WAPE':>7} {'naive':>7} {'ratio':>6} {'band':>6} {'month':>6}"


def score(past: Past, came: NDArray[np.float64]) -> Score:
    """Of the days after ``past``; zero when there is too little of it for a forecast."""
    expected, naive = forecast(past, len(came)), last_week(past, len(came))
    if expected is None:
        return Score()
    return Score(
        error=float(np.abs(expected.amount - came).sum()),
        naive=float(np.abs(naive - came).sum()),
        came=float(came.sum()),
        within=int(((expected.low - EXACT <= came) & (came <= expected.high + EXACT)).sum()),
        days=len(came),
        month=abs(float(expected.amount.sum() - came.sum())),
        naive_month=abs(float(naive.sum() - came.sum())),
    )
