from __future__ import annotations

import subprocess
import sys

import dramatiq
from django.conf import settings
from django.utils import timezone
from dramatiq_crontab import interval

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
    before = accounts_due(today).count()
    if before:
        argv = [sys.executable, "manage.py", "forecast_costs", "--due", "--seconds", str(AT_A_TIME)]
        subprocess.run(argv, cwd=settings.BASE_DIR, check=False, timeout=GIVE_UP, stdin=subprocess.DEVNULL)
        if 0 < accounts_due(today).count() < before:
            forecast_costs.send()
