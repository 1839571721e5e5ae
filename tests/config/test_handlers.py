"""The real ASGI application, called as a server calls it."""

from __future__ import annotations

import threading

import httpx
import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from config.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)


def where(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse(f"{threading.current_thread().name} {request.body.decode()}")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"a", b"b"]))


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


urlpatterns = [path("where", where), path("stream", stream), path("broken", broken)]


async def ask(address: str, method: str = "GET", content: bytes = b"") -> httpx.Response:
    http = application.application_mapping["http"]
    transport = httpx.ASGITransport(app=http, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, address, content=content)


@override_settings(ROOT_URLCONF=__name__)
async def test_a_request_runs_in_a_thread_that_is_kept() -> None:
    answers = [await ask("/where", content=b"hello") for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.text.partition("_")[0] for answer in answers} == {"request"}
    assert {answer.text.partition(" ")[2] for answer in answers} == {"hello"}
    assert len({answer.text for answer in answers}) <= 16


@override_settings(ROOT_URLCONF=__name__)
async def test_a_stream_arrives_whole() -> None:
    assert (await ask("/stream")).text == "ab"


@pytest.mark.filterwarnings("ignore")
async def test_static_files_come_with_the_security_headers() -> None:
    answer = await ask("/static/css/theme.css")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/css")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_unknown_address_is_a_page_or_a_problem() -> None:
    assert (await ask("/nothing/here")).status_code == 404
    problem = await ask("/api/v1/nothing")
    assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")


@override_settings(ROOT_URLCONF=__name__, DEBUG=False)
async def test_a_bug_is_a_500_and_the_next_request_works() -> None:
    assert (await ask("/broken")).status_code == 500
    assert (await ask("/where")).status_code == 200
