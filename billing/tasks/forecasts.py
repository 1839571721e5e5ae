from __future__ import annotations

import dramatiq
from django.utils import timezone
from dramatiq_crontab import interval

from billing.children import work_off
from billing.forecasting.due import accounts_due

EVERY = 10 * 60  # seconds: a day is forecast soon after its last hour is booked
AT_A_TIME = 10  # seconds, then another message: a worker's thread is wanted for sweeps too
GIVE_UP = 10 * 60  # seconds


@interval(seconds=EVERY)  # type: ignore[untyped-decorator]
@dramatiq.actor(queue_name="system", max_retries=0, max_age=EVERY * 1000)
def forecast_costs() -> None:
    """Forecast accounts that are due, in a process of its own: the statistics library stays out of the worker.

    Who cannot be forecast stays due and is tried again by the next tick, not before.
    """
    today = timezone.now().date()
    if work_off("forecast_costs", seconds=AT_A_TIME, give_up=GIVE_UP, count_due=lambda: accounts_due(today).count()):
        forecast_costs.send()
