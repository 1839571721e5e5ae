"""The tags by which our objects are found again in a cloud."""

from __future__ import annotations

from provisioning.models import Resource


def tags_of(resource: Resource) -> dict[str, str]:
    """On every object of ``resource``: whose it is, and the run that ordered it first, which never changes."""
    first = resource.runs.order_by("queued_at", "id").values_list("pk", flat=True).first()
    return {**search_tags(resource), "skyvend-run": str(first)}


def search_tags(resource: Resource) -> dict[str, str]:
    """What an object must carry to count as ``resource``'s."""
    return {"skyvend-organization": str(resource.organization_id), "skyvend-resource": str(resource.pk)}
