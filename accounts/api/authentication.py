"""The three ways into the API: an API token, a JWT, the browser's session. Each puts ``request.actor`` in place."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from django.utils.functional import SimpleLazyObject
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.actors import Actor
from accounts.credentials import NotAMember, OrganizationUnclear, actor_in_organization, jwt_user, token_actor
from accounts.models import ApiToken, User
from accounts.origins import meta_of

from .problems import CHALLENGE, Problem

ORGANIZATION_HEADER = "X-Organization"


class ApiTokenAuthentication(authentication.BaseAuthentication):
    """``Authorization: Token sky_...``: one organization, one role, one query. Naming another is a 404."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        secret = credential(request, "token")
        if secret is None:
            return None
        actor = token_actor(secret, meta_of(http_request(request)))
        if actor is None or actor.user is None or actor.token is None:
            raise AuthenticationFailed("This API token is unknown, expired or revoked.", "token_not_valid")
        if request.headers.get(ORGANIZATION_HEADER) not in {None, "", actor.tenant.slug}:
            raise Http404("This API token belongs to another organization than the one named.")
        _attach(request, actor)
        return actor.user, actor.token

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class JWTAuthentication(authentication.BaseAuthentication):
    """``Authorization: Bearer <access token>``, with ``X-Organization: <slug>`` for a user in several."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        encoded = credential(request, "bearer")
        if encoded is None:
            return None
        user = jwt_user(encoded)
        if user is None:
            raise AuthenticationFailed("This access token is not valid or has expired.", "token_not_valid")
        _attach(request, SimpleLazyObject(lambda: _chosen_actor(request, user)))
        return user, "jwt"

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's session, with CSRF protection; works in the session's organization unless one is named."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found is not None and request.headers.get(ORGANIZATION_HEADER):
            user = found[0]
            _attach(request, SimpleLazyObject(lambda: _chosen_actor(request, user)))
        return found

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def http_request(request: Request) -> HttpRequest:
    """Django's request inside DRF's, which carries the actor."""
    return request._request  # noqa: SLF001  - DRF offers no public name


def credential(request: Request, scheme: str) -> str | None:
    """What follows ``scheme`` in the Authorization header; None when the header is missing or of another scheme."""
    name, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return value.strip() if name.lower() == scheme else None


def _attach(request: Request, actor: object) -> None:
    """Put an :class:`Actor`, or what becomes one on first use, where ``actor_of()`` finds it."""
    setattr(http_request(request), "actor", actor)  # noqa: B010  - the stubs do not know it


def _chosen_actor(request: Request, user: User) -> Actor:
    try:
        return actor_in_organization(user, request.headers.get(ORGANIZATION_HEADER), meta_of(http_request(request)))
    except OrganizationUnclear as unclear:
        detail = f"You belong to several organizations: name one in the {ORGANIZATION_HEADER} header"
        raise Problem(400, "organization_unclear", f"{detail} ({', '.join(unclear.slugs)}).") from unclear
    except NotAMember as error:
        raise Http404("There is no such organization among yours.") from error
