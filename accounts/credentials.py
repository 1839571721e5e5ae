"""What somebody shows to be let in, turned into an actor. The API and the sockets share these rules."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from .actors import Actor, member_actor
from .models import ApiToken, Membership, Role, User
from .origins import RequestMeta
from .token_lookup import live_token

LAST_USED_PRECISION = timedelta(minutes=1)


class OrganizationUnclear(Exception):
    """The user belongs to several organizations and named none; ``slugs`` are the choices."""

    def __init__(self, slugs: list[str]) -> None:
        super().__init__(f"name one of: {', '.join(slugs)}")
        self.slugs = slugs


class NotAMember(Exception):
    """There is no such organization, or the user is not in it: both look the same to them."""


def digest_of(secret: str) -> str:
    """SHA-256 of a token's or invitation's secret, as kept in the database.

    Plain SHA-256 is right here: the secrets are 256 random bits, so there is nothing to guess.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def token_actor(secret: str, meta: RequestMeta) -> Actor | None:
    """The actor behind an API token, or None. One query, plus one write a minute for ``last_used_at``.

    The role is the token's, but never above what its user has in the organization today; a token of somebody who
    left the organization or was deactivated opens nothing.
    """
    found = live_token(digest_of(secret))
    if found is None:
        return None
    token, user_role = found
    _note_use(token)
    return Actor(
        user=token.user,
        organization=token.organization,
        role=lower_role(Role(token.role), Role(user_role)),
        token=token,
        ip=meta.ip,
        user_agent=meta.user_agent,
        request_id=meta.request_id,
    )


def still_stands(actor: Actor) -> bool:
    """Whether a member let in some time ago would be let in again: still active, a member, the token still good."""
    if actor.token is not None and not ApiToken.objects.live().filter(pk=actor.token.pk).exists():
        return False
    memberships = Membership.objects.filter(user=actor.user, organization=actor.organization, user__is_active=True)
    return memberships.exists()


def lower_role(one: Role, other: Role) -> Role:
    """The one of two roles that allows less."""
    return one if one.is_at_most(other) else other


def jwt_user(encoded: str) -> User | None:
    """The active user a valid access token was issued to, unless the password changed since; else None."""
    try:
        return user_of_claims(AccessToken(encoded.encode()))  # type: ignore[arg-type]  # it decodes bytes and str
    except TokenError:
        return None


def user_of_claims(token: Token) -> User | None:
    """The active user named in a verified token whose password is still the one it was issued for, else None."""
    try:
        user = User.objects.get(pk=UUID(str(token.get(api_settings.USER_ID_CLAIM))), is_active=True)
    except (User.DoesNotExist, ValueError):
        return None
    is_current = token.get(api_settings.REVOKE_TOKEN_CLAIM) == get_md5_hash_password(user.password)
    return user if is_current else None


def actor_in_organization(user: User, slug: str | None, meta: RequestMeta) -> Actor:
    """The user as a member of the organization ``slug``, or of their only one when ``slug`` is None. One query.

    Raises :class:`OrganizationUnclear` or :class:`NotAMember`. A user without any organization and without ``slug``
    becomes an actor who may do nothing.
    """
    memberships = list(user.memberships.select_related("organization").order_by("created_at", "id"))
    if slug:
        chosen = next((one for one in memberships if one.organization.slug == slug), None)
        if chosen is None:
            raise NotAMember(slug)
        return member_actor(user, chosen, meta)
    if len(memberships) > 1:
        raise OrganizationUnclear([one.organization.slug for one in memberships])
    return member_actor(user, memberships[0] if memberships else None, meta)


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    stale = now - LAST_USED_PRECISION
    if token.last_used_at is None or token.last_used_at < stale:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lt=stale)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
