"""Live logs and live statuses over WebSocket.

Whoever connects is authorised, subscribed, and only then shown what the database holds after its cursor; every
announcement, and every few seconds without one, makes the consumer read on. So nothing is missed and nothing doubled,
whichever process wrote it, and whether or not Redis passed the announcement on.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from redis.exceptions import RedisError

from accounts.credentials import still_stands

from . import presenting, reading
from .models import Resource, ResourceStatus, Run, RunEvent
from .serializers import MAX_INTEGER, event_json, resource_json

log = structlog.get_logger(__name__)

connected = 0  # open sockets of this process; /metrics reads it
NOT_FOUND = 4404
COME_BACK = 1012  # "service restart": a socket lives an hour at most, then its right is checked anew
MAX_AGE = 3600  # seconds
CHECK_EVERY = 15.0  # seconds: how long somebody who was removed may go on reading
WAKE_EVERY = 3.0  # seconds: how late a lost announcement can make us
CHUNK = 200  # events read at once
MOVING = frozenset(
    {ResourceStatus.PENDING, ResourceStatus.PROVISIONING, ResourceStatus.UPDATING, ResourceStatus.DESTROYING}
)
MAX_MOVING = 200  # resources of one organization looked after without an announcement


class FollowingConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Reads on whenever its group is told something or :data:`WAKE_EVERY` has passed, until :meth:`step` says end."""

    group = ""
    task: asyncio.Task[None] | None = None
    is_counted = False

    async def prepare(self) -> bool:
        """Whether this connection may stay; sets ``group``."""
        raise NotImplementedError

    async def step(self) -> bool:
        """Send what is new; True when there will never be more."""
        raise NotImplementedError

    async def connect(self) -> None:
        global connected  # noqa: PLW0603 - a gauge of the process
        self.actor = self.scope["actor"]
        given = parse_qs(self.scope["query_string"].decode("latin-1"))
        self.query = {name: values[-1] for name, values in given.items()}
        self.is_html = self.query.get("format", self.default_format) == "html"
        self.woken = asyncio.Event()
        allowed = await self.prepare()
        await self.accept()
        if not allowed:
            await self.close(NOT_FOUND)
            return
        connected += 1
        self.is_counted = True
        await self._subscribe()
        self.task = asyncio.create_task(self._follow())

    default_format = "json"

    async def disconnect(self, code: int) -> None:
        global connected  # noqa: PLW0603
        if self.is_counted:
            connected -= 1
            self.is_counted = False
        if self.task is not None:
            self.task.cancel()
        if self.group:
            with suppress(RedisError, OSError):
                await self.channel_layer.group_discard(self.group, self.channel_name)

    async def run_changed(self, message: dict[str, Any]) -> None:
        self.woken.set()

    async def resource_changed(self, message: dict[str, Any]) -> None:
        self.woken.set()

    async def _subscribe(self) -> None:
        try:
            await self.channel_layer.group_add(self.group, self.channel_name)
        except (RedisError, OSError) as error:
            log.warning("socket_without_announcements", group=self.group, error=str(error))

    async def _follow(self) -> None:
        ends = time.monotonic() + MAX_AGE
        checked = time.monotonic()
        try:
            while time.monotonic() < ends:
                if time.monotonic() - checked >= CHECK_EVERY:
                    checked = time.monotonic()
                    if not await database_sync_to_async(still_stands)(self.actor):
                        break
                self.woken.clear()
                if await self.step():
                    await self.close()
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.woken.wait(), WAKE_EVERY)
            await self.close(COME_BACK)
        except asyncio.CancelledError:
            raise
        except Exception:  # the client comes back from its cursor; an unseen dead task would leave it waiting
            log.exception("socket_failed", group=self.group)
            await self.close(1011)


class RunConsumer(FollowingConsumer):
    """``/ws/runs/<uuid>?after=<seq>``: events after the cursor, then ``{"kind": "end"}`` and a normal close.

    ``format=json`` (for programs): one event object per message. ``format=html`` (for pages): fragments, several in
    a message: log lines, and the summary whenever it changed. The default is html for a browser's session.
    """

    default_format = "html"

    async def prepare(self) -> bool:
        self.run_id: UUID = self.scope["url_route"]["kwargs"]["pk"]
        self.cursor = _cursor(self.query.get("after", ""))
        self.shown: tuple[Any, ...] = ()
        self.group = f"run.{self.run_id}"
        return await self._read_run() is not None

    async def step(self) -> bool:
        while True:
            run = await self._read_run()
            if run is None:
                return True
            events = await self._read_events()
            await (self._send_html(run, events) if self.is_html else self._send_json(events))
            if events:
                self.cursor = events[-1].seq
                continue
            if run.has_ended and self.cursor >= run.last_seq:
                await self.send(text_data=_END_HTML if self.is_html else json.dumps({"kind": "end"}))
                return True
            return False

    async def _send_json(self, events: list[RunEvent]) -> None:
        for event in events:
            await self.send(text_data=json.dumps(event_json(event)))

    async def _send_html(self, run: Run, events: list[RunEvent]) -> None:
        moved = any(event.kind in presenting.PROGRESS_KINDS for event in events)
        looks = (run.status, run.cancel_requested_at, run.plan)
        html = await self._render(run, events, with_summary=moved or looks != self.shown)
        self.shown = looks
        if html:
            await self.send(text_data=html)

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _read_run(self) -> Run | None:
        return reading.runs_of(self.actor).filter(pk=self.run_id).first()

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _read_events(self) -> list[RunEvent]:
        return list(RunEvent.objects.filter(run_id=self.run_id).after(self.cursor)[:CHUNK])

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _render(self, run: Run, events: list[RunEvent], *, with_summary: bool) -> str:
        return presenting.render_events(events) + (presenting.render_summary(run) if with_summary else "")


class OrganizationConsumer(FollowingConsumer):
    """``/ws/organization``: each resource's status when it changes; those on the move are sent at once on connect.

    ``format=json`` (default) gives objects, ``format=html`` the fragment that the pages include.
    """

    async def prepare(self) -> bool:
        self.known: dict[UUID, tuple[str, str]] = {}
        self.announced: set[str] = set()
        self.group = f"organization.{self.actor.organization.pk}"
        return True

    async def resource_changed(self, message: dict[str, Any]) -> None:
        self.announced.add(str(message["resource"]))
        self.woken.set()

    async def step(self) -> bool:
        announced, self.announced = self.announced, set()
        for text in await self._changes(announced):
            await self.send(text_data=text)
        return False

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _changes(self, announced: set[str]) -> list[str]:
        """Messages about resources that were announced or are on the move and look different than when last sent."""
        resources = reading.resources_of(self.actor)
        watched = resources.filter(status__in=MOVING).order_by()[:MAX_MOVING]
        rows = {resource.pk: resource for resource in watched}
        others = ({UUID(one) for one in announced} | self.known.keys()) - rows.keys()
        if others:
            rows |= {resource.pk: resource for resource in resources.filter(pk__in=others)}
        return [self._message(resource) for resource in rows.values() if self._is_news(resource)]

    def _is_news(self, resource: Resource) -> bool:
        run = reading.latest_run(resource)
        looks = (str(resource.status), str(run.status) if run else "")
        if self.known.get(resource.pk) == looks:
            return False
        self.known[resource.pk] = looks
        if resource.status not in MOVING and (run is None or run.has_ended):
            del self.known[resource.pk]  # it rests: an announcement will say when it moves again
        return True

    def _message(self, resource: Resource) -> str:
        run = reading.latest_run(resource)
        if self.is_html:
            return presenting.render_resource_status(resource, run)
        return json.dumps(resource_json(resource, run))


_END_HTML = '<template data-run-end=""></template>'


def _cursor(given: str) -> int:
    """``after`` as a number; anything that is none is 0."""
    return min(int(given), MAX_INTEGER) if given.isascii() and given.isdigit() and len(given) < 12 else 0
