"""What a person changes about themselves."""

from __future__ import annotations

from django.db import transaction

from accounts.actors import Actor
from accounts.audit import record
from accounts.models import User


@transaction.atomic
def rename_user(*, actor: Actor, name: str) -> User:
    """Change how others see the actor; the same name again has no effect. ``actor.user`` must be a person."""
    if actor.user is None:
        raise User.DoesNotExist
    user = User.objects.select_for_update().get(pk=actor.user.pk)
    if user.name != name:
        before, user.name = user.name, name
        user.save(update_fields=["name"])
        record(actor, "user.rename", user, before=before, after=name)
    return user
