"""Made-up tenants for the forecast's benchmark: machines by the hour, from which daily costs and rates follow.

Costs come from meters here as they do in the product, so what runs at each day's end is known too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOURS = 24
YEAR = 365 * HOURS
PRICES = np.array([0.0104, 0.0208, 0.0416, 0.0832, 0.1664, 0.3328, 0.1])  # per hour: VM sizes and a control plane

Random = np.random.Generator
Machine = tuple[int, int, float]  # first hour, hour it is gone, price per hour


@dataclass(frozen=True, slots=True)
class Fleet:
    """Per day: its cost, and what ran at its end: for how much per day, and how much of that began today."""

    costs: NDArray[np.float64]
    running: NDArray[np.float64]
    young: NDArray[np.float64]
    lives: list[tuple[int, int]]  # of each machine the first hour and the hour it is gone

    def lived(self, days: int, hours: int, longer: int) -> tuple[int, int]:
        """How many machines had run for ``hours`` after ``days``, and how many for ``longer``; not the too young."""
        now = days * HOURS
        ages = [(min(end, now) - start, end > now) for start, end in self.lives if start < now]
        return (
            sum(age >= hours and (age >= longer or not is_alive) for age, is_alive in ages),
            sum(age >= longer for age, _ in ages),
        )


def fleet(kind: str, seed: int, days: int) -> Fleet:
    """A tenant of ``kind`` (see KINDS) over ``days``, the same for the same ``seed``."""
    per_hour, (running, young), lives = np.zeros(days * HOURS), np.zeros((2, days)), []
    for start, end, price in KINDS[kind](np.random.default_rng([seed, *kind.encode()]), days):
        per_hour[start:end] += price
        first, gone = start // HOURS, min(end // HOURS, days)  # alive at the ends of days first..gone-1
        running[first:gone] += price * HOURS
        if first < gone:
            young[first] += price * HOURS
        lives.append((start, end))
    return Fleet(per_hour.reshape(days, HOURS).sum(axis=1), running, young, lives)


def _machines(random: Random, days: int, count: int, *, births: float = 0) -> Iterator[Machine]:
    """``count`` machines from the start and as many as go, about one in a year each, and ``births`` more per day.

    For every five of them one a day is tried out for 1 to 10 hours, on working days.
    """
    total = days * HOURS
    new = random.integers(0, total, random.poisson((births + count / 365) * days))
    for start in [0] * count + sorted(int(hour) for hour in new):
        yield start, start + int(random.exponential(YEAR)) + 1, random.choice(PRICES)
    for day in range(days):
        for _ in range(random.poisson(count / 5) if day % 7 < 5 else 0):
            start = day * HOURS + int(random.integers(7, 19))
            yield start, start + int(random.integers(1, 11)), random.choice(PRICES)


def steady(random: Random, days: int) -> Iterator[Machine]:
    """Twenty machines; what goes is replaced."""
    yield from _machines(random, days, 20)


def weekly(random: Random, days: int) -> Iterator[Machine]:
    """A few that always run, and office machines: on about 8 to 18 on working days, some days off."""
    yield from _machines(random, days, 5)
    for price in random.choice(PRICES, 12):
        for day in range(days):
            if day % 7 < 5 and random.random() < 0.93:
                yield day * HOURS + int(random.normal(8, 1)), day * HOURS + int(random.normal(18, 1.5)), price


def growth(random: Random, days: int) -> Iterator[Machine]:
    """Ten machines and one more every third day."""
    yield from _machines(random, days, 10, births=1 / 3)


def level_shift(random: Random, days: int) -> Iterator[Machine]:
    """Ten machines; within the five weeks before the last month a cluster of twice their cost comes or goes."""
    machines = list(_machines(random, days, 10))
    price = 2 * sum(price for start, _, price in machines if start == 0)
    at = (days - 30) * HOURS - int(random.integers(6, 35 * HOURS))
    yield from machines
    yield (at, YEAR, price) if random.random() < 0.6 else (0, at, price)


def spiky(random: Random, days: int) -> Iterator[Machine]:
    """Five machines, and batch jobs on one day in six: ten machines for 2 to 12 hours."""
    yield from _machines(random, days, 5)
    for day in range(days):
        if random.random() < 1 / 6:
            start = day * HOURS + int(random.integers(HOURS))
            yield start, start + int(random.integers(2, 12)), 10 * random.choice(PRICES)


def sparse(random: Random, days: int) -> Iterator[Machine]:
    """One machine now and then, for one to six days."""
    hour = 0
    while (hour := hour + int(random.exponential(5 * HOURS)) + 1) < days * HOURS:
        end = hour + int(random.integers(HOURS, 6 * HOURS))
        yield hour, end, random.choice(PRICES)
        hour = end


KINDS: dict[str, Callable[[Random, int], Iterator[Machine]]] = {
    "steady": steady,
    "weekly rhythm": weekly,
    "growth": growth,
    "level shift": level_shift,
    "spiky": spiky,
    "sparse": sparse,
}
