"""How budgets stand: spent, forecast and run-rate of many at once, in three queries however many they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from django.db.models import Q, Sum

from billing.costs import PER_HOUR, MonthEnd, Scope, reckoned
from billing.models import ZERO, Account, Basis, Budget, CostForecast, Meter
from billing.money import rounded

from .periods import Span, span_of
from .thresholds import Threshold

TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Standing:
    """How one budget stands in the period that a day lies in. Amounts are in the account's currency."""

    budget: Budget
    span: Span
    spent: Decimal
    forecast: MonthEnd
    hourly: Decimal  # what runs now

    @property
    def run_rate(self) -> Decimal:
        return self.span.run_rate(self.hourly)

    @property
    def left(self) -> Decimal:
        return self.budget.amount - self.spent

    def figure(self, basis: str) -> Decimal:
        """The amount that thresholds on ``basis`` are held against."""
        return {Basis.ACTUAL: self.spent, Basis.FORECAST: self.forecast.amount, Basis.RUN_RATE: self.run_rate}[
            Basis(basis)
        ]

    def percent(self, basis: str = Basis.ACTUAL) -> Decimal:
        """That amount as a percentage of the budget's, with one place, rounded down: 100 only when it is reached."""
        return (self.figure(basis) * 100 / self.budget.amount).quantize(TENTH, rounding=ROUND_FLOOR)

    @property
    def status(self) -> str:
        """In a word, worst first; pages show it with its colour and icon."""
        if self.spent >= self.budget.amount:
            return "used_up"
        if self.forecast.amount > self.budget.amount:
            return "will_exceed"
        return "threshold_reached" if self.reached else "on_track"

    @property
    def reached(self) -> list[Threshold]:
        """The thresholds that are reached or passed."""
        amount = self.budget.amount
        return [each for each in self.budget.thresholds if self.figure(each["on"]) * 100 >= each["percent"] * amount]


def scope_of(budget: Budget) -> Scope:
    return Scope(budget.scope, budget.value)


def standings(account: Account, budgets: Sequence[Budget], today: date) -> list[Standing]:
    """How ``budgets`` of ``account`` stand on ``today`` (UTC), in their order. Three queries, none for no budgets."""
    if not budgets:
        return []
    spans = [span_of(budget.period, today) for budget in budgets]
    scopes = [scope_of(budget) for budget in budgets]
    parts = list(zip(scopes, (span.first for span in spans), strict=True))
    spent, rates = spent_since(account, parts, today), hourly_rates(account, scopes)
    expected = _expected(account, scopes, today, max(span.last for span in spans))
    return [
        Standing(
            budget=budget,
            span=span,
            spent=spent[scope, span.first],
            forecast=reckoned(
                spent[scope, span.first],
                rates[scope],
                days_ahead=(span.last - today).days,
                expected=[row for row in expected.get(scope, []) if row.day <= span.last],
            ),
            hourly=rates[scope],
        )
        for budget, span, scope in zip(budgets, spans, scopes, strict=True)
    ]


def spent_since(
    account: Account, parts: Iterable[tuple[Scope, date]], today: date
) -> dict[tuple[Scope, date], Decimal]:
    """What each scope used from its first day to ``today``, both included. One query."""
    wanted = list(dict.fromkeys(parts))
    sums = {
        f"part_{number}": Sum("amount", filter=scope.of() & Q(day__gte=first))
        for number, (scope, first) in enumerate(wanted)
    }
    since = min(first for _, first in wanted)
    found = account.daily_costs.filter(day__gte=since, day__lte=today).aggregate(**sums)
    return {part: found[f"part_{number}"] or ZERO for number, part in enumerate(wanted)}


def hourly_rates(account: Account, scopes: Iterable[Scope]) -> dict[Scope, Decimal]:
    """What runs now costs per hour, by scope. One query."""
    wanted = list(dict.fromkeys(scopes))
    sums = {f"scope_{number}": Sum(PER_HOUR, filter=scope.of()) for number, scope in enumerate(wanted)}
    found = Meter.objects.running().filter(account=account).aggregate(**sums)
    return {scope: rounded(found[f"scope_{number}"] or ZERO) for number, scope in enumerate(wanted)}


def _expected(account: Account, scopes: Iterable[Scope], today: date, last: date) -> dict[Scope, list[CostForecast]]:
    """The forecasts of the days after ``today``, by scope. One query."""
    kinds, values = {scope.kind for scope in scopes}, {scope.value for scope in scopes}
    rows = CostForecast.objects.filter(account=account, scope__in=kinds, value__in=values)
    found: dict[Scope, list[CostForecast]] = {}
    for row in rows.filter(day__gt=today, day__lte=last):
        found.setdefault(Scope(row.scope, row.value), []).append(row)
    return found
