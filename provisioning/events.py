"""A run's log in the database and the word that it has grown.

Events are rows with a gap-free ``seq`` per run: the number is taken by the UPDATE of the run's row in the transaction
that inserts the events, so nobody ever sees 5 without 4. Announcements carry ids only; a listener reads the database
after its own cursor, so a lost announcement costs time and never an event.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from .models import Run, RunEvent
from .terraform.messages import Event, EventKind

log = structlog.get_logger(__name__)
FLUSH_EVERY = 0.25  # seconds an event may wait
FLUSH_AT = 100  # events
KEEP_AT_MOST = 50_000  # events kept while the database is away; older ones are dropped then

Stamped = tuple[datetime, Event]


class Recorder:
    """Collects a run's events and writes them in batches. Used by one thread; call :meth:`tick` often."""

    def __init__(self, run_id: uuid.UUID) -> None:
        self.run_id = run_id
        self._waiting: list[Stamped] = []
        self._oldest = 0.0

    def add(self, event: Event) -> None:
        """Take an event; it is written within 0.25 s of :meth:`tick` calls."""
        if not self._waiting:
            self._oldest = time.monotonic()
        self._waiting.append((timezone.now(), event))
        if len(self._waiting) >= FLUSH_AT:
            self._try_to_flush()

    def say(self, kind: EventKind, message: str, level: str = "info", **data: Any) -> None:
        self.add(Event(kind, message, level, data))

    def tick(self) -> None:
        if self._waiting and time.monotonic() - self._oldest >= FLUSH_EVERY:
            self._try_to_flush()

    def flush(self) -> None:
        """Write all that waits. Raises ``DatabaseError`` when the database is away; the events are kept then."""
        if self._waiting:
            _insert(self.run_id, self._waiting)
            self._waiting = []
            announce_run(self.run_id)

    def _try_to_flush(self) -> None:
        try:
            self.flush()
        except DatabaseError:
            log.warning("events wait for the database", run_id=str(self.run_id), waiting=len(self._waiting))
            self._waiting = self._waiting[-KEEP_AT_MOST:]
            self._oldest = time.monotonic() + 1.0  # try again after a second
            if not connection.in_atomic_block:
                connection.close()


def append_event(run: Run, level: str, kind: str, message: str, data: Mapping[str, Any] | None = None) -> None:
    """Write one event to ``run``'s log, in the caller's transaction if there is one; announced after commit."""
    _insert(run.pk, [(timezone.now(), Event(EventKind(kind), message, level, dict(data or {})))])
    transaction.on_commit(partial(announce_run, run.pk), robust=True)


def _insert(run_id: uuid.UUID, stamped: Sequence[Stamped]) -> None:
    with transaction.atomic():
        last = _take_numbers(run_id, len(stamped))
        first = last - len(stamped) + 1
        RunEvent.objects.bulk_create(
            RunEvent(
                run_id=run_id,
                seq=first + position,
                time=moment,
                level=event.level,
                kind=event.kind,
                message=event.message,
                data=event.data,
            )
            for position, (moment, event) in enumerate(stamped)
        )


def _take_numbers(run_id: uuid.UUID, count: int) -> int:
    """Reserve ``count`` numbers of the run; return the last. The row stays locked until commit, so none is skipped."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE provisioning_run SET last_seq = last_seq + %s WHERE id = %s RETURNING last_seq", [count, run_id]
        )
        row = cursor.fetchone()
    if row is None:
        raise Run.DoesNotExist(str(run_id))
    return int(row[0])


def announce_run(run_id: uuid.UUID) -> None:
    """Tell whoever watches the run that there is something new. Never raises and never waits."""
    _announce(f"run.{run_id}", {"type": "run.changed"})


def announce_resource(organization_id: uuid.UUID, resource_id: uuid.UUID) -> None:
    """Tell whoever watches the organization that one of its resources changed. Never raises and never waits."""
    _announce(f"organization.{organization_id}", {"type": "resource.changed", "resource": str(resource_id)})


def _announce(group: str, message: dict[str, Any]) -> None:
    try:
        asyncio.run_coroutine_threadsafe(_send(group, message), _loop())
    except RuntimeError as error:  # the interpreter is going down
        log.info("announcing failed", group=group, error=str(error))


async def _send(group: str, message: dict[str, Any]) -> None:
    try:
        await get_channel_layer().group_send(group, message)
    except Exception as error:  # noqa: BLE001 - Redis away in any way: the database has it, listeners look by themselves
        log.warning("announcing failed", group=group, error=str(error))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One event loop in a thread of its own: a loop per announcement would open a connection each time."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="announcements", daemon=True).start()
    return loop
