"""The few numbers above the charts: spent, compared with before, expected at the end of the month, and the rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from billing.models import ZERO, Account, Meter, UsageRecord
from billing.money import HOURS_PER_MONTH

from .periods import Period, month_of
from .scopes import EVERYTHING, Part
from .totals import MonthEnd, hourly_rate, month_end, spent

LATE = timedelta(hours=2)  # the hour that runs, and one for the pass to book the last one


@dataclass(frozen=True, slots=True)
class Change:
    """From what one period cost to what another did. ``percent`` is None where there was nothing before."""

    now: Decimal
    before: Decimal

    @property
    def amount(self) -> Decimal:
        return self.now - self.before

    @property
    def percent(self) -> Decimal | None:
        return self.amount / self.before * 100 if self.before else None


@dataclass(frozen=True, slots=True)
class Figures:
    month_to_date: Change  # against the same days of the month before
    month_end: MonthEnd
    hourly: Decimal
    booked_until: datetime | None  # usage is in the sums up to here; None: nothing was ever booked
    is_late: bool  # something runs, but hours are missing

    @property
    def monthly(self) -> Decimal:
        """The run-rate: what runs now, for 730 hours."""
        return self.hourly * HOURS_PER_MONTH


def figures(account: Account, part: Part = EVERYTHING, *, today: date | None = None) -> Figures:
    """Six queries, however much there is."""
    now = timezone.now()
    today = today or now.date()
    until = _booked_until(account)
    return Figures(
        month_to_date=change(account, part, Period(today.replace(day=1), today)),
        month_end=month_end(account, part, today),
        hourly=hourly_rate(account, part),
        booked_until=until,
        is_late=_is_late(account, now),
    )


def change(account: Account, part: Part, period: Period) -> Change:
    """What ``period`` cost against the one before it."""
    before = period.before()
    return Change(spent(account, part, period.first, period.last), spent(account, part, before.first, before.last))


def days_left(available: Decimal, hourly: Decimal) -> int | None:
    """How many whole days ``available`` lasts at ``hourly``; None when nothing runs."""
    if hourly <= ZERO:
        return None
    return max(0, int(available / (hourly * 24)))


def is_current_month(period: Period, today: date) -> bool:
    return month_of(period.first) == month_of(today)


def _booked_until(account: Account) -> datetime | None:
    hour = UsageRecord.objects.filter(account=account).order_by("-hour").values_list("hour", flat=True).first()
    return hour + timedelta(hours=1) if hour else None


def _is_late(account: Account, now: datetime) -> bool:
    return Meter.objects.running().filter(account=account, metered_until__lt=now - LATE).exists()
