"""Orders against budgets: what something new would make of them, warned of before and refused where a budget says so.

What counts is plain arithmetic on what is known for sure: what was spent, what runs, what was ordered and does not run
yet, and the order itself. An order breaks a budget when all of it together, running on until the end of the period,
would cost more than the budget's amount, or when a whole period of it would (the run-rate). What cheapens never breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from accounts.models import Organization

from .budgets import Span, covers, scope_of, span_of
from .budgets.standings import hourly_rates, spent_since
from .budgets.words import PER
from .costs import PER_HOUR, Scope
from .metering import Facts
from .models import ZERO, Account, Budget, Meter, Period
from .money import display, rounded
from .services import NotAffordable, lock_account

ADVICE = "Choose something smaller, destroy what is no longer needed, or ask an owner or admin to raise the budget."


@dataclass(frozen=True, slots=True)
class Load:
    """Something ordered: what it is, and what it will cost per hour once it runs, all its lines together."""

    facts: Facts
    hourly: Decimal


@dataclass(frozen=True, slots=True)
class Breach:
    """A budget that an order would break. Amounts are in ``currency``."""

    budget: Budget
    span: Span
    expected: Decimal  # spent at the end of the period, with the order
    run_rate: Decimal  # of a whole period, with the order
    currency: str

    @property
    def over(self) -> Decimal:
        """By how much it would be broken: the larger of the two measures."""
        return max(self.expected, self.run_rate) - self.budget.amount

    def __str__(self) -> str:
        amount, over = display(self.budget.amount, self.currency), display(self.over, self.currency)
        if self.expected >= self.run_rate:
            result = f"{display(self.expected, self.currency)} would be used by {self.span.last:%d %B %Y}"
        else:
            per = PER[Period(self.budget.period)]
            result = f"what runs would cost {display(self.run_rate, self.currency)} {per}"
        return f"With this, {result}: {over} more than the budget “{self.budget.name}” allows ({amount})."


class BudgetExceeded(NotAffordable):
    """An order would break budgets that refuse this. The message says which, by how much, and what can be done."""

    def __init__(self, breaches: Sequence[Breach]) -> None:
        self.breaches = list(breaches)
        super().__init__(" ".join([*map(str, self.breaches), ADVICE]))


Coming = Callable[[], Iterable[Load]]


def check_budgets(*, organization: Organization, order: Load, coming: Coming, now: datetime | None = None) -> None:
    """Raise :class:`BudgetExceeded` if ``order`` would break a blocking budget.

    ``coming`` gives what else was ordered and does not run yet. Call it in the transaction that writes the order: the
    account stays locked until its end, so of simultaneous orders each counts those that were accepted before.
    One query where no blocking budget is about what is ordered.
    """
    blocking = Budget.objects.filter(account__organization=organization, is_blocking=True)
    if not _concerned(blocking, order):
        return
    account = lock_account(organization)
    if found := _breaches(account, _concerned(blocking, order), order, coming(), now or timezone.now()):
        raise BudgetExceeded(found)


def foreseen(account: Account, *, order: Load, coming: Coming, now: datetime | None = None) -> list[Breach]:
    """The budgets, blocking or not, that ``order`` would break as things are now; nothing is locked."""
    concerned = _concerned(account.budgets.all(), order)
    return _breaches(account, concerned, order, coming(), now or timezone.now()) if concerned else []


def _concerned(budgets: Iterable[Budget], order: Load) -> list[Budget]:
    return [budget for budget in budgets if covers(budget.scope, budget.value, order.facts)]


def _breaches(
    account: Account, budgets: Sequence[Budget], order: Load, coming: Iterable[Load], now: datetime
) -> list[Breach]:
    others = [load for load in coming if load.facts.reference != order.facts.reference]
    metered = _metered(account, [order, *others])
    extra = order.hourly - metered.get(order.facts.reference, ZERO)
    if extra <= 0:
        return []
    more = [(load.facts, load.hourly - metered.get(load.facts.reference, ZERO)) for load in others]
    today = now.astimezone(UTC).date()
    spans = [span_of(budget.period, today) for budget in budgets]
    spent = spent_since(account, zip(map(scope_of, budgets), (span.first for span in spans), strict=True), today)
    rates = hourly_rates(account, map(scope_of, budgets))
    found = []
    for budget, span in zip(budgets, spans, strict=True):
        scope = scope_of(budget)
        hourly = rates[scope] + extra + _in_scope(scope, more)
        expected = rounded(spent[scope, span.first] + hourly * span.hours_left(now))
        breach = Breach(budget, span, expected, span.run_rate(hourly), account.currency)
        if breach.over > 0:
            found.append(breach)
    return found


def _in_scope(scope: Scope, more: Iterable[tuple[Facts, Decimal]]) -> Decimal:
    """What else was ordered within ``scope`` adds per hour; what a change will save counts once it is done."""
    return sum((hourly for facts, hourly in more if hourly > 0 and covers(scope.kind, scope.value, facts)), ZERO)


def _metered(account: Account, loads: Iterable[Load]) -> dict[str, Decimal]:
    """What runs now of each of these references, per hour."""
    rows = Meter.objects.running().filter(account=account)
    rows = rows.filter(resource__reference__in=[load.facts.reference for load in loads])
    rates = rows.values("resource__reference").annotate(hourly=Sum(PER_HOUR)).order_by()
    return dict(rates.values_list("resource__reference", "hourly"))
