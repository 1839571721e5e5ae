"""API tokens: keys of programs."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import record
from accounts.credentials import digest_of
from accounts.models import ApiToken, Right, Role

from .members import check_reach

PREFIX = "sky_"  # lets secret scanners recognise a leaked token


@transaction.atomic
def issue_token(*, actor: Actor, name: str, role: Role, expires_at: datetime | None) -> tuple[ApiToken, str]:
    """Issue a token for the actor's organization. Returns the row and the secret, which is not kept: show it once.

    Raises ``PermissionDenied``, :class:`RoleTooHigh` for a role above the actor's, ``ValidationError`` for an empty
    name or an ``expires_at`` that has passed.
    """
    actor.require(Right.MANAGE)
    check_reach(actor, role)
    if not name.strip():
        raise ValidationError({"name": "Give the token a name."})
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError({"expires_at": "This time has passed."})
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        organization=actor.tenant,
        user=actor.person,
        name=name.strip()[:100],
        role=role,
        prefix=secret[:12],
        digest=digest_of(secret),
        expires_at=expires_at,
    )
    record(actor, "token.issue", token, role=role, expires_at=expires_at.isoformat() if expires_at else None)
    return token, secret


@transaction.atomic
def revoke_token(*, actor: Actor, token: ApiToken) -> ApiToken:
    """Make a token useless for good; repeated without effect. Raises ``PermissionDenied``, :class:`RoleTooHigh`."""
    actor.require(Right.MANAGE)
    check_reach(actor, Role(token.role))
    locked = ApiToken.objects.select_for_update(of=("self",)).select_related("organization").get(pk=token.pk)
    if locked.revoked_at is None:
        locked.revoked_at = timezone.now()
        locked.save(update_fields=["revoked_at"])
        record(actor, "token.revoke", locked)
    return locked
