"""Is this process alive, and is the platform ready to serve? Asked by proxies, containers and ``make up``."""

from datetime import timedelta
from functools import lru_cache

import psycopg
import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from provisioning.models import Worker

PATIENCE = 3  # seconds a server may take to answer
WORKER_SILENCE = timedelta(seconds=60)  # a worker that was not heard of for this long does not count
OK = "ok"


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers at all."""
    return JsonResponse({"status": OK})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, schema and Redis are there, else 503; the body names what is not.

    A missing worker is told but does not make the web side unready: orders are taken and wait.
    """
    database = _database()
    checks = {
        "database": database,
        "migrations": _migrations() if database == OK else "unknown: no database",
        "redis": _redis(),
    }
    is_ready = all(found == OK for found in checks.values())
    checks["workers"] = _workers() if checks["migrations"] == OK else "unknown: no database"
    return JsonResponse({"status": OK if is_ready else "failing", "checks": checks}, status=200 if is_ready else 503)


def _database() -> str:
    """Over a connection of its own: an exhausted pool would make the answer late, not wrong."""
    parameters = {**connection.get_connection_params(), "connect_timeout": PATIENCE}
    for django_only in ("pool", "cursor_factory", "context", "server_side_binding", "isolation_level", "assume_role"):
        parameters.pop(django_only, None)
    try:
        with psycopg.connect(**parameters) as direct:
            direct.execute("SELECT 1")
    except psycopg.Error:
        return "does not answer: see DATABASE_URL"
    return OK


def _migrations() -> str:
    missing = _migrations_on_disk() - set(_migrations_applied())
    return OK if not missing else f"{len(missing)} not applied: run manage.py migrate"


def _migrations_applied() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return []
        cursor.execute("SELECT app, name FROM django_migrations")
        return [(app, name) for app, name in cursor.fetchall()]


@lru_cache(maxsize=1)
def _migrations_on_disk() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


def _redis() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, retry=None) as client:
            client.ping()
    except redis.RedisError:
        return "does not answer: see REDIS_URL"
    return OK


def _workers() -> str:
    alive = Worker.objects.filter(stopped_at=None, heartbeat_at__gte=timezone.now() - WORKER_SILENCE).count()
    return f"{alive} alive" if alive else "none heard of: orders wait until one starts"
