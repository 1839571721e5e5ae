"""``manage.py worker``: one process that works runs in threads, so that its end is the end of all it does."""

from __future__ import annotations

import signal
import threading
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

import dramatiq
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import autodiscover_modules
from dramatiq.worker import Worker as Consumer

from provisioning import recovery, tasks
from provisioning.execution import Presence, here
from provisioning.execution.toolchain import runner
from provisioning.terraform.binary import NoEngine
from provisioning.terraform.isolation import IsolationUnavailable
from provisioning.terraform.mirror import NoMirror

ALERTS_AT_ONCE = 4  # threads of their own: a receiver that does not answer holds up neither runs nor sweeps
POLL_MS = 200  # how long a doorbell may wait in an idle queue
FINISH_WITHIN = 3.0  # seconds that running work may take to end by itself after SIGTERM


class Command(BaseCommand):
    help = "Work runs until stopped. SIGTERM: claim nothing more, interrupt what still runs, keep its state."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=settings.WORKER_CONCURRENCY, help="runs at once")

    def handle(self, *args: Any, concurrency: int, **options: Any) -> None:
        try:
            tools = runner()
        except (IsolationUnavailable, NoEngine, NoMirror) as problem:
            raise CommandError(f"The worker does not start: {problem}") from None
        load_actors()
        settings.WORKER_CONCURRENCY = concurrency
        presence = here()
        recovery.sweep()
        self.stdout.write(
            f"worker ready: {tools.toolchain.engine}, isolation {tools.isolation.label}, {concurrency} at once"
        )
        self._work(presence, concurrency)
        presence.leave()

    def _work(self, presence: Presence, concurrency: int) -> None:
        stop = _stop_on_signals(presence)
        broker = dramatiq.get_broker()
        threads = concurrency + 1  # one is always free for sweeps
        consumers = [
            Consumer(broker, queues={"runs", "system"}, worker_threads=threads, worker_timeout=POLL_MS),
            Consumer(broker, queues={"alerts"}, worker_threads=ALERTS_AT_ONCE, worker_timeout=POLL_MS),
            Consumer(broker, queues={"bills"}, worker_threads=1, worker_timeout=POLL_MS),  # long, and in no hurry
        ]
        for consumer in consumers:
            consumer.start()
        for _ in range(concurrency):
            tasks.drain_queue.send()
        while not stop.wait(1):
            continue
        _wind_down(presence, consumers)


def _stop_on_signals(presence: Presence) -> threading.Event:
    """SIGTERM and Ctrl-C stop claiming; a second one interrupts at once what still runs."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            presence.interrupting.set()
        presence.stopping.set()
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop


def _wind_down(presence: Presence, consumers: list[Consumer]) -> None:
    deadline = time.monotonic() + FINISH_WITHIN
    while presence.working and time.monotonic() < deadline:
        time.sleep(0.1)
    presence.interrupting.set()
    for consumer in consumers:
        consumer.stop(timeout=int((settings.RUN_CANCEL_GRACE + 30) * 1000))


def load_actors() -> None:
    """Every app's, not only our own: the scheduler rings for them all."""
    autodiscover_modules("tasks")
