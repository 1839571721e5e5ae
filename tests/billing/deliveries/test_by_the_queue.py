"""The whole way: an announcement rings, a consumer of the queue hears it, and the receiver has the alert."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import dramatiq
import pytest
from dramatiq.worker import Worker

from billing.models import Channel, Delivery, DeliveryStatus

from .receiver import Receiver


@pytest.fixture
def consumer(transactional_db: None) -> Iterator[Worker]:
    broker = dramatiq.get_broker()
    broker.flush("alerts")
    worker = Worker(broker, queues={"alerts"}, worker_threads=2, worker_timeout=50)
    worker.start()
    yield worker
    worker.stop()


def test_an_announcement_arrives_without_a_tick(
    consumer: Worker, hook: Channel, hook_server: Receiver, say: Callable[..., Any]
) -> None:
    delivery = say(hook)

    ends = time.monotonic() + 15
    while time.monotonic() < ends and not Delivery.objects.filter(status=DeliveryStatus.DELIVERED).exists():
        time.sleep(0.05)

    assert [got.delivery for got in hook_server.got] == [str(delivery.pk)]
    assert Delivery.objects.get().status == DeliveryStatus.DELIVERED
