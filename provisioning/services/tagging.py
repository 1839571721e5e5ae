"""Tags of a resource: its cost is grouped by them at once, its cloud objects carry them from their next change on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right
from clouds.inputs import validate_tags
from provisioning import events, metered
from provisioning.models import Resource


@transaction.atomic
def set_tags(*, actor: Actor, resource: Resource, tags: Mapping[str, Any]) -> Resource:
    """Give ``resource`` exactly ``tags``; return it. Needs no run, and may be done while one works or after the end.

    Raises ``PermissionDenied`` and ``InvalidInputs``.
    """
    actor.require(Right.ORDER)
    wanted = validate_tags(tags)
    rows = Resource.objects.visible_to(actor).select_related("cloud_account", "organization")
    locked = rows.defer("sealed_outputs", "cloud_account__credentials").select_for_update(of=("self",))
    resource = locked.get(pk=resource.pk)
    if resource.tags == wanted:
        return resource
    before, resource.tags = resource.tags, wanted
    resource.save(update_fields=["tags"])
    metered.describe(resource)
    audit.record(actor, "resource.tag", resource, tags=wanted, before=before)
    transaction.on_commit(partial(events.announce_resource, resource.organization_id, resource.pk), robust=True)
    return resource


def merged_tags(resource: Resource, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The resource's tags with ``changes`` made to them; a value of None takes a tag away."""
    return {name: value for name, value in {**resource.tags, **changes}.items() if value is not None}
