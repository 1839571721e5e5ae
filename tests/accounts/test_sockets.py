from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client
from pytest_django import Settings
from rest_framework_simplejwt.tokens import AccessToken

from accounts import services
from accounts.models import User
from accounts.sockets import NOBODY, ActorSocketMiddleware, is_own_origin

pytestmark = pytest.mark.django_db(transaction=True)
HOST = (b"host", b"testserver")
ORIGIN = (b"origin", b"http://testserver")


async def tell_who(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": f"{scope['actor'].label} in {scope['actor'].organization.slug}"})


async def outcome(*headers: tuple[bytes, bytes]) -> str | int:
    """What the application behind the door says, or the close code."""
    socket = WebsocketCommunicator(ActorSocketMiddleware(tell_who), "/ws/x", headers=[HOST, *headers])
    accepted, code = await socket.connect()
    if not accepted:
        return int(code or 0)
    message = await socket.receive_output()
    await socket.disconnect()
    return message.get("text") or message["code"]


def cookie_of(client: Client) -> tuple[bytes, bytes]:
    return b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()


async def test_a_program_comes_in_by_its_token(tenant: SimpleNamespace, token_for: Callable[..., str]) -> None:
    secret = await database_sync_to_async(token_for)(tenant.owner)
    token = (b"authorization", f"Token {secret}".encode())
    assert await outcome(token) == "token test in acme"
    assert await outcome(token, (b"x-organization", b"acme")) == "token test in acme"
    assert await outcome(token, (b"x-organization", b"second")) == NOBODY


async def test_a_program_comes_in_by_its_jwt_and_names_its_organization(tenant: SimpleNamespace) -> None:
    await database_sync_to_async(services.create_organization)(user=tenant.member, name="Second")
    bearer = (b"authorization", f"Bearer {AccessToken.for_user(tenant.member)}".encode())
    assert await outcome(bearer, (b"x-organization", b"second")) == "member@acme.test in second"
    assert await outcome(bearer) == NOBODY
    assert await outcome(bearer, (b"x-organization", b"elsewhere")) == NOBODY


@pytest.mark.parametrize("value", ["Token sky_made-up", "Bearer x", "Bearer", "Basic eDp4", "nonsense"])
async def test_wrong_credentials_are_nobody(db: None, value: str) -> None:
    assert await outcome((b"authorization", value.encode())) == NOBODY


async def test_a_browser_comes_in_by_its_session(tenant: SimpleNamespace, sign_in: Callable[[User], Client]) -> None:
    cookie = cookie_of(await database_sync_to_async(sign_in)(tenant.viewer))
    assert await outcome(cookie, ORIGIN) == "viewer@acme.test in acme"


@pytest.mark.parametrize(
    "origin", [(b"origin", b"https://evil.test"), (b"origin", b"http://testserver:81"), (b"origin", b"null"), None]
)
async def test_a_session_from_another_origin_is_refused(
    tenant: SimpleNamespace, sign_in: Callable[[User], Client], origin: tuple[bytes, bytes] | None
) -> None:
    cookie = cookie_of(await database_sync_to_async(sign_in)(tenant.viewer))
    assert await outcome(cookie, *([origin] if origin else [])) == 4403


async def test_nobody_is_told_to_sign_in(db: None) -> None:
    assert await outcome(ORIGIN) == NOBODY
    assert await outcome(ORIGIN, (b"cookie", b"sessionid=made-up")) == NOBODY


def test_a_trusted_origin_of_the_settings_is_ours(settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS, settings.ALLOWED_HOSTS = ["https://console.corp.test"], ["*"]
    assert is_own_origin("https://console.corp.test", "skyvend.corp.test")
    assert is_own_origin("https://skyvend.corp.test", "skyvend.corp.test")
    assert not is_own_origin("https://evil.test", "skyvend.corp.test")
    settings.ALLOWED_HOSTS = ["other.test"]
    assert not is_own_origin("https://skyvend.corp.test", "skyvend.corp.test")
