from __future__ import annotations

import dramatiq
from dramatiq_crontab import interval

from billing import metering

EVERY = 60  # seconds: an hour is on the books a minute after it is over
TIME_LIMIT = 30 * 60 * 1000  # ms; what is left then is still due a minute later


@interval(seconds=EVERY)  # type: ignore[untyped-decorator]
@dramatiq.actor(queue_name="system", max_retries=0, max_age=EVERY * 1000, time_limit=TIME_LIMIT)
def book_usage() -> None:
    """Book the hours that are over, unless a pass is at it already."""
    metering.book_usage_alone()
