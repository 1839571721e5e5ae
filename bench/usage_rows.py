"""Runs inside the platform's environment: fills an account with usage rows, and lists them in memory for comparison."""

from __future__ import annotations

import csv
import io
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
from django.db import connection

from accounts.actors import member_actor
from accounts.models import Membership, Organization, Role, User
from accounts.services import issue_token
from billing import focus_sql, metering, services
from billing.metering import Facts, MeteredLine

START = datetime(2026, 1, 1, tzinfo=UTC)
METERS = 1000
FILL = """
INSERT INTO billing_usagerecord (account_id, resource_id, meter_id, hour, seconds, amount)
SELECT meter.account_id, meter.resource_id, meter.id, %(start)s + hours.n * interval '1 hour', 3600, 0.020800
FROM generate_series(0, %(hours)s - 1) AS hours(n) CROSS JOIN billing_meter meter WHERE meter.account_id = %(account)s
ORDER BY hours.n, meter.id
"""


def make(name: str, rows: int) -> dict[str, str]:
    """A tenant whose 1,000 meters have ``rows`` hourly usage records from 1 January 2026 on, and a token of it."""
    organization = Organization.objects.create(name=name, slug=name)
    user = User.objects.create_user(f"{name}@bench.test", "correct-horse-battery")
    actor = member_actor(user, Membership.objects.create(organization=organization, user=user, role=Role.OWNER))
    _, token = issue_token(actor=actor, name="bench", role=Role.OWNER, expires_at=None)
    for number in range(METERS):
        line = MeteredLine("t3.small", "aws:compute:t3.small", "eu-west-1", "hour", Decimal(1), Decimal("0.0208"),
                           Decimal("0.0208"), "USD", "bench")  # fmt: skip
        facts = Facts(f"resource:{number}", f"vm-{number}", "aws", "vm", "eu-west-1", tags={"team": f"t{number % 9}"})
        metering.run_meters(organization=organization, facts=facts, lines=[line], at=START)
    account = services.account_of(organization)
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"start": START, "hours": rows // METERS, "account": account.pk})
        cursor.execute("ANALYZE billing_usagerecord")
    return {"token": token, "account": str(account.pk)}


def listed(account: str) -> dict[str, float]:
    """The same rows the plain way: all of them in a list, then written as CSV. Seconds, and peak memory in MB."""
    statement = focus_sql.EXPORT.replace("COPY (", "", 1).rpartition(") TO STDOUT")[0]
    values = {"account": account, "begin": START, "end": START + timedelta(days=400), "issuer": "Skyvend"}
    before, begun = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    text = io.StringIO()
    csv.writer(text).writerows([list(focus_sql.COLUMNS), *rows])
    seconds = time.perf_counter() - begun
    grown = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": seconds, "megabytes": grown / 1024, "rows": len(rows)}


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    print(json.dumps(make(rest[0], int(rest[1])) if verb == "make" else listed(rest[0])))
