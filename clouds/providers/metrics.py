"""How busy machines were: five-minute samples of any cloud, folded into hours and into one number for a window.

Every cloud is asked for the same thing, the mean and the maximum of each five minutes, and everything else is worked
out here. So a 95th percentile means the same everywhere: for 95 % of the time the mean of five minutes was at or
below it (nearest rank, NIST/SEMATECH e-Handbook of Statistical Methods 7.2.6.2).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SAMPLE_SECONDS = 300  # what AWS keeps of every machine without being paid for more


class Metric(StrEnum):
    CPU = "cpu"  # percent of all processors
    MEMORY = "memory"  # percent used
    NETWORK_IN = "network_in"  # bytes per second
    NETWORK_OUT = "network_out"  # bytes per second


@dataclass(frozen=True, slots=True)
class Sample:
    """Five minutes from ``at`` on (UTC), in the metric's unit."""

    at: datetime
    mean: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Point:
    """An hour from ``at`` on (UTC): ``p95`` is that of its five-minute means."""

    at: datetime
    mean: float
    p95: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Utilisation:
    """One metric of one machine over the window from ``first`` to before ``last``; hours without data have no point.

    ``mean``, ``p95`` and ``maximum`` are those of all samples of the window. Percent, or bytes per second.
    """

    machine: str  # the cloud's own id of it, as it was asked for
    metric: Metric
    first: datetime
    last: datetime
    points: tuple[Point, ...]
    mean: float
    p95: float
    maximum: float

    @property
    def hours(self) -> int:
        """How many hours have data: a machine that is stopped or new has fewer than the window."""
        return len(self.points)


def folded(
    machine: str, metric: Metric, samples: Iterable[Sample], *, first: datetime, last: datetime
) -> Utilisation | None:
    """The samples within the window as a :class:`Utilisation`; None where there are none."""
    kept = sorted((each for each in samples if first <= each.at < last), key=lambda each: each.at)
    if not kept:
        return None
    hours: dict[datetime, list[Sample]] = defaultdict(list)
    for each in kept:
        hours[each.at.replace(minute=0, second=0, microsecond=0)].append(each)
    points = tuple(Point(at, *_summary(within)) for at, within in sorted(hours.items()))
    return Utilisation(machine, metric, first, last, points, *_summary(kept))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that ``percent`` of ``values`` do not exceed. Raises ``ValueError`` without values."""
    if not values:
        raise ValueError("no values have no percentile")
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _summary(samples: Sequence[Sample]) -> tuple[float, float, float]:
    means = [each.mean for each in samples]
    return sum(means) / len(means), percentile(means, 95), max(each.maximum for each in samples)
