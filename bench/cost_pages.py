"""Runs inside the platform's environment: books a tenant's usage and times the costs page, the API and the raw sums."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# ruff: noqa: E402  - models must be loaded first
from django.db import connection
from django.db.models import Sum
from django.test import Client

from accounts.models import Membership, Organization, Role, User
from billing import costs, metering, services
from billing.costs import Grouping, Period
from billing.metering import Facts, MeteredLine
from billing.models import Account, DailyCost, UsageRecord

RESOURCES = 50
TIMES = 20
CLOUDS = ("aws", "azure", "gcp")
KINDS = ("vm", "bucket", "kubernetes")


def book(rows: int) -> tuple[User, Account, Period]:
    """A tenant whose resources were booked hour by hour until now, by the ordinary pass, as ``rows`` usage records."""
    organization = Organization.objects.create(name="Costs", slug="costs")
    user = User.objects.create_user("costs@bench.test", "correct-horse-battery")
    Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = now - timedelta(hours=rows // RESOURCES)
    for number in range(RESOURCES):
        price = Decimal("0.0208") * (number + 1)
        line = MeteredLine(
            "t3.small", "aws:compute:t3.small", "eu-west-1", "hour", Decimal(1), price, price, "USD", "b"
        )
        facts = Facts(
            f"resource:{number}", f"vm-{number}", CLOUDS[number % 3], KINDS[number % 2], "eu-west-1",
            cloud_account=f"account-{number % 5}", cloud_account_name=f"Account {number % 5}",
            tags={"team": f"team-{number % 7}"},
        )  # fmt: skip
        metering.run_meters(organization=organization, facts=facts, lines=[line], at=start)
    metering.book_usage(until=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return user, services.account_of(organization), Period(start.date(), now.date())


def raw(account: Account, period: Period) -> list[tuple[Any, ...]]:
    """By cloud and day from the usage records themselves."""
    rows = UsageRecord.objects.filter(account=account, hour__date__gte=period.first, hour__date__lte=period.last)
    summed = rows.order_by().values_list("resource__provider", "hour__date").annotate(total=Sum("amount"))
    return sorted(summed)


def rolled_up(account: Account, period: Period) -> list[tuple[Any, ...]]:
    found = costs.break_down(account, period, Grouping.PROVIDER)
    days = [
        (group.key, day, amount) for group in found.groups for day, amount in zip(period, group.amounts, strict=True)
    ]
    return sorted(days)


def milliseconds(action: Callable[[], Any]) -> float:
    """The median of ``TIMES``, after one to warm up."""
    action()
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        action()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def main() -> None:
    user, account, period = book(int(sys.argv[1]))
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    days = f"from={period.first}&to={period.last}"
    custom = f"period=custom&first={period.first}&last={period.last}"

    def get(address: str) -> Callable[[], None]:
        def ask() -> None:
            answer = client.get(address, secure=True)
            assert answer.status_code == 200, (address, answer.status_code)

        return ask

    pages = {
        "page by cloud": get(f"/billing/costs/?{custom}"),
        "page by resource": get(f"/billing/costs/?{custom}&by=resource"),
        "page by tag": get(f"/billing/costs/?{custom}&by=tag"),
        "dashboard": get("/"),
        "estimated, metered, billed": get(f"/billing/comparing/?{custom}"),
        "API by cloud": get(f"/api/v1/billing/costs?{days}"),
        "API by resource": get(f"/api/v1/billing/costs?{days}&group_by=resource"),
    }
    answer = {
        "usage_rows": UsageRecord.objects.count(),
        "daily_rows": DailyCost.objects.count(),
        "is_equal": raw(account, period) == rolled_up(account, period),
        "raw": milliseconds(lambda: raw(account, period)),
        "rolled_up": milliseconds(lambda: rolled_up(account, period)),
        "pages": {name: milliseconds(ask) for name, ask in pages.items()},
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
