"""The actor that delivers alerts. Apart from ``tasks``, whose ticks lead to those who ring here."""

from __future__ import annotations

import dramatiq

from . import deliveries

TIME_LIMIT = 120_000  # ms; an attempt ends itself long before


@dramatiq.actor(queue_name="alerts", max_retries=0, time_limit=TIME_LIMIT)
def deliver_alerts() -> None:
    """Deliver what is due, one at a time; after a while ring for the rest."""
    if not deliveries.deliver_due():
        deliver_alerts.send()
