"""The calendar of budgets: whole months, quarters and years of UTC."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from billing.models import Period
from billing.money import HOURS_PER_MONTH, rounded

MONTHS = {Period.MONTHLY: 1, Period.QUARTERLY: 3, Period.YEARLY: 12}


@dataclass(frozen=True, slots=True)
class Span:
    """One period of a budget, from ``first`` to ``last``, both included."""

    first: date
    last: date
    months: int
    key: str  # "2026-11", "2026-Q4", "2026"
    words: str  # "November 2026", "Q4 2026", "2026"

    def hours_left(self, now: datetime) -> Decimal:
        """From ``now`` to the midnight that ends the period; 0 after it."""
        end = datetime.combine(self.last + timedelta(days=1), time.min, UTC)
        return Decimal(max(0, int((end - now).total_seconds()))) / 3600

    def run_rate(self, hourly: Decimal) -> Decimal:
        """What ``hourly`` comes to in such a period: 730 hours a month, as in every price we show."""
        return rounded(hourly * HOURS_PER_MONTH * self.months)


def span_of(period: str, day: date) -> Span:
    """The period of this length that ``day`` (UTC) lies in."""
    months = MONTHS[Period(period)]
    start = (day.month - 1) // months * months + 1
    end = start + months - 1
    return Span(
        first=date(day.year, start, 1),
        last=date(day.year, end, calendar.monthrange(day.year, end)[1]),
        months=months,
        key=_key(period, day),
        words=_words(period, day),
    )


def _quarter(day: date) -> int:
    return (day.month - 1) // 3 + 1


def _key(period: str, day: date) -> str:
    if period == Period.MONTHLY:
        return f"{day:%Y-%m}"
    return f"{day.year}-Q{_quarter(day)}" if period == Period.QUARTERLY else str(day.year)


def _words(period: str, day: date) -> str:
    if period == Period.MONTHLY:
        return f"{day:%B} {day.year}"
    return f"Q{_quarter(day)} {day.year}" if period == Period.QUARTERLY else str(day.year)
