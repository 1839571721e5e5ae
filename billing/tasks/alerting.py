from __future__ import annotations

import dramatiq
from django.utils import timezone
from dramatiq_crontab import interval

from billing import alerting

EVERY = 120  # seconds: after a booking, and soon after an order that changes what runs
TIME_LIMIT = 10 * 60 * 1000  # ms; what was not said then is still true at the next pass


@interval(seconds=EVERY)  # type: ignore[untyped-decorator]
@dramatiq.actor(queue_name="system", max_retries=0, max_age=EVERY * 1000, time_limit=TIME_LIMIT)
def evaluate_budgets() -> None:
    """Say what has become true of budgets and credit."""
    alerting.evaluate_all(timezone.now())
