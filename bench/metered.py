"""Runs inside the platform's environment: fills tenants with metered resources, and books their hours two ways."""

from __future__ import annotations

import json
import os
import resource as limits
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# ruff: noqa: E402  - models must be loaded first
from django.db import connection, transaction

from accounts.actors import system_actor
from accounts.models import Organization
from billing import books, metering, services
from billing.models import Account, DailyCost, EntryKind, Hold, Meter, UsageRecord
from billing.money import HOURS_PER_MONTH, rounded

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TENANTS = 20
LINES = (("compute", "hour", "0.0208"), ("disk", "gib_month", "1.6"), ("ipv4", "hour", "0.005"))
RESOURCES = """
INSERT INTO billing_billedresource (id, account_id, reference, name, provider, kind, region, cloud_account,
    cloud_account_name, tags, created_at)
SELECT gen_random_uuid(), %(account)s, 'resource:' || n, 'vm-' || n, 'aws', 'vm', 'eu-west-1', '', '', '{}', %(start)s
FROM generate_series(1, %(count)s) AS n
"""
METERS = """
INSERT INTO billing_meter (account_id, resource_id, line, label, sku, region, unit, quantity, list_price, unit_price,
    currency, catalogue, is_paused_by_stop, starts_at, metered_until)
SELECT %(account)s, id, %(sku)s, %(sku)s, %(sku)s, 'eu-west-1', %(unit)s, 1, %(price)s, %(price)s, 'USD', 'bench',
    false, %(start)s, %(start)s
FROM billing_billedresource WHERE account_id = %(account)s
"""
HOLDS = """
INSERT INTO billing_hold (id, account_id, reference, description, amount, status, created_at)
SELECT gen_random_uuid(), account_id, reference, '', 20, 'open', %(start)s
FROM billing_billedresource WHERE account_id = %(account)s
"""


def fill(resources: int) -> dict[str, int]:
    """``resources`` machines of three lines each, with their holds, spread over the tenants; nothing is booked."""
    for number in range(TENANTS):
        organization = Organization.objects.create(name=f"metered-{number}", slug=f"metered-{number}")
        actor = system_actor(organization)
        services.top_up(organization=organization, amount=Decimal(1_000_000), reference="bench", actor=actor)
        account = services.account_of(organization)
        values = {"account": account.pk, "start": START, "count": resources // TENANTS}
        with connection.cursor() as cursor:
            cursor.execute(RESOURCES, values)
            for name, unit, price in LINES:
                cursor.execute(METERS, {**values, "sku": f"aws:{name}", "unit": unit, "price": price})
            cursor.execute(HOLDS, values)
        Account.objects.filter(pk=account.pk).update(held=20 * (resources // TENANTS))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"meters": Meter.objects.count()}


def book(hours: int) -> dict[str, float]:
    """A pass over everything that is due ``hours`` after the start. Seconds, records, and memory growth in MB."""
    connection.ensure_connection()
    before, begun = _peak(), time.perf_counter()
    booked = metering.book_usage(until=START + hours * HOUR)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "records": booked.records, "megabytes": _peak() - before}


def check() -> dict[str, float]:
    """All that the books must agree on by themselves. Seconds and how many differences."""
    begun = time.perf_counter()
    found = [difference for each in books.CHECKS for difference in each.find()]
    return {"seconds": time.perf_counter() - begun, "differences": len(found)}


def _peak() -> float:
    """The most memory that this process ever had, in MB (Linux counts in kB)."""
    return limits.getrusage(limits.RUSAGE_SELF).ru_maxrss / 1024


@transaction.atomic
def plainly(count: int, hours: int) -> dict[str, float]:
    """The next hour of ``count`` meters the plain way, row by row; undone afterwards. Seconds and records."""
    begin = START + hours * HOUR
    account = Account.objects.order_by("pk").first()
    assert account is not None
    begun = time.perf_counter()
    total = sum((_record(account, meter, begin) for meter in account.meters.order_by("pk")[:count]), Decimal(0))
    account.refresh_from_db()
    services.append_entry(account, EntryKind.CHARGE, -total, "plain", "")
    seconds = time.perf_counter() - begun
    transaction.set_rollback(True)
    return {"seconds": seconds, "records": count}


def _record(account: Account, meter: Meter, begin: datetime) -> Decimal:
    per_hour = meter.quantity * meter.unit_price / (1 if meter.unit == "hour" else HOURS_PER_MONTH)
    ran = int((begin - meter.starts_at) / HOUR)
    amount = rounded(per_hour * (ran + 1)) - rounded(per_hour * ran)
    UsageRecord.objects.create(
        account=account, resource=meter.resource, meter=meter, hour=begin, seconds=3600, amount=amount
    )
    daily, _ = DailyCost.objects.get_or_create(
        account=account,
        resource=meter.resource,
        day=begin.date(),
        sku=meter.sku,
        defaults={"amount": 0, "seconds": 0, "records": 0},
    )
    daily.amount, daily.seconds, daily.records = daily.amount + amount, daily.seconds + 3600, daily.records + 1
    daily.save()
    hold = Hold.objects.get(account=account, reference=meter.resource.reference)
    hold.amount -= min(hold.amount, amount)
    hold.save()
    meter.metered_until = begin + HOUR
    meter.save()
    return amount


VERBS = {"fill": fill, "book": book, "plainly": plainly, "check": check}

if __name__ == "__main__":
    verb, *numbers = sys.argv[1:]
    print(json.dumps(VERBS[verb](*map(int, numbers))))  # type: ignore[operator]
