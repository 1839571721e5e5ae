"""Reading what the clouds billed: by month and cloud account, by resource beside what was metered, and the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce, TruncMonth

from billing.models import ZERO, Account, ActualCost, CostImport

from .periods import Period, month_of
from .totals import by_resource

SHOWN = 100  # resources of a month, and services of what is unmatched
MONTHS = 12
OURS = Q(resource__isnull=False)


@dataclass(frozen=True, slots=True)
class BilledMonth:
    """What one cloud account was billed in one month, in one currency."""

    month: date  # its first day
    provider: str
    cloud_account: str
    currency: str
    matched: Decimal
    unmatched: Decimal
    is_estimated: bool

    @property
    def total(self) -> Decimal:
        return self.matched + self.unmatched


@dataclass(frozen=True, slots=True)
class BilledThing:
    """What one resource was billed in a month, beside what was metered of it in the same days."""

    reference: str
    name: str
    provider: str
    currency: str
    billed: Decimal
    metered: Decimal
    metered_currency: str

    @property
    def difference(self) -> Decimal | None:
        """Billed less metered; None where the two are in different currencies."""
        return self.billed - self.metered if self.currency == self.metered_currency else None


@dataclass(frozen=True, slots=True)
class Unmatched:
    """What a cloud account was billed in a month for something that is no resource of ours, by service."""

    service: str
    category: str
    provider: str
    cloud_account: str
    currency: str
    billed: Decimal
    lines: int


def newest_imports(account: Account) -> list[CostImport]:
    """The last reading of each cloud account."""
    rows = account.cost_imports.order_by("cloud_account", "-started_at")
    return list(rows.distinct("cloud_account"))


def billed_months(account: Account) -> list[BilledMonth]:
    """The newest months first, up to ``MONTHS`` of each cloud account and currency."""
    rows: Any = (
        account.actual_costs.annotate(month=TruncMonth("charge_period_start"))
        .order_by("-month", "provider", "cloud_account", "currency")
        .values("month", "provider", "cloud_account", "currency")
        .annotate(
            matched=Coalesce(Sum("billed_cost", filter=OURS), ZERO),
            unmatched=Coalesce(Sum("billed_cost", filter=~OURS), ZERO),
            estimated=Count("id", filter=Q(is_estimated=True)),
        )
    )
    months = sorted({row["month"] for row in rows}, reverse=True)[:MONTHS]
    return [
        BilledMonth(**{name: row[name] for name in BilledMonth.__slots__[:-1]}, is_estimated=row["estimated"] > 0)
        for row in rows
        if row["month"] in months
    ]


def billed_things(account: Account, month: date) -> list[BilledThing]:
    """The costliest resources of a month, and what their meters recorded in it."""
    days = month_of(month)
    rows = list(
        _within(account, days)
        .filter(OURS)
        .order_by()
        .values("resource", "resource__reference", "resource__name", "provider", "currency")
        .annotate(billed=Sum("billed_cost"))
        .order_by("-billed", "resource__name")[:SHOWN]
    )
    metered = by_resource(account, days.first, days.last, [row["resource"] for row in rows])
    return [
        BilledThing(
            reference=row["resource__reference"],
            name=row["resource__name"],
            provider=row["provider"],
            currency=row["currency"],
            billed=row["billed"],
            metered=metered.get(row["resource"], ZERO),
            metered_currency=account.currency,
        )
        for row in rows
    ]


def unmatched(account: Account, month: date) -> list[Unmatched]:
    """What else a month's bill holds, the costliest services first."""
    rows: Any = (
        _within(account, month_of(month))
        .filter(~OURS)
        .order_by()
        .values("service_name", "charge_category", "provider", "cloud_account", "currency")
        .annotate(billed=Sum("billed_cost"), lines=Count("id"))
        .order_by("-billed", "service_name")[:SHOWN]
    )
    return [
        Unmatched(
            row["service_name"], row["charge_category"], row["provider"], row["cloud_account"], row["currency"],
            row["billed"], row["lines"],
        )
        for row in rows
    ]  # fmt: skip


def _within(account: Account, days: Period) -> Any:
    return ActualCost.objects.filter(account=account).between(days.first, days.last)
