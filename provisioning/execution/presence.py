"""The process as a worker: its row, its heartbeat, what it runs with, and whether it is going down."""

from __future__ import annotations

import os
import socket
import threading
from functools import cache
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from provisioning.models import Worker

from .toolchain import runner

log = structlog.get_logger(__name__)
BEAT_EVERY = 5.0  # seconds


class Presence:
    """A worker process. ``stopping``: claim nothing more; ``interrupting``: stop what runs; ``working``: its runs."""

    def __init__(self, concurrency: int) -> None:
        tools = runner()
        self.stopping = threading.Event()
        self.interrupting = threading.Event()
        self.working: set[UUID] = set()
        self.slots = threading.BoundedSemaphore(concurrency)
        self.row = Worker.objects.create(
            host=socket.gethostname(),
            pid=os.getpid(),
            concurrency=concurrency,
            engine=tools.toolchain.engine[:60],
            isolation=tools.isolation.label[:60],
        )
        self._gone = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="worker-heartbeat", daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        while not self._gone.wait(BEAT_EVERY):
            try:
                Worker.objects.filter(pk=self.row.pk).update(heartbeat_at=timezone.now())
            except DatabaseError:
                log.warning("the worker's heartbeat waits for the database")
                connection.close()
        connection.close()

    def leave(self) -> None:
        """Say that this worker is gone, in its row."""
        self._gone.set()
        self._thread.join(timeout=BEAT_EVERY)
        Worker.objects.filter(pk=self.row.pk).update(stopped_at=timezone.now(), heartbeat_at=timezone.now())


def works_on(run_id: UUID) -> bool:
    """Whether a thread of this very process is at work on that run, its last steps included."""
    return here.cache_info().currsize > 0 and run_id in here().working


@cache
def here() -> Presence:
    """The process we are in, registered at its first call."""
    return Presence(settings.WORKER_CONCURRENCY)
