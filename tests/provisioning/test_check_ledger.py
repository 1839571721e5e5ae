"""``manage.py check_ledger``: silent about ordinary books, and every kind of mistake has its sentence."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Organization
from billing import metering
from billing import services as billing
from billing.models import Account, BilledResource, DailyCost, LedgerEntry, Meter, UsageRecord
from provisioning import services
from provisioning.models import Resource, ResourceStatus, Run
from tests.billing.usage import NOON

from .lives import fail, lose, succeed

HOUR = timedelta(hours=1)
Order = Callable[..., Run]
pytestmark = pytest.mark.django_db


def check() -> list[str]:
    """What the command says is wrong; it must fail exactly when there is something."""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("check_ledger", stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(ended.code or 0)
    problems = err.getvalue().splitlines()
    assert (code, bool(out.getvalue())) == ((1, False) if problems else (0, True))
    return problems


def force(sql: str, *values: Any) -> None:
    """Change a row behind the back of whatever guards it."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, values)
        assert cursor.rowcount
        cursor.execute("SET session_replication_role = DEFAULT")


@pytest.fixture
def machine(order: Order) -> Resource:
    """One that was made at noon and whose first two hours and a half are on the books for two."""
    with time_machine.travel(NOON, tick=False):
        resource = succeed(order("web-1"))
    metering.book_usage(until=NOON + 2.5 * HOUR)
    return resource


def test_ordinary_books_agree(machine: Resource) -> None:
    out = StringIO()
    call_command("check_ledger", stdout=out)
    meters = Meter.objects.count()
    assert out.getvalue() == (
        f"The books agree: 1 accounts, 3 ledger entries, 1 open holds, {meters} meters, {2 * meters} usage records.\n"
    )


def test_every_way_a_life_may_end_leaves_books_that_agree(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    actor = actor_for(tenant.member)
    fail(order("vm-1"))
    fail(order("vm-2"), objects=2)
    lose(order("vm-3"))
    services.cancel_run(actor=actor, run=order("vm-4"))
    services.forget(actor=actor, resource=succeed(order("vm-5")))
    succeed(services.request_destroy(actor=actor, resource=succeed(order("vm-6"))))
    fail(services.request_destroy(actor=actor, resource=succeed(order("vm-7"))), objects=1)
    lose(services.request_destroy(actor=actor, resource=fail(order("vm-8"))))
    order("vm-9")
    metering.book_usage(until=timezone.now() + 2 * HOUR)
    assert check() == []


# --- accounts, entries and charges ----------------------------------------------------------------------------------


def test_a_reservation_that_is_not_the_sum_of_the_holds(machine: Resource) -> None:
    held = Account.objects.get().held
    Account.objects.update(held=held + 1)
    assert check() == [f"Credit of Acme: held is {held + 1}, but its rows add up to {held}"]


def test_an_entry_that_does_not_follow_the_one_before_it(machine: Resource) -> None:
    second, third = LedgerEntry.objects.filter(number__gt=1).order_by("number")
    more = "UPDATE billing_ledgerentry SET balance_before = balance_before + 1, balance_after = balance_after + 1"
    force(f"{more} WHERE id = %s", second.pk)
    assert check() == [
        f"Acme: entry 2 begins at {second.balance_before + 1}, but the one before it ends at {second.balance_before}",
        f"Acme: entry 3 begins at {third.balance_before}, but the one before it ends at {third.balance_before + 1}",
    ]


def test_a_charge_that_is_not_the_sum_of_its_usage(machine: Resource) -> None:
    entry = LedgerEntry.objects.get(number=2)
    force("DELETE FROM billing_usagerecord WHERE entry_id = %s", entry.pk)
    problems = check()
    assert f"Acme: the charge usage:2026-03-02T12 is {entry.amount}, but its usage adds up to 0" in problems
    meters = Meter.objects.count()
    assert sum("is booked for 7200 s, but its usage is 3600 s" in problem for problem in problems) == meters
    assert sum("on 2026-03-02 is kept as" in problem for problem in problems) == meters


def test_usage_that_was_never_charged(machine: Resource) -> None:
    record = UsageRecord.objects.filter(amount__gt=0).first()
    force("UPDATE billing_usagerecord SET entry_id = NULL WHERE id = %s", record.pk)
    assert f"Acme: usage of web-1 in the hour of {record.hour:%Y-%m-%d %H:%M} cost {record.amount} and was never " in (
        "\n".join(check()).replace("charged", "")
    )


def test_usage_in_the_hour_of_another_charge(machine: Resource) -> None:
    record = UsageRecord.objects.filter(hour=NOON).first()
    other = LedgerEntry.objects.get(number=3)
    force("UPDATE billing_usagerecord SET entry_id = %s WHERE id = %s", other.pk, record.pk)
    assert (
        f"Acme: usage record {record.pk} of 2026-03-02 12:00 is not its meter's, or not of the charge "
        "usage:2026-03-02T13"
    ) in check()


def test_usage_that_costs_other_than_its_meter_says(machine: Resource) -> None:
    meter = Meter.objects.filter(unit="hour").first()
    force("UPDATE billing_meter SET quantity = 2 WHERE id = %s", meter.pk)
    record = UsageRecord.objects.filter(meter=meter, hour=NOON).get()
    problems = check()
    assert (
        f"Acme: usage of web-1 ({meter.sku}) in the hour of 2026-03-02 12:00 is 3600 s for {record.amount}, "
        f"but its meter says 3600 s for {record.amount * 2}"
    ) in problems
    assert len(problems) == 2


def test_a_gap_in_what_a_meter_recorded(machine: Resource) -> None:
    meter = Meter.objects.first()
    force("UPDATE billing_meter SET metered_until = metered_until + interval '1 hour' WHERE id = %s", meter.pk)
    since = "2026-03-02 12:00:00"
    [problem] = check()
    assert problem == (
        f"Acme: the meter of web-1 ({meter.sku}) since {since} is booked for 10800 s, but its usage is 7200 s"
    )


def test_a_day_that_is_not_the_sum_of_its_usage(machine: Resource) -> None:
    day = DailyCost.objects.first()
    DailyCost.objects.filter(pk=day.pk).update(amount=day.amount + 1)
    name, usage = f"Acme: web-1 ({day.sku}) on 2026-03-02 is kept as", f"but its usage is {day.amount}, 7200 and 2"
    assert check() == [f"{name} {day.amount + 1} in 7200 s and 2 records, {usage}"]
    DailyCost.objects.filter(pk=day.pk).delete()
    assert check() == [f"{name} 0 in 0 s and 0 records, {usage}"]


# --- holds and meters against resources -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["destroyed", "orphaned"])
def test_a_hold_and_meters_of_what_is_gone(machine: Resource, status: str) -> None:
    Resource.objects.update(status=status, gone_at=NOON + 2 * HOUR)
    problems = check()
    name = f"resource:{machine.pk}"
    assert sum("is metered, which does not exist any more" in problem for problem in problems) == Meter.objects.count()
    assert [problem for problem in problems if "is held for" in problem and name in problem] == [
        f"Acme: {billing.account_of(machine.organization).held} is held for {name}, which does not exist"
    ]


def test_a_meter_that_ended_after_its_resource_and_is_not_booked_that_far(machine: Resource) -> None:
    Meter.objects.update(ends_at=NOON + 5 * HOUR)
    Resource.objects.update(status="destroyed", gone_at=NOON + 3 * HOUR)
    billing.release_hold(organization=machine.organization, reference=machine.hold_reference)
    assert len(check()) == Meter.objects.count()
    metering.book_usage(until=NOON + 6 * HOUR)  # once booked it is past: nobody can take it back
    assert check() == []


def test_a_hold_of_a_create_that_failed_and_left_nothing(order: Order, tenant: SimpleNamespace) -> None:
    resource = fail(order("web-1"))
    billing.hold_credit(organization=tenant.organization, reference=resource.hold_reference, amount=Decimal(3))
    assert check() == [f"Acme: 3.000000 is held for resource:{resource.pk}, which does not exist"]


def test_a_hold_of_another_tenants_resource(machine: Resource, stranger: Any, credit: Callable[..., None]) -> None:
    credit(stranger.organization, "5")
    billing.hold_credit(organization=stranger.organization, reference=machine.hold_reference, amount=Decimal(5))
    assert check() == [f"Elsewhere: 5.000000 is held for resource:{machine.pk}, which does not exist"]


@pytest.mark.parametrize("status", ["active", "stopped", "failed", "updating"])
def test_what_exists_without_a_hold(machine: Resource, status: str) -> None:
    Resource.objects.update(status=status)
    billing.release_hold(organization=machine.organization, reference=machine.hold_reference)
    assert check() == [f"Acme: nothing is held for web-1 (resource:{machine.pk})"]


def test_what_is_being_made_without_a_hold(order: Order, tenant: SimpleNamespace) -> None:
    resource = order("web-1").resource
    billing.release_hold(organization=tenant.organization, reference=resource.hold_reference)
    assert check() == [f"Acme: nothing is held for web-1 (resource:{resource.pk})"]


def test_a_hold_that_an_operator_released_is_not_missed(
    machine: Resource, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    billing.release_hold(
        organization=machine.organization, reference=machine.hold_reference, actor=actor_for(tenant.owner)
    )
    assert check() == []


def test_what_exists_and_is_not_metered(machine: Resource) -> None:
    metering.end_meters(organization=machine.organization, reference=machine.hold_reference, at=NOON + 2 * HOUR)
    assert check() == [f"Acme: nothing is metered of web-1 (resource:{machine.pk})"]
    Resource.objects.update(status=ResourceStatus.STOPPED)
    assert check() == []


def test_a_failed_create_that_was_billed(machine: Resource) -> None:
    Resource.objects.update(activated_at=None, status="failed")
    problems = check()
    assert f"Acme: web-1 (resource:{machine.pk}) is billed and was never active" in problems


# --- while the platform works ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_check_sees_one_moment_and_writes_nothing(machine: Resource, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def look() -> Any:
        seen.append(Account.objects.count())
        with pytest.raises(Exception, match="read-only"), transaction.atomic():
            Organization.objects.create(name="Late", slug=f"late-{uuid.uuid4().hex[:6]}")
        return iter(())

    monkeypatch.setattr("billing.books.CHECKS", (SimpleNamespace(name="looks", find=look),))
    assert check() == []
    assert seen == [1]


def test_the_checks_are_as_many_queries_for_ten_as_for_one(
    order: Order, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with time_machine.travel(NOON, tick=False):
        for number in range(3):
            succeed(order(f"vm-{number}"))
    metering.book_usage(until=NOON + HOUR)
    assert BilledResource.objects.count() == 3
    with django_assert_max_num_queries(20):  # 13 checks, 5 counts, a savepoint
        check()
