from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dramatiq
import pytest
from django.conf import settings
from django.utils import timezone
from dramatiq_crontab import scheduler

from billing import deliveries, doorbells, safe_http, tasks
from billing.models import Channel, Delivery


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    rung: list[int] = []
    monkeypatch.setattr(doorbells.deliver_alerts, "send", lambda: rung.append(1))
    return rung


@pytest.mark.parametrize(("is_done", "rung"), [(True, 0), (False, 1)])
def test_a_worker_rings_for_the_rest_when_it_stops_before_the_end(
    monkeypatch: pytest.MonkeyPatch, rings: list[int], is_done: bool, rung: int
) -> None:
    monkeypatch.setattr(deliveries, "deliver_due", lambda: is_done)

    doorbells.deliver_alerts.fn()

    assert len(rings) == rung


@pytest.mark.django_db
def test_a_worker_stops_when_its_time_is_over(say: Callable[..., Delivery], hook: Channel) -> None:
    say(hook)

    assert not deliveries.deliver_due(seconds=0)
    assert Delivery.objects.get().attempts == 0
    assert deliveries.deliver_due()


@pytest.mark.django_db
def test_an_alert_rings_once_it_is_committed(
    rings: list[int], say: Callable[..., Delivery], hook: Channel, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        say(hook)
        assert rings == []

    assert rings == [1]


@pytest.mark.django_db
def test_without_redis_an_alert_is_kept_and_the_tick_rings_for_it(
    monkeypatch: pytest.MonkeyPatch,
    say: Callable[..., Delivery],
    hook: Channel,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def fail() -> None:
        raise ConnectionError

    monkeypatch.setattr(doorbells.deliver_alerts, "send", fail)
    with django_capture_on_commit_callbacks(execute=True):
        say(hook)
    rung: list[int] = []
    monkeypatch.setattr(doorbells.deliver_alerts, "send", lambda: rung.append(1))
    tasks.ring_for_alerts.fn()

    assert rung == [1]


@pytest.mark.django_db
@pytest.mark.parametrize(("waiting", "rung"), [(0, 0), (2, 2), (9, 4)])
def test_a_tick_rings_for_what_is_due_and_not_for_more_than_can_be_sent_at_once(
    rings: list[int], say: Callable[..., Delivery], hook: Channel, waiting: int, rung: int
) -> None:
    for _ in range(waiting):
        say(hook)
    later = say(hook)
    Delivery.objects.filter(pk=later.pk).update(next_attempt_at=timezone.now() + timedelta(minutes=1))

    tasks.ring_for_alerts.fn()

    assert len(rings) == rung


@pytest.mark.django_db
def test_how_long_alerts_wait_is_measured(say: Callable[..., Delivery], hook: Channel, client: Any) -> None:
    now = timezone.now()
    assert deliveries.oldest_due(now) == 0
    delivery = say(hook)
    Delivery.objects.update(next_attempt_at=now - timedelta(seconds=90))

    assert deliveries.oldest_due(now) == 90
    assert "skyvend_alerts_oldest_seconds 9" in client.get("/metrics").content.decode()
    Delivery.objects.filter(pk=delivery.pk).update(leased_until=now + timedelta(seconds=30))
    assert deliveries.oldest_due(now) == 0, "somebody sends it"


def test_the_scheduler_rings_and_the_queue_repeats_nothing() -> None:
    [job] = [job for job in scheduler.get_jobs() if job.name == "ring_for_alerts"]
    assert job.trigger.interval == timedelta(seconds=15)
    for actor, queue in ((doorbells.deliver_alerts, "alerts"), (tasks.ring_for_alerts, "system")):
        assert (actor.queue_name, actor.options["max_retries"]) == (queue, 0)
    assert "alerts" in dramatiq.get_broker().get_declared_queues()


def test_an_attempt_ends_well_before_its_lease_and_a_stint_before_the_queues_limit() -> None:
    assert max(safe_http.TIME_LIMIT, settings.EMAIL_TIMEOUT) * 2 < settings.ALERT_LEASE
    assert (deliveries.delivering.STINT + settings.ALERT_LEASE) * 1000 < doorbells.TIME_LIMIT
