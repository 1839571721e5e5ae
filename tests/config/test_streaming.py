"""What a view produces part by part, through the real ASGI application."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from config import streaming
from config.asgi import application
from config.streaming import PARTS_AHEAD

pytestmark = pytest.mark.django_db(transaction=True)
produced: list[str] = []
ended = threading.Event()


def endless(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_endless())


def _endless() -> Iterator[bytes]:
    try:
        for number in range(1_000_000):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pid = cursor.fetchone()[0]
            produced.append(f"{threading.current_thread().name}:{pid}")
            yield f"{number}\n".encode()
    finally:
        ended.set()


def failing(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_failing())


def _failing() -> Iterator[bytes]:
    yield b"one"
    raise RuntimeError("the database went away")


urlpatterns = [path("endless", endless), path("failing", failing)]


@pytest.fixture(autouse=True)
def _afresh() -> None:
    produced.clear()
    ended.clear()


class Client:
    """An ASGI client that reads as slowly as a test wants, and may hang up."""

    def __init__(self, address: str) -> None:
        self.address, self.parts, self.hung_up = address, [], asyncio.Event()
        self.room = asyncio.Semaphore(0)
        self.has_asked = False

    async def receive(self) -> dict[str, Any]:
        if not self.has_asked:
            self.has_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await self.room.acquire()
            self.parts.append(message.get("body", b""))

    def start(self) -> asyncio.Future[None]:
        scope = {
            "type": "http", "method": "GET", "path": self.address, "raw_path": self.address.encode(),
            "query_string": b"", "headers": [(b"host", b"localhost")], "scheme": "http", "http_version": "1.1",
            "asgi": {"version": "3.0"}, "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        return asyncio.ensure_future(application.application_mapping["http"](scope, self.receive, self.send))


async def _until(condition: Any) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 5 s")


@override_settings(ROOT_URLCONF=__name__)
async def test_no_more_is_produced_than_the_client_is_about_to_take() -> None:
    client = Client("/endless")
    answering = client.start()
    for _ in range(3):
        client.room.release()
    await _until(lambda: len(client.parts) == 3)
    await asyncio.sleep(0.2)
    assert b"".join(client.parts) == b"0\n1\n2\n"
    assert len(produced) <= 3 + PARTS_AHEAD + 3  # those on their way: one being sent, one handed over, one made
    client.hung_up.set()
    await answering


@override_settings(ROOT_URLCONF=__name__)
async def test_all_parts_come_from_one_thread_with_one_connection() -> None:
    client = Client("/endless")
    answering = client.start()
    for _ in range(50):
        client.room.release()
    await _until(lambda: len(client.parts) == 50)
    client.hung_up.set()
    await answering
    assert len(set(produced)) == 1
    assert produced[0].startswith("stream")


@override_settings(ROOT_URLCONF=__name__)
async def test_a_client_that_hangs_up_ends_the_producing() -> None:
    client = Client("/endless")
    answering = client.start()
    client.room.release()
    await _until(lambda: len(client.parts) == 1)
    client.hung_up.set()
    await answering
    await _until(ended.is_set)
    assert len(produced) < 20


@override_settings(ROOT_URLCONF=__name__)
async def test_a_client_that_takes_nothing_does_not_keep_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PATIENCE", 0.1)
    client = Client("/endless")
    answering = client.start()
    await _until(ended.is_set)
    for _ in range(20):
        client.room.release()
    with pytest.raises(ConnectionAbortedError):
        await answering
    assert b"".join(client.parts) == b"0\n1\n2\n3\n4\n"[: len(b"".join(client.parts))]


@override_settings(ROOT_URLCONF=__name__)
async def test_an_error_half_way_cuts_the_answer_off() -> None:
    client = Client("/failing")
    answering = client.start()
    for _ in range(5):
        client.room.release()
    with pytest.raises(RuntimeError, match="went away"):
        await answering
    assert client.parts == [b"one"]  # and no closing part: the client sees that it is not whole
