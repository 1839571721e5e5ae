"""The tags by which our objects are found again in a cloud."""

from __future__ import annotations

from provisioning.models import Resource, Run

RESOURCE_TAG = "skyvend-resource"  # also what a cloud's bill is split by


def tags_of(run: Run) -> dict[str, str]:
    """On every object of the run's resource: the tenant's own tags, whose it is, and the run that ordered it first,
    which never changes. Only ours are searched by, and no tag of a tenant's can stand in their place.
    """
    resource = run.resource
    first = resource.runs.order_by("queued_at", "id").values_list("pk", flat=True).first()
    return {**run.tags, **search_tags(resource), "skyvend-run": str(first)}


def search_tags(resource: Resource) -> dict[str, str]:
    """What an object must carry to count as ``resource``'s."""
    return {"skyvend-organization": str(resource.organization_id), RESOURCE_TAG: str(resource.pk)}
