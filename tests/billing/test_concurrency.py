"""Several connections at once on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from accounts.actors import system_actor
from accounts.models import Organization
from billing import books, metering, services
from billing.ledger import differences
from billing.models import Account, Hold, LedgerEntry, Meter

from .usage import NOON, line, run

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """Run ``work(0..count-1)`` in as many threads with their own connections, started together; results or errors."""
    barrier = Barrier(count)

    def call(number: int) -> object:
        try:
            barrier.wait(timeout=30)
            return work(number)
        except Exception as error:  # noqa: BLE001  - the error is the result
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(call, range(count)))


def fresh(organization: Organization) -> Organization:
    """Each request has an instance of its own."""
    return Organization.objects.get(pk=organization.pk)


@pytest.fixture
def funded(organization: Organization, credit: Callable[..., LedgerEntry]) -> Organization:
    credit(organization, "30")
    return organization


def test_twelve_orders_with_credit_for_three_hold_exactly_three(funded: Organization):
    results = at_once(
        12,
        lambda number: services.hold_credit(
            organization=fresh(funded), reference=f"resource:{number}", amount=Decimal(10)
        ),
    )
    assert sum(isinstance(result, Hold) for result in results) == 3
    refused = [result for result in results if isinstance(result, services.InsufficientCredit)]
    assert [error.available for error in refused] == [Decimal(0)] * 9
    assert Hold.objects.open().count() == 3
    assert services.account_of(funded).available == Decimal(0)
    assert list(differences()) == []


def test_many_orders_at_once_reserve_exactly_their_sum(funded: Organization):
    def order(number: int) -> None:
        for step in range(20):
            reference = f"resource:{number}:{step}"
            services.hold_credit(organization=fresh(funded), reference=reference, amount=Decimal("0.1"))
            if step % 3 == 0:
                services.release_hold(organization=fresh(funded), reference=reference)

    assert at_once(10, order) == [None] * 10
    assert services.account_of(funded).held == Decimal("13.0")  # 10 x 13 x 0.1
    assert list(differences()) == []


def test_one_order_sent_twelve_times_holds_once(funded: Organization):
    results = at_once(
        12,
        lambda _: services.hold_credit(organization=fresh(funded), reference="resource:1", amount=Decimal(20)),
    )
    assert len({result.pk for result in results if isinstance(result, Hold)}) == 1
    assert [result for result in results if not isinstance(result, Hold)] == []
    assert services.account_of(funded).held == Decimal(20)


def test_a_top_up_sent_eight_times_is_booked_once(organization: Organization):
    results = at_once(
        8,
        lambda _: services.top_up(
            organization=fresh(organization),
            amount=Decimal(5),
            reference="bank:1",
            actor=system_actor(organization),
        ),
    )
    assert len({result.pk for result in results if isinstance(result, LedgerEntry)}) == 1
    assert services.account_of(organization).balance == Decimal(5)


def test_a_hold_settled_and_released_at_once_is_closed_once(funded: Organization):
    services.hold_credit(organization=funded, reference="resource:1", amount=Decimal(10))

    def close(number: int) -> object:
        if number % 2:
            return services.release_hold(organization=fresh(funded), reference="resource:1")
        return services.settle_hold(organization=fresh(funded), reference="resource:1", amount=Decimal(2))

    results = at_once(8, close)
    assert [result for result in results if isinstance(result, Exception)] == []
    account, hold = services.account_of(funded), Hold.objects.get()
    assert account.held == Decimal(0)
    assert account.balance == (Decimal(28) if hold.status == "settled" else Decimal(30))
    assert list(differences()) == []


def test_entries_written_at_once_keep_one_gap_free_ledger(funded: Organization):
    results = at_once(
        10,
        lambda number: services.charge(organization=fresh(funded), reference=f"usage:{number}", amount=Decimal("0.5")),
    )
    assert [result for result in results if isinstance(result, Exception)] == []
    assert list(LedgerEntry.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 12))
    assert services.account_of(funded).balance == Decimal(25)


def test_an_account_is_opened_once_with_its_trial_credit(db: None, settings: object):
    settings.TRIAL_CREDIT_USD = 25  # type: ignore[attr-defined]
    organization = Organization.objects.create(name="New", slug=f"new-{uuid.uuid4().hex[:8]}")
    results = at_once(8, lambda _: services.account_of(fresh(organization)).pk)
    assert len(set(results)) == 1
    assert Account.objects.get().balance == Decimal(25)


def test_passes_orders_and_ends_at_once_book_every_hour_once(funded: Organization):
    for number in range(6):
        services.hold_credit(organization=funded, reference=f"resource:{number}", amount=Decimal("0.1"))
        run(funded, line(), line("aws:disk:gp3", "0.001"), reference=f"resource:{number}")
    end = NOON + timedelta(hours=8)

    def act(number: int) -> object:
        if number % 3 == 0:
            return metering.book_usage(until=end)
        if number % 3 == 1:
            reference = f"resource:new-{number}"
            return services.hold_credit(organization=fresh(funded), reference=reference, amount=Decimal(1))
        at = NOON + timedelta(minutes=50 * number)
        return metering.end_meters(organization=fresh(funded), reference=f"resource:{number % 6}", at=at)

    results = at_once(12, act)
    assert [result for result in results if isinstance(result, Exception)] == []
    metering.book_usage(until=end)
    assert [found for check in books.CHECKS for found in check.find()] == []
    assert LedgerEntry.objects.filter(kind="charge").count() == 8
    assert not Meter.objects.filter(ends_at=None).exclude(metered_until=end).exists()
