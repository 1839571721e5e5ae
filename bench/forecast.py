"""The cost forecast against last week over again, on days it has not seen. ``python -m bench.forecast``.

WAPE is the sum of absolute errors divided by the sum of what came. "Band" is the share of held-out days within the
80 % band, "month" the error of the whole held-out month against that of the naive forecast.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from billing.forecasting.combining import forecast
from billing.forecasting.methods import Past, last_week, standing

from . import fleets

HISTORY, HELD_OUT = 120, 30  # days
TARGET_RATIO, TARGET_BAND = 0.69, (0.75, 0.88)


@dataclass(frozen=True, slots=True)
class Score:
    """Sums over held-out days, so that scores of several series add up."""

    error: float = 0.0
    naive: float = 0.0
    came: float = 0.0
    within: int = 0
    days: int = 0
    month: float = 0.0
    naive_month: float = 0.0

    def __add__(self, other: Score) -> Score:
        return Score(*(getattr(self, name) + getattr(other, name) for name in Score.__slots__))

    @property
    def ratio(self) -> float:
        return self.error / self.naive

    @property
    def covered(self) -> float:
        return self.within / self.days


def score(past: Past, came: np.ndarray) -> Score:
    expected, naive = forecast(past, len(came)), last_week(past, len(came))
    if expected is None:
        return Score()
    return Score(
        error=float(np.abs(expected.amount - came).sum()),
        naive=float(np.abs(naive - came).sum()),
        came=float(came.sum()),
        within=int(((expected.low - 1e-9 <= came) & (came <= expected.high + 1e-9)).sum()),
        days=len(came),
        month=abs(float(expected.amount.sum() - came.sum())),
        naive_month=abs(float(naive.sum() - came.sum())),
    )


def scores(kind: str, series: int, *, history: int, with_rates: bool) -> Iterator[Score]:
    for seed in range(series):
        made = fleets.fleet(kind, seed, history + HELD_OUT)
        rates = standing(made.running[:history], made.young[:history], made.kept[:history]) if with_rates else None
        past = Past(made.costs[:history], rates)
        if past.costs.any():
            # each series counts the same, however big: errors relative to its mean cost
            yield _relative(score(past, made.costs[history:]), float(past.costs.mean()))


def _relative(found: Score, mean: float) -> Score:
    counts = ("within", "days")
    return Score(**{name: getattr(found, name) / (1 if name in counts else mean) for name in Score.__slots__})


def table(series: int, *, history: int, with_rates: bool) -> Score:
    print(
        f"\n{history} days known, {HELD_OUT} held out, {series} series of each kind, "
        f"{'with the rates of meters' if with_rates else 'history alone'}"
    )
    print(f"  {'':<14} {'WAPE':>7} {'naive':>7} {'ratio':>6} {'band':>6} {'month':>6}")
    total, ratios = Score(), []
    for kind in fleets.KINDS:
        found = sum(scores(kind, series, history=history, with_rates=with_rates), Score())
        _show(kind, found)
        total += found
        ratios.append(found.ratio)
    _show("all", total)
    print(f"  {'each kind counting the same':<30} {np.mean(ratios):6.2f}")
    return total


def _show(name: str, found: Score) -> None:
    print(
        f"  {name:<14} {found.error / found.came:7.1%} {found.naive / found.came:7.1%} {found.ratio:6.2f} "
        f"{found.covered:6.0%} {found.month / found.naive_month:6.2f}",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=20, help="of each kind")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    found = [
        table(chosen.series, history=history, with_rates=with_rates)
        for history, with_rates in ((HISTORY, True), (HISTORY, False), (28, True))
    ]
    print(f"\n{time.monotonic() - started:.1f} s")
    return 0 if found[0].ratio <= TARGET_RATIO and TARGET_BAND[0] <= found[0].covered <= TARGET_BAND[1] else 1


if __name__ == "__main__":
    sys.exit(main())
