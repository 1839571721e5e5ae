from __future__ import annotations

import dramatiq
from dramatiq_crontab import interval

from billing import deliveries, doorbells

EVERY = 15  # seconds; how late an alert is whose doorbell was lost, or whose worker died after its lease
RINGS_AT_MOST = 4  # as many as a worker delivers at once


@interval(seconds=EVERY)  # type: ignore[untyped-decorator]
@dramatiq.actor(queue_name="system", max_retries=0, max_age=EVERY * 1000)
def ring_for_alerts() -> None:
    """Wake the workers for alerts that are due."""
    for _ in range(deliveries.count_due(at_most=RINGS_AT_MOST)):
        doorbells.deliver_alerts.send()
