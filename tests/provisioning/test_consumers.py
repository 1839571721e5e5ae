"""Live logs and statuses: every line once and in order, whatever happens to the connection."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.db import connection
from django.utils import timezone
from websockets.sync.client import connect

from accounts.actors import Actor
from provisioning import consumers, events
from provisioning.models import Resource, Run, RunEvent, RunStatus
from provisioning.routing import websocket_urlpatterns
from tests.provisioning.server import running_server

Order = Callable[..., Run]
pytestmark = pytest.mark.django_db(transaction=True)
END = {"kind": "end"}


def socket_to(path: str, actor: Actor) -> WebsocketCommunicator:
    router = URLRouter(websocket_urlpatterns)

    async def application(scope: dict, receive: Any, send: Any) -> Any:
        return await router({**scope, "actor": actor}, receive, send)

    return WebsocketCommunicator(application, path)


def write(run: Run, count: int) -> None:
    """Append ``count`` lines in one go, without announcing them."""
    first = Run.objects.get(pk=run.pk).last_seq + 1
    rows = [
        RunEvent(run=run, seq=seq, time=timezone.now(), kind="log", message=f"line {seq}")
        for seq in range(first, first + count)
    ]
    RunEvent.objects.bulk_create(rows)
    Run.objects.filter(pk=run.pk).update(last_seq=first + count - 1)


def end(run: Run, status: str = RunStatus.SUCCEEDED) -> None:
    Run.objects.filter(pk=run.pk).update(status=status, finished_at=timezone.now())


async def messages_of(socket: WebsocketCommunicator) -> list[dict]:
    found: list[dict] = []
    while END not in found:
        found.append(json.loads(await socket.receive_from(30)))
    return found


async def test_a_program_gets_what_is_after_its_cursor_and_the_end(order: Order, actor_for: Callable) -> None:
    run = await sync_to_async(order)("web-1")
    await sync_to_async(write)(run, 450)
    await sync_to_async(end)(run)
    actor = await sync_to_async(actor_for)(run.created_by)
    socket = socket_to(f"/ws/runs/{run.pk}?format=json&after=440", actor)
    assert (await socket.connect())[0] is True
    found = await messages_of(socket)
    assert [message.get("seq") for message in found] == [*range(441, 451), None]
    assert found[0]["message"] == "line 441"
    assert await socket.receive_output(30) == {"type": "websocket.close"}


async def test_lines_written_later_follow_even_when_nobody_announced_them(order: Order, actor_for: Callable) -> None:
    run = await sync_to_async(order)("web-1")
    actor = await sync_to_async(actor_for)(run.created_by)
    socket = socket_to(f"/ws/runs/{run.pk}?format=json", actor)
    await socket.connect()
    before = consumers.connected
    await sync_to_async(write)(run, 3)
    await sync_to_async(end)(run)
    found = await messages_of(socket)
    assert [message.get("seq") for message in found] == [1, 2, 3, None]
    await socket.disconnect()
    assert consumers.connected == before - 1


@pytest.mark.parametrize("after", ["-1", "x", "", "9" * 40, "1e3", "²"])
async def test_a_cursor_that_is_none_is_zero_and_one_beyond_the_end_sees_nothing(
    order: Order, actor_for: Callable, after: str
) -> None:
    run = await sync_to_async(order)("web-1")
    await sync_to_async(write)(run, 2)
    await sync_to_async(end)(run)
    socket = socket_to(f"/ws/runs/{run.pk}?format=json&after={after}", await sync_to_async(actor_for)(run.created_by))
    await socket.connect()
    assert [message.get("seq") for message in await messages_of(socket)] == [1, 2, None]


async def test_a_page_gets_the_fragments_it_includes(order: Order, actor_for: Callable) -> None:
    run = await sync_to_async(order)("web-1")
    await sync_to_async(write)(run, 2)
    await sync_to_async(end)(run)
    socket = socket_to(f"/ws/runs/{run.pk}?after=1", await sync_to_async(actor_for)(run.created_by))
    await socket.connect()
    html = await socket.receive_from(30)
    assert 'data-seq="2"' in html
    assert 'data-seq="1"' not in html
    assert 'id="run-summary"' in html
    assert await socket.receive_from(30) == '<template data-run-end=""></template>'


@pytest.mark.parametrize("whose", ["unknown", "foreign"])
async def test_a_run_of_somebody_else_is_closed_as_not_found(
    order: Order, actor_for: Callable, stranger: Any, tenant: SimpleNamespace, whose: str
) -> None:
    run = await sync_to_async(order)("web-1")
    actor = await sync_to_async(actor_for)(stranger if whose == "foreign" else tenant.owner)
    pk = run.pk if whose == "foreign" else "00000000-0000-4000-8000-000000000000"
    socket = socket_to(f"/ws/runs/{pk}", actor)
    await socket.connect()
    assert await socket.receive_output(30) == {"type": "websocket.close", "code": 4404}


async def test_an_unknown_address_is_closed_as_not_found(tenant: SimpleNamespace, actor_for: Callable) -> None:
    socket = socket_to("/ws/nothing", await sync_to_async(actor_for)(tenant.owner))
    await socket.connect()
    assert await socket.receive_output(30) == {"type": "websocket.close", "code": 4404}


async def test_an_organization_hears_of_its_own_resources_only(
    order: Order, actor_for: Callable, stranger: Any
) -> None:
    run = await sync_to_async(order)("web-1")
    own = socket_to("/ws/organization", await sync_to_async(actor_for)(run.created_by))
    foreign = socket_to("/ws/organization", await sync_to_async(actor_for)(stranger))
    await own.connect()
    await foreign.connect()
    first = json.loads(await own.receive_from(30))
    assert first == {
        "kind": "resource.changed",
        "id": str(run.resource_id),
        "name": "web-1",
        "status": "pending",
        "run": {"id": str(run.pk), "operation": "create", "status": "queued"},
    }
    await sync_to_async(Resource.objects.filter(pk=run.resource_id).update)(status="active")
    await sync_to_async(end)(run)
    events.announce_resource(run.organization_id, run.resource_id)
    assert json.loads(await own.receive_from(30))["status"] == "active"
    assert await foreign.receive_nothing(0.5)


async def test_a_lost_announcement_is_made_up_for(order: Order, actor_for: Callable) -> None:
    run = await sync_to_async(order)("web-1")
    socket = socket_to("/ws/organization?format=html", await sync_to_async(actor_for)(run.created_by))
    await socket.connect()
    assert 'data-status="pending"' in await socket.receive_from(30)
    await sync_to_async(Resource.objects.filter(pk=run.resource_id).update)(status="failed")
    await sync_to_async(end)(run, RunStatus.FAILED)
    fragment = await socket.receive_from(30)
    assert f'id="resource-status-{run.resource_id}"' in fragment
    assert 'data-status="failed"' in fragment


LINES = 2_000


def stream(run: Run) -> None:
    """Write the lines as an engine does: in uneven batches, each announced; then end the run."""
    chance = random.Random(7)
    try:
        written = 0
        while written < LINES:
            count = min(chance.randint(1, 40), LINES - written)
            write(run, count)
            written += count
            events.announce_run(run.pk)
            time.sleep(chance.random() * 0.02)
        end(run)
        events.announce_run(run.pk)
    finally:
        connection.close()


def test_a_socket_closed_at_random_moments_shows_every_line_once_and_in_order(
    order: Order, tenant: SimpleNamespace, token_for: Callable
) -> None:
    run, headers = order("web-1"), {"Authorization": f"Token {token_for(tenant.viewer)}"}
    chance, seqs, connections, has_ended = random.Random(11), [], 0, False
    with running_server() as address:
        writer = threading.Thread(target=stream, args=[run])
        writer.start()
        while not has_ended:
            connections += 1
            last = seqs[-1] if seqs else 0
            url = f"ws://{address}/ws/runs/{run.pk}?format=json&after={last}"
            patience = chance.randint(1, 150)
            with connect(url, additional_headers=headers, proxy=None, max_queue=None, close_timeout=1) as socket:
                for count, message in enumerate(socket):
                    event = json.loads(message)
                    has_ended = event == END
                    if not has_ended:
                        seqs.append(event["seq"])
                    if count >= patience:
                        break
        writer.join()
    assert seqs == list(range(1, LINES + 1))
    assert connections > 10


async def test_somebody_who_was_removed_stops_reading(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CHECK_EVERY", 0.0)
    monkeypatch.setattr(consumers, "WAKE_EVERY", 0.1)
    run = await sync_to_async(order)("web-1")
    socket = socket_to(f"/ws/runs/{run.pk}?format=json", await sync_to_async(actor_for)(tenant.viewer))
    assert (await socket.connect())[0]
    await sync_to_async(tenant.viewer.memberships.all().delete)()

    assert (await socket.receive_output(10)) == {"type": "websocket.close", "code": consumers.COME_BACK}
