from __future__ import annotations

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
        """As many days directly before this period."""
        return Period(self.first - DAY * len(self), self.first - DAY)
