"""JWT sessions of programs that sign in as a person: an access token for minutes, a refresh token for a day.

A refresh token works once: each use gives a new pair and ends the old one. The database keeps refresh tokens by
their id only, so that a copy of it opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from django.db import transaction
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.actors import member_actor
from accounts.audit import record
from accounts.credentials import user_of_claims
from accounts.models import User
from accounts.origins import RequestMeta


class SessionEnded(Exception):
    """The refresh token is malformed, expired, used already, or of a user who may not come in any more."""


@dataclass(frozen=True, slots=True)
class Session:
    access: str = field(repr=False)
    refresh: str = field(repr=False)


@transaction.atomic
def start_session(*, user: User, request_meta: RequestMeta) -> Session:
    """Issue tokens to a user who has just proved who they are."""
    session = _issue(user)
    record(member_actor(user, None, request_meta), "user.sign-in", user, by="password, for the API")
    return session


@transaction.atomic
def renew_session(*, refresh: str) -> Session:
    """Exchange a refresh token for a new pair. Raises :class:`SessionEnded`, also for the second of two at once."""
    return _issue(_spend(refresh))


@transaction.atomic
def end_session(*, refresh: str, request_meta: RequestMeta) -> None:
    """Make a refresh token useless. Raises :class:`SessionEnded` when it already is."""
    user = _spend(refresh)
    record(member_actor(user, None, request_meta), "user.sign-out", user)


def _issue(user: User) -> Session:
    token = RefreshToken.for_user(user)
    OutstandingToken.objects.filter(jti=token["jti"]).update(token="")
    return Session(access=str(token.access_token), refresh=str(token))


def _spend(refresh: str) -> User:
    try:
        token = RefreshToken(refresh.encode())  # type: ignore[arg-type]  # it decodes bytes and str
    except TokenError as error:
        raise SessionEnded from error
    user = user_of_claims(token)
    if user is None:
        raise SessionEnded
    _, is_first_use = cast("tuple[BlacklistedToken, bool]", token.blacklist())  # annotated wrongly there
    if not is_first_use:
        raise SessionEnded
    return user
