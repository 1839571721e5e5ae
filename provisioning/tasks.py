"""Dramatiq actors and the scheduler's ticks. A message is a doorbell: all it says is "look into the queue"."""

from __future__ import annotations

from uuid import UUID

import dramatiq
from django.conf import settings
from django.utils import timezone
from dramatiq_crontab import interval

from billing.children import work_off

from . import actuals, execution, power, recovery, sizing

TIME_LIMIT = (settings.RUN_TIMEOUT + 2 * settings.RUN_CANCEL_GRACE + 600) * 1000  # ms; runs end themselves long before
RINGS_AT_MOST = 20
BILLS_LIMIT = 55 * 60 * 1000  # ms; what is not read then is still due
LOOK_EVERY = 60  # seconds: each machine is looked at once a day, not all at the same hour
LOOK_FOR = 30  # seconds, then another message: a worker's thread is wanted for sweeps too
GIVE_UP = 9 * 60  # seconds: a cloud may hang


@dramatiq.actor(queue_name="runs", max_retries=0, time_limit=TIME_LIMIT)
def drain_queue() -> None:
    """Work one run, then ring for the next."""
    if execution.run_next():
        drain_queue.send()


@interval(seconds=10)  # type: ignore[untyped-decorator]
@dramatiq.actor(queue_name="system", max_retries=0, max_age=60_000)
def sweep() -> None:
    """End silent runs, ring for those that wait, and stop what a policy wants stopped."""
    for _ in range(min(recovery.sweep().queued, RINGS_AT_MOST)):
        drain_queue.send()
    for _ in range(min(power.stop_without_credit(), RINGS_AT_MOST)):
        drain_queue.send()


@interval(seconds=LOOK_EVERY)  # type: ignore[untyped-decorator]
@dramatiq.actor(queue_name="system", max_retries=0, max_age=LOOK_EVERY * 1000)
def propose_sizes() -> None:
    """Look at machines that are due, in a process of its own: the clouds' libraries stay out of the worker."""
    if work_off("propose_sizes", seconds=LOOK_FOR, give_up=GIVE_UP, count_due=_machines_due):
        propose_sizes.send()


def _machines_due() -> int:
    """Accounts that have one."""
    return sizing.accounts_due(timezone.now()).count()


@interval(seconds=3600)  # type: ignore[untyped-decorator]
@dramatiq.actor(queue_name="bills", max_retries=0, max_age=3_600_000, time_limit=BILLS_LIMIT)
def read_due_bills() -> None:
    """Read what clouds bill the accounts that were not read for a day, one after the other."""
    for account_id in actuals.due_accounts(timezone.now()):
        actuals.read_bill(account_id)


@dramatiq.actor(queue_name="bills", max_retries=0, time_limit=BILLS_LIMIT)
def read_bill(cloud_account_id: str) -> None:
    """Read one account's bill now."""
    actuals.read_bill(UUID(cloud_account_id))
