"""Dramatiq actors and the scheduler's ticks. A message is a doorbell: all it says is "look into the queue"."""

from __future__ import annotations

import dramatiq
from django.conf import settings
from dramatiq_crontab import interval

from . import execution, power, recovery

TIME_LIMIT = (settings.RUN_TIMEOUT + 2 * settings.RUN_CANCEL_GRACE + 600) * 1000  # ms; runs end themselves long before
RINGS_AT_MOST = 20


@dramatiq.actor(queue_name="runs", max_retries=0, time_limit=TIME_LIMIT)
def drain_queue() -> None:
    """Work one run, then ring for the next."""
    if execution.run_next():
        drain_queue.send()


@interval(seconds=10)  # type: ignore[untyped-decorator]
@dramatiq.actor(queue_name="system", max_retries=0, max_age=60_000)
def sweep() -> None:
    """End silent runs, stop what a policy wants stopped, and ring for those that wait."""
    power.stop_without_credit()
    for _ in range(min(recovery.sweep().queued, RINGS_AT_MOST)):
        drain_queue.send()
