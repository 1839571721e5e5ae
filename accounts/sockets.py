"""Who is asking, for WebSockets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.sessions import CookieMiddleware, SessionMiddleware
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from .actors import Actor, member_actor
from .credentials import NotAMember, OrganizationUnclear, actor_in_organization, jwt_user, token_actor
from .middleware import SESSION_ORGANIZATION, pick_membership
from .models import User
from .origins import RequestMeta, meta_of_scope

NOBODY = 4401  # close code: sign in first
FORBIDDEN_ORIGIN = 4403


class ActorSocketMiddleware:
    """Puts ``scope["actor"]`` in place, or refuses the connection.

    A program sends ``Authorization: Token|Bearer ...`` (and ``X-Organization``, as over HTTP). A browser sends its
    session cookie, and an Origin that is this site or one of ``CSRF_TRUSTED_ORIGINS``: without that any page could
    open sockets in the name of whoever visits it. Nobody is closed with 4401.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.with_session = CookieMiddleware(SessionMiddleware(self._browser))

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        scheme, _, credential = header(scope, "authorization").partition(" ")
        if not scheme:
            return await self.with_session(scope, receive, send)
        actor = await database_sync_to_async(_actor_of_header)(scope, scheme.lower(), credential.strip())
        return await self._enter(scope, receive, send, actor)

    async def _browser(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        if not is_own_origin(header(scope, "origin"), header(scope, "host")):
            return await _refuse(receive, send, FORBIDDEN_ORIGIN)
        user = await get_user(scope)
        actor = None
        if isinstance(user, User):
            actor = await database_sync_to_async(_actor_of_session)(scope, user)
        return await self._enter(scope, receive, send, actor)

    async def _enter(self, scope: dict[str, Any], receive: Any, send: Any, actor: Actor | None) -> Any:
        if actor is None or actor.organization is None:
            return await _refuse(receive, send, NOBODY)
        return await self.inner({**scope, "actor": actor}, receive, send)


def header(scope: dict[str, Any], name: str) -> str:
    """The first header ``name`` (lower case) of a connection, "" when it has none."""
    for key, value in scope.get("headers", []):
        if key == name.encode():
            return str(value.decode("latin-1"))
    return ""


def is_own_origin(origin: str, host: str) -> bool:
    """Whether a page of ``origin`` may open sockets on ``host`` with the visitor's cookie."""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS) and urlsplit(origin).netloc == host


def _actor_of_header(scope: dict[str, Any], scheme: str, credential: str) -> Actor | None:
    meta = meta_of_scope(scope)
    if scheme == "token":
        actor = token_actor(credential, meta)
        named = header(scope, "x-organization")
        return None if actor is not None and named not in {"", actor.tenant.slug} else actor
    if scheme == "bearer":
        return _jwt_actor(credential, header(scope, "x-organization"), meta)
    return None


def _jwt_actor(credential: str, slug: str, meta: RequestMeta) -> Actor | None:
    user = jwt_user(credential)
    try:
        return actor_in_organization(user, slug, meta) if user else None
    except (OrganizationUnclear, NotAMember):
        return None


def _actor_of_session(scope: dict[str, Any], user: User) -> Actor:
    memberships = list(user.memberships.select_related("organization").order_by("created_at", "id"))
    chosen = pick_membership(memberships, scope["session"].get(SESSION_ORGANIZATION))
    return member_actor(user, chosen, meta_of_scope(scope))


async def _refuse(receive: Any, send: Any, code: int) -> None:
    """Accept, then close: a browser is told the close code only of connections that were open."""
    await receive()  # websocket.connect
    if code == NOBODY:
        await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code})
