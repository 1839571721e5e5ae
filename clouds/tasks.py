"""The scheduler's ticks for clouds."""

from __future__ import annotations

import dramatiq
from dramatiq_crontab import interval

from . import issuer

EVERY = 3600  # seconds


@interval(seconds=EVERY)  # type: ignore[untyped-decorator]
@dramatiq.actor(queue_name="system", max_retries=0, max_age=EVERY * 1000)
def rotate_signing_keys() -> None:
    """Publish the next key with which tokens are signed when it is time, and forget the old ones."""
    issuer.rotate()
