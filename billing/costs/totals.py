"""Reading what was spent: daily sums within a scope, what runs now, and what the month will come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Case, DecimalField, ExpressionWrapper, F, Sum, Value, When

from billing.models import ZERO, Account, CostForecast, DailyCost, Meter, Unit
from billing.money import HOURS_PER_MONTH, rounded

from .periods import month_of
from .scopes import EVERYTHING, Part

_RATE = DecimalField(max_digits=30, decimal_places=12)
PER_HOUR = ExpressionWrapper(  # of a meter
    Case(
        When(unit=Unit.HOUR, then=F("quantity") * F("unit_price")),
        default=F("quantity") * F("unit_price") / Value(HOURS_PER_MONTH),
        output_field=_RATE,
    ),
    _RATE,
)


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """What a month will have cost at its end: spent so far plus what the remaining days are expected to cost."""

    amount: Decimal
    low: Decimal
    high: Decimal
    method: str  # "run rate" where there is no forecast yet


def spent(account: Account, scope: Part, first: date, last: date) -> Decimal:
    """What was used from ``first`` to ``last``, both included (UTC days)."""
    rows = account.daily_costs.filter(scope.of(), day__gte=first, day__lte=last)
    total: Decimal | None = rows.aggregate(total=Sum("amount"))["total"]
    return total or ZERO


def by_day(account: Account, scope: Part, first: date, last: date) -> list[tuple[date, Decimal]]:
    """The cost of each day that cost anything, oldest first."""
    rows = DailyCost.objects.filter(scope.of(), account=account, day__gte=first, day__lte=last)
    return list(rows.order_by("day").values("day").annotate(total=Sum("amount")).values_list("day", "total"))


def by_resource(account: Account, first: date, last: date, resources: Iterable[Any]) -> dict[Any, Decimal]:
    """By key, what these billed resources (rows or keys) cost from ``first`` to ``last``; those that cost anything."""
    rows = account.daily_costs.filter(day__gte=first, day__lte=last, resource__in=list(resources)).order_by()
    return dict(rows.values_list("resource").annotate(total=Sum("amount")))


def hourly_rate(account: Account, scope: Part = EVERYTHING) -> Decimal:
    """What everything that runs now costs per hour; times 730 it is the run-rate of a month."""
    total = Meter.objects.running().filter(scope.of(), account=account).aggregate(total=Sum(PER_HOUR))
    return rounded(total["total"] or ZERO)


def month_end(account: Account, scope: Part, today: date) -> MonthEnd:
    """Month to date plus the forecast of the days after ``today``; without a forecast, what runs now runs on."""
    month = month_of(today)
    return period_end(account, scope, month.first, month.last, today)


def period_end(account: Account, scope: Part, first: date, last: date, today: date) -> MonthEnd:
    """The same for any period from ``first`` to ``last``. Days without a forecast count at the run-rate."""
    rows = CostForecast.objects.filter(account=account, scope=scope.kind, value=scope.value, day__gt=today)
    return reckoned(
        spent(account, scope, first, min(today, last)),
        hourly_rate(account, scope),
        days_ahead=max(0, (last - today).days),
        expected=list(rows.filter(day__lte=last)),
    )


def reckoned(so_far: Decimal, hourly: Decimal, *, days_ahead: int, expected: Sequence[CostForecast]) -> MonthEnd:
    """What was spent, plus what is ``expected`` of some of the days ahead, plus the run-rate of the others."""
    rest = rounded(hourly * 24 * (days_ahead - len(expected)))
    known = {name: sum((getattr(row, name) for row in expected), ZERO) for name in ("amount", "low", "high")}
    return MonthEnd(
        **{name: so_far + known[name] + rest for name in known},
        method=expected[0].method if expected else "run rate",
    )
