"""Which parts of an account's cost were unusually high on one day, and which resources made them so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from billing.costs import EVERYTHING, Period, Scope
from billing.costs.by_scope import daily_by_scope
from billing.models import ZERO, Account, AnomalyScope, BilledResource, CostAnomaly, DailyCost, ScopeKind

from .expectation import DAYS_READ, WEEK, Expectation, expect, usually

DAY = timedelta(days=1)
REMEMBERED = 7 * DAY  # what was said of a resource is not said again while it goes on, until it is usual
GOES_ON = Decimal("1.1")  # times what was said of: more than that is news
MOST_RESOURCES = 500  # of a day, by cost, that are looked at one by one
ENOUGH = Decimal("0.8")  # of the excess, that the resources named must explain
MOST_NAMED = 5
WIDEST_FIRST = (ScopeKind.ORGANIZATION, ScopeKind.ACCOUNT, ScopeKind.KIND, ScopeKind.PROVIDER)


@dataclass(frozen=True, slots=True)
class Culprit:
    """A resource that cost more than it usually does on this weekday."""

    resource: BilledResource
    expected: Decimal
    actual: Decimal
    compared: date | None  # the last same weekday on which it cost anything, else the last day before

    @property
    def excess(self) -> Decimal:
        return self.actual - self.expected


@dataclass(frozen=True, slots=True)
class Found:
    scope: str
    value: str
    expected: Decimal
    actual: Decimal
    culprits: tuple[Culprit, ...]  # the most costly first, as many as explain most of it
    others: int  # that cost more too

    @property
    def told_of(self) -> str:
        """The reference of whoever is behind it most; empty when it is nobody in particular."""
        return self.culprits[0].resource.reference if self.culprits else ""


def detect(account: Account, day: date) -> Iterator[Found]:
    """What was unusual on ``day``, the widest scope first; nothing twice for the same resources."""
    period, explained = Period(day - DAYS_READ * DAY, day), set[str]()
    known = _known(account, day)
    by_scope = daily_by_scope(account, period)
    for scope in sorted((each for each in by_scope if each.kind in WIDEST_FIRST), key=_order):
        found = _within(account, scope, by_scope[scope], period, known)
        if found is not None and found.told_of not in explained:
            explained |= {found.told_of, *(each.resource.reference for each in found.culprits)}
            yield found
    yield from _single(account, period, known, explained)


def _within(
    account: Account, scope: Scope, days: list[Decimal], period: Period, known: dict[str, Decimal]
) -> Found | None:
    """What was unusual about ``scope``, apart from what was said before and goes on."""
    expectation = expect(days[:-1])
    if expectation is None or not _is_unusual(expectation, days[-1]):
        return None
    culprits = _culprits(account, scope, period)
    goes_on = sum((min(each.excess, known.get(each.resource.reference, ZERO)) for each in culprits), ZERO)
    if not _is_unusual(expectation, days[-1] - goes_on):
        return None
    return _found(scope, expectation, days[-1], [each for each in culprits if _is_news(each, known)])


def _single(account: Account, period: Period, known: dict[str, Decimal], explained: set[str]) -> Iterator[Found]:
    """Old resources that are unusual by themselves, though it does not show in the sum."""
    resources, amounts = _amounts(account, EVERYTHING, period)
    for pk, days in amounts.items():
        resource, expectation = resources[pk], expect(days[:-1])
        if resource.reference in explained or expectation is None or not _is_unusual(expectation, days[-1]):
            continue
        culprit = Culprit(resource, expectation.amount, days[-1], _compared(days, period))
        if _is_news(culprit, known):
            yield _found(Scope(AnomalyScope.RESOURCE, resource.reference), expectation, days[-1], [culprit])


def _found(scope: Scope, expectation: Expectation, actual: Decimal, culprits: list[Culprit]) -> Found:
    named, explained = list[Culprit](), ZERO
    for culprit in culprits[:MOST_NAMED]:
        named.append(culprit)
        explained += culprit.excess
        if explained >= ENOUGH * (actual - expectation.amount):
            break
    return Found(scope.kind, scope.value, expectation.amount, actual, tuple(named), len(culprits) - len(named))


def _culprits(account: Account, scope: Scope, period: Period) -> list[Culprit]:
    """Who cost more than usual within ``scope`` on the period's last day, the largest excess first."""
    resources, amounts = _amounts(account, scope, period)
    found = [
        Culprit(resources[pk], usually(days, len(days) - 1), days[-1], _compared(days, period))
        for pk, days in amounts.items()
    ]
    return sorted((each for each in found if each.excess > 0), key=_most_first)


def _most_first(culprit: Culprit) -> tuple[Decimal, str, str]:
    return -culprit.excess, culprit.resource.name, culprit.resource.reference


def _amounts(
    account: Account, scope: Scope, period: Period
) -> tuple[dict[UUID, BilledResource], dict[UUID, list[Decimal]]]:
    """Of the costliest resources of the period's last day, the amount of every day, by primary key."""
    rows = DailyCost.objects.filter(scope.of(), account=account).order_by()
    today: dict[UUID, Decimal] = {}
    for pk, amount in rows.filter(day=period.last).values_list("resource", "amount"):
        today[pk] = today.get(pk, ZERO) + amount
    costliest = sorted(today, key=lambda pk: (-today[pk], str(pk)))[:MOST_RESOURCES]
    amounts = {pk: [ZERO] * len(period) for pk in costliest}
    past = DailyCost.objects.filter(resource__in=costliest, day__gte=period.first, day__lte=period.last)
    for pk, day, amount in past.values_list("resource", "day", "amount"):
        amounts[pk][(day - period.first).days] += amount
    return BilledResource.objects.in_bulk(costliest), amounts


def _compared(days: list[Decimal], period: Period) -> date | None:
    last = len(days) - 1
    same = next((place for place in range(last - WEEK, -1, -WEEK) if days[place]), None)
    place = same if same is not None else next((place for place in range(last - 1, -1, -1) if days[place]), None)
    return None if place is None else period.first + place * DAY


def _known(account: Account, day: date) -> dict[str, Decimal]:
    """What each resource that was named in the last days costs too much on a whole day, if that just goes on."""
    rows = CostAnomaly.objects.filter(account=account, day__gte=day - REMEMBERED, day__lt=day).order_by("day")
    named = (each for detail in rows.values_list("detail", flat=True) for each in detail["resources"])
    return {each["reference"]: Decimal(each["going_on"]) for each in named}


def _is_news(culprit: Culprit, known: dict[str, Decimal]) -> bool:
    return culprit.excess > GOES_ON * known.get(culprit.resource.reference, ZERO)


def _is_unusual(expectation: Expectation, actual: Decimal) -> bool:
    return actual - expectation.amount >= expectation.threshold(settings.COST_ANOMALY_MINIMUM)


def _order(scope: Scope) -> tuple[int, str]:
    return WIDEST_FIRST.index(ScopeKind(scope.kind)), scope.value
