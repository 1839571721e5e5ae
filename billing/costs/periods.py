from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)
MOST_DAYS = 1100  # three years, and then some


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days (UTC) from ``first`` to ``last``, both included. Raises ``ValueError`` when it ends before it begins
    or has more than ``MOST_DAYS``.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"The last day, {self.last}, is before the first, {self.first}.")
        if len(self) > MOST_DAYS:
            raise ValueError(f"This is {len(self)} days; at most {MOST_DAYS} can be asked for at once.")

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + DAY * number for number in range(len(self)))

    def before(self) -> Period:
        """What to compare with: the same days of the month before for days of one month from its first on, else as
        many days directly before.
        """
        if self.first.day == 1 and (self.first.year, self.first.month) == (self.last.year, self.last.month):
            whole = month_of(self.first - DAY)
            is_whole = self == month_of(self.first)
            return whole if is_whole else Period(whole.first, min(whole.last, whole.first + DAY * (len(self) - 1)))
        return Period(self.first - DAY * len(self), self.first - DAY)


def month_of(day: date) -> Period:
    """The whole month in which ``day`` lies."""
    return Period(day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1]))


def last_days(last: date, count: int) -> Period:
    """``count`` days up to ``last``, which is one of them."""
    return Period(last - DAY * (count - 1), last)
