"""The audit trail: one call per write."""

from typing import Any

from django.db.models import Model

from .actors import Actor
from .models import AuditEvent, Organization


def record(
    actor: Actor, action: str, target: Model | None = None, organization: Organization | None = None, **data: Any
) -> AuditEvent:
    """Append one audit event; call it inside the transaction of the write it describes.

    ``action`` is "<thing>.<verb>" ("resource.create"). ``organization`` defaults to the target's, else the actor's.
    ``data`` must be JSON and must never hold a secret.
    """
    if organization is None:
        organization = getattr(target, "organization", None) or actor.organization
    return AuditEvent.objects.create(
        organization=organization,
        actor=actor.user,
        actor_label=actor.label[:255],
        action=action,
        target_type=target._meta.model_name or "" if target is not None else "",  # noqa: SLF001  - Django's documented API
        target_id=str(target.pk) if target is not None else "",
        target_label=str(target)[:255] if target is not None else "",
        data=data,
        ip=actor.ip,
        user_agent=actor.user_agent[:255],
        request_id=actor.request_id[:64],
    )
