"""Which accounts need a new forecast. Imports no statistics: the scheduler's tick asks this."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Exists, Max, OuterRef, QuerySet

from billing.models import Account, CostForecast, DailyCost, Meter

SHORTEST_HISTORY = timedelta(days=14)
CHECKED_AT_MOST = timedelta(days=7)
STALE = timedelta(days=60)  # without any cost


def days_to_check(account: Account, today: date) -> list[date]:
    """The whole days since the last forecast, which nobody has looked at for unusual costs; at most a week of them."""
    last = CostForecast.objects.filter(account=account).aggregate(at=Max("made_at"))["at"]
    first = max(last.date(), today - CHECKED_AT_MOST) if last else today - timedelta(days=1)
    return [first + timedelta(days=number) for number in range((today - first).days)]


def accounts_due(today: date) -> QuerySet[Account]:
    """Accounts with two weeks of history and some cost lately, whose forecast is not of ``today``.

    Not those of which hours before ``today`` are still to be booked: their last day is not whole yet.
    """
    midnight = datetime.combine(today, time(), UTC)
    own = {"account": OuterRef("pk")}
    costs = DailyCost.objects.filter(**own).order_by()
    return Account.objects.filter(
        Exists(costs.filter(day__lte=today - SHORTEST_HISTORY)),
        Exists(costs.filter(day__gte=today - STALE)),
        ~Exists(CostForecast.objects.filter(**own, made_at__gte=midnight)),
        ~Exists(Meter.objects.unbooked(midnight).filter(**own)),
    ).order_by("pk")
