"""A worker's claim on a run: renewed by a thread of its own, which also hears of cancellations."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from provisioning.models import WORKING_RUN_STATUSES, Run

log = structlog.get_logger(__name__)
LOOK_EVERY = 1.0  # seconds between looks at the cancel flag


class LeaseLost(Exception):
    """The run was taken from this worker: recovery ended it, or its row is gone."""


class Lease:
    """Held while a run works: ``with Lease(run_id, worker_id) as lease``. Its flags may be read from any thread."""

    def __init__(self, run_id: uuid.UUID, worker_id: uuid.UUID) -> None:
        self.run_id = run_id
        self.worker_id = worker_id
        self.is_lost = False
        self.is_cancel_requested = False
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{run_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._thread.join(timeout=LOOK_EVERY + 5)

    def require(self) -> None:
        """Raise :class:`LeaseLost` unless the run is still ours."""
        if self.is_lost:
            raise LeaseLost(str(self.run_id))

    def _keep(self) -> None:
        every = min(LOOK_EVERY, settings.RUN_LEASE / 3)
        while not self._released.wait(every):
            try:
                self.renew()
            except DatabaseError:
                log.warning("the lease waits for the database", run_id=str(self.run_id))
                connection.close()
            if self.is_lost:
                break
        connection.close()

    def renew(self) -> None:
        """Prolong the lease and read the cancel flag."""
        ours = Run.objects.filter(pk=self.run_id, worker_id=self.worker_id, status__in=WORKING_RUN_STATUSES)
        if not ours.update(lease_expires_at=timezone.now() + timedelta(seconds=settings.RUN_LEASE)):
            self.is_lost = True
            return
        asked = ours.values_list("cancel_requested_at", flat=True).first()
        self.is_cancel_requested = self.is_cancel_requested or asked is not None
