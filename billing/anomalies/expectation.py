"""What a day should have cost, and by how much days usually differ from that.

Medians throughout, so that one strange day neither moves the expectation nor hides the next: the median of the same
weekdays before, moved by the median of what the last days differed from theirs; and as a measure of the usual
difference the median absolute deviation, times 1.4826 to be a standard deviation if differences are normal
(Rousseeuw and Croux 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from billing.models import ZERO

WEEK = 7
WEEKS = 4  # same weekdays that are compared
DAYS_READ = 2 * WEEKS * WEEK  # before the day itself
SHORTEST = 2 * WEEK
NORMAL = Decimal("1.4826")
UNUSUAL = 4  # standard deviations
LEAST_SHARE = Decimal("0.1")  # of the expectation; less is not worth anybody's time


@dataclass(frozen=True, slots=True)
class Expectation:
    amount: Decimal
    spread: Decimal  # one standard deviation

    def threshold(self, minimum: Decimal) -> Decimal:
        """What has to come on top to be unusual; at least ``minimum``, so that cents alarm nobody."""
        return max(minimum, UNUSUAL * self.spread, LEAST_SHARE * self.amount)


def expect(past: Sequence[Decimal]) -> Expectation | None:
    """Of the day after ``past``, which is oldest first; None with less than two weeks since the first cost."""
    past = _since_first_cost(past)
    if len(past) < SHORTEST:
        return None
    usual = usually(past, len(past))
    differences = [past[day] - usually(past, day) for day in range(max(WEEK, len(past) - WEEKS * WEEK), len(past))]
    drift = median(differences[-WEEK:])
    middle = median(differences)
    spread = NORMAL * median(abs(difference - middle) for difference in differences)
    return Expectation(max(ZERO, usual + drift), spread)


def usually(past: Sequence[Decimal], day: int) -> Decimal:
    """The median of the same weekdays before the day at this place of ``past``."""
    same = [past[before] for before in range(day - WEEK, max(-1, day - WEEKS * WEEK - 1), -WEEK)]
    return median(same) if same else ZERO


def _since_first_cost(past: Sequence[Decimal]) -> Sequence[Decimal]:
    first = next((place for place, amount in enumerate(past) if amount), len(past))
    return past[first:]
