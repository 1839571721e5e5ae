"""A real process that delivers is killed 20 times, half of them while its receiver holds an alert unanswered."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from billing.models import Account, Alert, Channel, ChannelKind, Delivery, DeliveryStatus

from .receiver import Receiver

KILLS = 20
CHANNELS = 4
ALERTS_PER_LIFE = 3
ROOT = Path(__file__).resolve().parents[3]


class Mortals:
    """Lives of a worker, one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = 0

    def live(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.pid = int(self.process.stdout.readline())

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.pid = 0


@pytest.fixture
def mortals() -> Iterator[Mortals]:
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "WEBHOOK_NETWORKS": "127.0.0.0/8",
        "WEBHOOK_ALLOW_HTTP": "1",
        "ALERT_LEASE": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.billing.deliveries.mortal"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    lives = Mortals(process)
    try:
        yield lives
    finally:
        if lives.pid:
            lives.kill()
        with suppress(BrokenPipeError):
            process.communicate(timeout=10)


@pytest.fixture
def channels(account: Account, hook_server: Receiver) -> list[Channel]:
    return [
        Channel.objects.create(
            account=account, name=f"Hook {number}", kind=ChannelKind.WEBHOOK, address=hook_server.url, secret="s"
        )
        for number in range(CHANNELS)
    ]


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.002)
    return False


@pytest.mark.django_db(transaction=True)
def test_killed_twenty_times_it_loses_no_alert_and_doubles_only_under_the_same_id(
    mortals: Mortals, channels: list[Channel], hook_server: Receiver, say: Callable[..., Any]
) -> None:
    chance = random.Random(4)
    answering = threading.Event()  # while unset, a receiver keeps its caller waiting

    def answer_sometime(handler: Any) -> None:
        answering.wait(5)
        time.sleep(chance.random() * 0.02)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    hook_server.raw = answer_sometime
    in_the_middle = 0
    for life in range(KILLS):
        for _ in range(ALERTS_PER_LIFE):
            say(chance.choice(channels))
        arrived = len(hook_server.got)
        if life % 2:
            answering.clear()
            mortals.live()
            in_the_middle += wait_for(lambda before=arrived: len(hook_server.got) > before)
        else:
            answering.set()
            mortals.live()
            time.sleep(chance.random() * 0.4)
        mortals.kill()
    answering.set()
    mortals.live()
    assert wait_for(lambda: not Delivery.objects.filter(status=DeliveryStatus.WAITING).exists(), 30)

    assert Alert.objects.count() == KILLS * ALERTS_PER_LIFE
    assert not Delivery.objects.exclude(status=DeliveryStatus.DELIVERED).exists()
    arrivals: dict[str, list[str]] = defaultdict(list)
    for got in hook_server.got:
        arrivals[got.json["id"]].append(got.delivery)
    assert set(arrivals) == {str(pk) for pk in Alert.objects.values_list("pk", flat=True)}
    assert all(len(set(ids)) == 1 for ids in arrivals.values())
    doubled = [ids for ids in arrivals.values() if len(ids) > 1]
    assert in_the_middle == KILLS // 2
    assert len(doubled) > 0, "no kill was in the middle of anything: the test shows nothing"
    assert settings.ALERT_LEASE > 10, "the short lease is the test's alone"
