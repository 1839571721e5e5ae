"""The cost forecast against last week over again, on days it has not seen. ``python -m bench.forecast [--series N]``.

WAPE is the sum of absolute errors divided by the sum of what came; "band" the share of held-out days within the band
of 80 %; "month" the error of the held-out month's sum, as a share of the naive forecast's. Every series counts the
same, however big it is. Synthetic tenants come from bench/fleets.py; the sample is the demo's history, of which every
scope is forecast as of one day a week.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from billing.forecasting.methods import HOURS_STAYED, HOURS_TRIED, Past, standing

from . import fleets
from .scoring import HEAD, HELD_OUT, Score, score
from .stack import running

HISTORY, SHORT = 120, 28  # days
MOST_RATIO, BAND = 0.9, (0.74, 0.88)  # targets: of the errors to the naive ones, and of the days within the band
MOST_SAMPLE_RATIO = 1.1  # nothing varies there but by orders nobody can foresee: naive is as good as can be


def scores(kind: str, series: int, *, history: int, with_rates: bool) -> Iterator[Score]:
    for seed in range(series):
        made = fleets.fleet(kind, seed, history + HELD_OUT)
        costs, came = made.costs[:history], made.costs[history:]
        if costs.any():
            yield score(Past(costs, rates_of(made, history) if with_rates else None), came).relative(
                float(costs.mean())
            )


def rates_of(made: fleets.Fleet, days: int) -> NDArray[np.float64]:
    """What the product would read from the meters after ``days``."""
    tried, stayed = made.lived(days, HOURS_TRIED, HOURS_STAYED)
    return standing(made.running[:days], made.young[:days], tried=tried, stayed=stayed)


def table(series: int, *, history: int, with_rates: bool) -> tuple[float, float]:
    """Print a line for each kind; return the mean ratio of the kinds and the share of days within the band."""
    known = "with what runs" if with_rates else "without what runs"
    print(f"\n{history} days known, {HELD_OUT} held out, {series} series of each kind, {known}\n{HEAD}")
    found = {kind: sum(scores(kind, series, history=history, with_rates=with_rates), Score()) for kind in fleets.KINDS}
    for kind, of_kind in found.items():
        print(of_kind.shown(kind), flush=True)
    ratio, total = float(np.mean([of_kind.ratio for of_kind in found.values()])), sum(found.values(), Score())
    print(f"  {'mean of kinds':<30} {ratio:6.2f} {total.covered:6.0%}", flush=True)
    return ratio, total.covered


def sample() -> Score:
    """The demo's history, booked by the real metering into a real database."""
    with running(web_processes=1) as stack:
        found = Score(**stack.run_module("bench.sample"))
    print(f"\nThe sample history, {found.days} held-out days of all its scopes\n{HEAD}\n{found.shown('sample')}")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=20, help="of each synthetic kind")
    parser.add_argument("--no-sample", action="store_true", help="synthetic tenants only")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    ratio, covered = table(chosen.series, history=HISTORY, with_rates=True)
    table(chosen.series, history=HISTORY, with_rates=False)
    table(chosen.series, history=SHORT, with_rates=True)
    is_good = ratio <= MOST_RATIO and BAND[0] <= covered <= BAND[1]
    if not chosen.no_sample:
        is_good &= sample().ratio <= MOST_SAMPLE_RATIO
    verdict = "ok" if is_good else "MISSED"
    print(f"\n{time.monotonic() - started:.1f} s, {verdict}: ratio at most {MOST_RATIO}, band {BAND}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
