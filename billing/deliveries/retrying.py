"""When something that failed is tried again. Nothing here knows a database or a network."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MOST_ATTEMPTS = 10
FIRST_WAIT = timedelta(seconds=25)
GROWTH = 2.5  # 25 s, 1 min, 3 min, ... 11 h: ten attempts in about 18 hours
JITTER = 0.2  # of the wait, either way: what failed together does not come back together
LONGEST_ASKED_WAIT = timedelta(hours=1)  # a receiver may ask for more; this is what it gets

PASSING = frozenset({408, 425, 429})  # of 400 to 499, what may be different next time


def is_worth_retrying(status: int) -> bool:
    """Whether another try may end differently than this HTTP status: faults of the server, and its being busy."""
    return status >= 500 or status in PASSING


def next_wait(failures: int, asked: timedelta | None = None) -> timedelta | None:
    """How long to wait after this many failures; None when it was the last.

    ``asked`` is what the receiver said in Retry-After: never sooner than that.
    """
    if failures >= MOST_ATTEMPTS:
        return None
    wait = FIRST_WAIT * GROWTH ** (failures - 1) * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  - no secret
    return max(wait, min(asked or timedelta(), LONGEST_ASKED_WAIT))


def asked_wait(header: str | None, now: datetime) -> timedelta | None:
    """What a Retry-After header asks for, in seconds or as an HTTP date (RFC 9110, 10.2.3); None for nonsense."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(), moment - now)
