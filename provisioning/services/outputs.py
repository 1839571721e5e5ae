"""Sensitive outputs: read one resource at a time, on purpose, and never unseen."""

from typing import Any

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right
from provisioning.models import Resource, ResourceStatus

KUBECONFIG = "kubeconfig"  # the output that holds it, whichever the cloud


class NoKubeconfig(Exception):
    """The resource has none: it is no cluster, or not active."""


def read_outputs(*, actor: Actor, resource: Resource) -> dict[str, Any]:
    """All outputs of ``resource``, sensitive ones included; reading those is audited. Raises ``PermissionDenied``."""
    actor.require(Right.ORDER)
    stored: dict[str, Any] | None = Resource.objects.values_list("sealed_outputs", flat=True).get(pk=resource.pk)
    sealed = stored or {}
    if sealed:
        audit.record(actor, "resource.read_outputs", resource, names=sorted(sealed))
    return {**resource.outputs, **sealed}


def read_kubeconfig(*, actor: Actor, resource: Resource) -> str:
    """The cluster's kubeconfig, as YAML; audited. Raises ``PermissionDenied``, or :class:`NoKubeconfig`."""
    actor.require(Right.ORDER)
    stored: dict[str, Any] | None = Resource.objects.values_list("sealed_outputs", flat=True).get(pk=resource.pk)
    text = (stored or {}).get(KUBECONFIG)
    if not text or resource.status not in {ResourceStatus.ACTIVE, ResourceStatus.UPDATING}:
        raise NoKubeconfig("There is no kubeconfig: only an active Kubernetes cluster has one.")
    audit.record(actor, "resource.download_kubeconfig", resource)
    return str(text)
