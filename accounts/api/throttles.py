"""How often one actor may call the API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from accounts.models import ApiToken
from accounts.origins import meta_of

from .authentication import http_request

if TYPE_CHECKING:
    from rest_framework.views import APIView

log = structlog.get_logger(__name__)


class ActorThrottle(BaseThrottle):
    """A counter per actor (token, user, or address of nobody) and window, as in ``DEFAULT_THROTTLE_RATES``.

    DRF's own throttle keeps the time of every call in one cache value; this one keeps a number, so its cost does not
    grow with the rate. When the cache cannot be reached, calls pass: losing it must not stop the platform.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        scope, ident = who(request)
        limit, self.window = parse_rate(SimpleRateThrottle.THROTTLE_RATES[scope] or "")
        try:
            return self._count(f"throttle:{scope}:{ident}:{int(time.time() // self.window)}") <= limit
        except RedisError:
            log.warning("throttle_unavailable")
            return True

    def wait(self) -> float:
        """Seconds until the window ends."""
        return self.window - time.time() % self.window

    def _count(self, key: str) -> int:
        try:
            return cache.incr(key)
        except ValueError:
            cache.add(key, 0, self.window)
            return cache.incr(key)


def parse_rate(rate: str) -> tuple[int, int]:
    """Calls and seconds of a rate such as "300/min". Of the unit the first letter counts."""
    number, _, unit = rate.partition("/")
    return int(number), {"s": 1, "m": 60, "h": 3600, "d": 86_400}[unit[:1]]


def who(request: Request) -> tuple[str, str]:
    """The scope and the identity that calls are counted under."""
    if isinstance(request.auth, ApiToken):
        return "actor", f"token:{request.auth.pk}"
    if request.user.is_authenticated:
        return "actor", f"user:{request.user.pk}"
    return "anonymous", meta_of(http_request(request)).ip or "unknown"
