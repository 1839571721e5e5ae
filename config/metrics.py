"""Prometheus text at /metrics, read from the database at each scrape: the same whichever process answers."""

import secrets
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import accumulate

import redis
import structlog
from django.conf import settings
from django.db.models import Count, DurationField, ExpressionWrapper, F, Min
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from billing import deliveries, metering
from provisioning.models import Run, RunStatus, Worker

from .health import PATIENCE, WORKER_SILENCE

log = structlog.get_logger(__name__)
WINDOW = timedelta(hours=1)  # what the distributions look back on
WAIT_BUCKETS = (0.1, 0.5, 1, 5, 15, 60, 300, 1800)  # seconds
DURATION_BUCKETS = (5, 10, 20, 30, 60, 120, 300, 900, 3600)  # seconds
SOCKETS = "asgispecific.*"  # channels_redis subscribes one such channel per open WebSocket
LOOPBACK = frozenset({"127.0.0.1", "::1"})


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """With METRICS_TOKEN: to its bearer. Without: to this machine only, and not through a proxy."""
    if not _is_allowed(request):
        return HttpResponseForbidden("Metrics need the bearer token METRICS_TOKEN.\n", content_type="text/plain")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Platform())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _is_allowed(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        expected = f"Bearer {settings.METRICS_TOKEN}"
        return secrets.compare_digest(request.headers.get("Authorization", "").encode(), expected.encode())
    is_direct = not settings.IS_BEHIND_PROXY and "X-Forwarded-For" not in request.headers
    return is_direct and request.META.get("REMOTE_ADDR") in LOOPBACK


class Platform(Collector):
    """One scrape."""

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        yield self._runs()
        queued = Run.objects.filter(status=RunStatus.QUEUED).aggregate(oldest=Min("queued_at"))["oldest"]
        waiting = (now - queued).total_seconds() if queued else 0.0
        yield GaugeMetricFamily("skyvend_queue_oldest_seconds", "Age of the oldest queued run.", waiting)
        yield GaugeMetricFamily(
            "skyvend_run_claims", "Runs that workers ever claimed.", Run.objects.exclude(started_at=None).count()
        )
        yield _spread(
            "skyvend_queue_wait_seconds", "From order to claim, runs claimed in the last hour.",
            WAIT_BUCKETS, _seconds("started_at", "queued_at", since=now - WINDOW),
        )  # fmt: skip
        yield _spread(
            "skyvend_run_duration_seconds", "From claim to end, runs ended in the last hour.",
            DURATION_BUCKETS, _seconds("finished_at", "started_at", since=now - WINDOW),
        )  # fmt: skip
        yield GaugeMetricFamily(
            "skyvend_alerts_oldest_seconds", "How long the oldest alert that is due waits.", deliveries.oldest_due(now)
        )
        alive = Worker.objects.filter(stopped_at=None, heartbeat_at__gte=now - WORKER_SILENCE).count()
        yield GaugeMetricFamily("skyvend_workers", "Workers heard of in the last minute.", alive)
        yield GaugeMetricFamily(
            "skyvend_metering_behind_seconds", "How long the oldest hour that is over waits to be booked.",
            metering.behind(now).total_seconds(),
        )  # fmt: skip
        yield from _sockets()

    def _runs(self) -> Metric:
        family = GaugeMetricFamily("skyvend_runs", "Runs by status.", labels=["status"])
        counts = dict(Run.objects.order_by().values_list("status").annotate(Count("pk")))
        for status in RunStatus:
            family.add_metric([status.value], counts.get(status.value, 0))
        return family


def _seconds(later: str, earlier: str, *, since: object) -> list[float]:
    span = ExpressionWrapper(F(later) - F(earlier), output_field=DurationField())
    rows = Run.objects.filter(**{f"{later}__gte": since, f"{earlier}__isnull": False}).order_by()
    return [each.total_seconds() for each in rows.values_list(span, flat=True)]


def _spread(name: str, text: str, bounds: Sequence[float], values: list[float]) -> Metric:
    """A distribution over ``bounds`` (seconds)."""
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bisect_left(bounds, value)] += 1
    labels = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    buckets = list(zip(labels, map(float, accumulate(counts)), strict=True))
    return GaugeHistogramMetricFamily(name, text, buckets=buckets, gsum_value=sum(values))


def _sockets() -> Iterator[Metric]:
    """Open WebSockets of all processes; left out, not zero, when Redis does not answer."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, retry=None) as client:
            count = len(client.pubsub_channels(SOCKETS))
    except redis.RedisError as error:
        log.warning("websocket clients cannot be counted", error=type(error).__name__)
    else:
        yield GaugeMetricFamily("skyvend_websocket_clients", "Open WebSockets.", count)
