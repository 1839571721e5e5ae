"""Sensitive outputs: read one resource at a time, on purpose, and never unseen."""

from typing import Any

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right
from provisioning.models import Resource


def read_outputs(*, actor: Actor, resource: Resource) -> dict[str, Any]:
    """All outputs of ``resource``, sensitive ones included; reading those is audited. Raises ``PermissionDenied``."""
    actor.require(Right.ORDER)
    stored: dict[str, Any] | None = Resource.objects.values_list("sealed_outputs", flat=True).get(pk=resource.pk)
    sealed = stored or {}
    if sealed:
        audit.record(actor, "resource.read_outputs", resource, names=sorted(sealed))
    return {**resource.outputs, **sealed}
