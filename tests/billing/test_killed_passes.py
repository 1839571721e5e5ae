"""Real processes that book usage are killed, wherever they are just then; nothing is doubled and nothing is missed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from billing import books, metering, services
from billing.models import Account, Hold, LedgerEntry, Meter, UsageRecord

from .usage import line, run

KILLS = 20
TENANTS, RESOURCES, HOURS = 4, 12, 60  # hours that are due of each tenant
HOUR = timedelta(hours=1)
PASS = "killed-pass"  # how the connections of a pass call themselves
HELD = Decimal("0.5")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def begin(credit: Any) -> datetime:
    """Tenants with resources that have run for days and of which nothing is booked; when the first of them began."""
    begin = the_hour() - HOURS * HOUR
    for _ in range(TENANTS):
        organization = Organization.objects.create(name="Acme", slug=f"acme-{uuid.uuid4().hex[:8]}")
        credit(organization, "50")
        for number in range(RESOURCES):
            reference = f"resource:{number}"
            services.hold_credit(organization=organization, reference=reference, amount=HELD)
            lines = line(), line("aws:disk:gp3", "0.0000004", "20"), line("aws:ipv4", "3.65", unit="gb_month")
            run(organization, *lines, at=begin + timedelta(seconds=97 * number), reference=reference)
    return begin


def the_hour() -> datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0)


@contextmanager
def passes() -> Iterator[subprocess.Popen[str]]:
    database = connection.settings_dict
    address = f"{database['HOST']}:{database['PORT']}/{database['NAME']}"
    url = f"postgres://{database['USER']}:{database['PASSWORD']}@{address}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.billing.killed_pass"],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url, "PGAPPNAME": PASS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kill_one(parent: subprocess.Popen[str], after: float, watcher: psycopg.Connection[Any]) -> bool:
    """Begin a pass, kill it ``after`` seconds; whether it had written something then and not committed it."""
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write("\n")
    parent.stdin.flush()
    pid = int(parent.stdout.readline())
    time.sleep(after)
    os.kill(pid, signal.SIGSTOP)  # so that what is seen is where it is killed
    is_within = sees(watcher, written=True)
    os.kill(pid, signal.SIGKILL)
    assert parent.stdout.readline() == "ended\n"
    while sees(watcher, written=False):  # until the server has noticed
        time.sleep(0.01)
    return is_within


def sees(watcher: psycopg.Connection[Any], *, written: bool) -> bool:
    """Whether a pass is connected; with ``written``, whether it has an open transaction that wrote something."""
    backends = watcher.execute("SELECT backend_xid FROM pg_stat_activity WHERE application_name = %s", [PASS])
    return any(xid is not None or not written for (xid,) in backends)


@contextmanager
def watching() -> Iterator[psycopg.Connection[Any]]:
    database = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
    with psycopg.connect(**{name: database[key] for name, key in names.items()}, autocommit=True) as watcher:
        yield watcher


def seconds_per_hour(begin: datetime) -> float:
    """How long an hour of a tenant takes to book, seen on the first two."""
    started = time.monotonic()
    booked = metering.book_usage(until=begin + 2 * HOUR)
    return (time.monotonic() - started) / booked.hours


def test_a_pass_killed_twenty_times_doubles_and_misses_nothing(begin: datetime) -> None:
    pace, moments = seconds_per_hour(begin), random.Random(20)
    with watching() as watcher, passes() as parent:
        within = [kill_one(parent, moments.uniform(0, 10 * pace), watcher) for _ in range(KILLS)]
    print(f"{sum(within)} of {KILLS} were killed within a transaction that had written")  # noqa: T201
    assert 0 < sum(within) < KILLS, within
    charges = LedgerEntry.objects.filter(kind="charge")
    assert TENANTS * 2 < charges.count() < TENANTS * HOURS  # they got somewhere, and none to the end

    metering.book_usage(until=(end := the_hour()))

    hours = (end - begin) // HOUR
    assert [found for check in books.CHECKS for found in check.find()] == []
    assert set(Meter.objects.values_list("metered_until", flat=True)) == {end}
    assert charges.count() == TENANTS * hours
    assert not charges.filter(reference__contains="#").exists()
    assert UsageRecord.objects.count() == TENANTS * RESOURCES * 3 * hours
    assert {account.balance for account in Account.objects.all()} == {50 - cost(hours)}
    assert set(Hold.objects.values_list("amount", flat=True)) == {Decimal(0)}


def cost(hours: int) -> Decimal:
    """What a tenant's resources cost in all: each line rounded once."""
    rates = Decimal("0.02") / 3600, Decimal("0.0000004") * 20 / 3600, Decimal("3.65") / (730 * 3600)
    ran = [hours * 3600 - 97 * number for number in range(RESOURCES)]
    return sum((round(rate * seconds, 6) for rate in rates for seconds in ran), Decimal(0))
