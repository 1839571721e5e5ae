"""Which of a tenant's tags a run puts on the objects in the cloud."""

from __future__ import annotations

from clouds.models import Kind

from .models import Operation, Resource, RunStatus


def tags_for(resource: Resource, operation: Operation) -> dict[str, str]:
    """What a new run puts on the cloud's objects of ``resource``.

    Only a create or a change puts new ones: whatever else looks at the objects must not take tags for drift that
    nobody has put there yet. A cluster keeps those it was made with: its
    nodes bear them, and would be replaced one by one for new ones.
    """
    keeps = operation is not Operation.UPDATE or resource.kind == Kind.KUBERNETES
    now: dict[str, str] = resource.tags
    if operation is Operation.CREATE or not keeps:
        return now
    put = resource.runs.filter(operation__in=[Operation.CREATE, Operation.UPDATE], status=RunStatus.SUCCEEDED)
    last: dict[str, str] | None = put.order_by("-queued_at", "-id").values_list("tags", flat=True).first()
    return now if last is None else last
