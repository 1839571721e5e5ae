"""Months of costs for tests, written the way metering leaves them behind: meters, and a sum for every day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import Organization
from billing import services
from billing.models import BilledResource, DailyCost, Meter

TODAY = date(2026, 6, 3)  # a Wednesday
DAY = timedelta(days=1)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def resource(organization: Organization, name: str = "web", **more: Any) -> BilledResource:
    known = {"provider": "aws", "kind": "vm", "region": "eu-west-1", "cloud_account": "c1"}
    account = services.account_of(organization)
    return BilledResource.objects.create(account=account, reference=f"resource:{name}", name=name, **known | more)


def meter(billed: BilledResource, per_day: float, *, since: date, until: date | None = None, **more: Any) -> Meter:
    """One that costs ``per_day`` from the beginning of ``since`` to the beginning of ``until``; booked to TODAY."""
    price = Decimal(str(per_day)) / 24
    known = {
        "line": "compute",
        "label": "t3.small",
        "sku": "aws:compute:t3.small",
        "region": billed.region,
        "unit": "hour",
        "quantity": Decimal(1),
        "list_price": price,
        "unit_price": price,
        "catalogue": "test",
        "starts_at": midnight(since),
        "ends_at": midnight(until) if until else None,
        "metered_until": midnight(until or TODAY),
    }
    return Meter.objects.create(account_id=billed.account_id, resource=billed, **known | more)


def costs(billed: BilledResource, amounts: Sequence[float], *, last: date = TODAY - DAY, sku: str = "s") -> None:
    """A cost for each day up to ``last``; days of zero have no row, as after metering."""
    first = last - DAY * (len(amounts) - 1)
    DailyCost.objects.bulk_create(
        DailyCost(
            account_id=billed.account_id, resource=billed, day=first + DAY * number, sku=sku,
            amount=Decimal(str(amount)), seconds=86_400, records=24,
        )
        for number, amount in enumerate(amounts)
        if amount
    )  # fmt: skip


def running(organization: Organization, name: str = "web", *, per_day: float = 24, days: int = 60, **more: Any) -> Any:
    """A machine that has run for ``days`` at ``per_day`` and still does."""
    billed = resource(organization, name, **more)
    meter(billed, per_day, since=TODAY - DAY * days)
    costs(billed, [per_day] * days)
    return billed
