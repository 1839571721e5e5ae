"""Terraform's state: taken from workspaces, kept encrypted, given back to the next run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, cast

from django.db import transaction
from django.db.models import Q

from .models import (
    WORKING_RUN_STATUSES,
    Operation,
    Resource,
    ResourceStatus,
    Run,
    RunEvent,
    RunStatus,
    StateVersion,
)
from .terraform.messages import EventKind

MAX_SERIAL = 2**63 - 1  # what the column holds
MAX_LINEAGE = 64  # characters; a UUID has 36


class MissingState(Exception):
    """A state must exist and does not. Going on would make everything twice or destroy nothing."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(
            f"The state of {resource.name} is missing although earlier runs made something. Nothing was changed."
        )


class StaleState(Exception):
    """The state to be stored is older than the newest stored one, or of another origin."""


@dataclass(frozen=True, slots=True)
class StateObject:
    """A managed object in a state: names only, never attributes."""

    address: str
    type: str
    id: str


@transaction.atomic
def store(run: Run, body: str) -> StateVersion | None:
    """Keep ``body`` as the newest state of the run's resource and return its row; None for a state with nothing yet.

    Storing the same body again returns the row there is. Raises :class:`StaleState` for a serial that does not grow
    or another lineage or of a run that a later one has overtaken, and ``ValueError`` for what is no state.
    """
    parsed = _parse(body)
    digest = hashlib.sha256(body.encode()).hexdigest()
    Resource.objects.select_for_update(of=("self",)).only("pk").get(pk=run.resource_id)
    newest = StateVersion.objects.filter(resource_id=run.resource_id).defer("body").first()
    if newest is not None and newest.sha256 == digest:
        return newest
    _check_is_last(run)
    if newest is not None:
        _check_grows(newest, parsed)
    return StateVersion.objects.create(
        resource_id=run.resource_id,
        run=run,
        serial=parsed["serial"],
        lineage=parsed.get("lineage", ""),
        body=body,
        sha256=digest,
        objects_count=len(_objects(parsed)),
    )


def _check_is_last(run: Run) -> None:
    """A later run began with the state there was: one put under it now would make its own the stale one."""
    later = Run.objects.filter(resource_id=run.resource_id, queued_at__gt=run.queued_at).exclude(pk=run.pk)
    if later.filter(Q(status__in=WORKING_RUN_STATUSES) | Q(states__isnull=False)).exists():
        raise StaleState("a later run has started from an older state")


def _check_grows(newest: StateVersion, parsed: dict[str, Any]) -> None:
    if newest.objects_count and newest.lineage != parsed.get("lineage", ""):
        raise StaleState("the state has another lineage than the stored one")
    if parsed["serial"] <= newest.serial:
        raise StaleState(f"serial {parsed['serial']} is not newer than the stored {newest.serial}")


def load(resource: Resource) -> str | None:
    """The newest state of ``resource``, or None when none was ever stored."""
    newest = StateVersion.objects.filter(resource=resource).first()
    return newest.body if newest is not None else None


def load_required(resource: Resource) -> str:
    """The newest state. Raises :class:`MissingState`."""
    body = load(resource)
    if body is None:
        raise MissingState(resource)
    return body


def must_exist(resource: Resource, before: Run) -> bool:
    """Whether a run before ``before`` was seen making something, so that a state has to be there."""
    if resource.activated_at is not None or resource.status == ResourceStatus.ACTIVE:
        return True
    earlier = resource.runs.exclude(pk=before.pk)
    if earlier.filter(status=RunStatus.SUCCEEDED).exclude(operation=Operation.DESTROY).exists():
        return True
    return RunEvent.objects.filter(run__in=earlier, kind=EventKind.APPLY_COMPLETE, data__action="create").exists()


def objects_of(resource: Resource) -> list[dict[str, str]]:
    """What the newest state manages: [{address, type, id}]."""
    body = load(resource)
    if body is None:
        return []
    return [{"address": each.address, "type": each.type, "id": each.id} for each in _objects(_parse(body))]


def objects_in(body: str | None) -> list[StateObject]:
    """The managed objects of a state; none without one."""
    return _objects(_parse(body)) if body else []


def outputs_in(body: str) -> dict[str, tuple[Any, bool]]:
    """{name: (value, whether Terraform calls it sensitive)} of a state."""
    return _outputs(_parse(body))


def ids_in(body: str | None) -> frozenset[str]:
    """Every id and ARN of managed objects in a state: what is in here needs no adoption."""
    if not body:
        return frozenset()
    attributes = [instance.get("attributes") or {} for _, instance in _instances(_parse(body))]
    return frozenset(str(each[key]) for each in attributes for key in ("id", "arn", "bucket") if each.get(key))


def _outputs(parsed: dict[str, Any]) -> dict[str, tuple[Any, bool]]:
    outputs = parsed.get("outputs") or {}
    return {name: (output.get("value"), bool(output.get("sensitive"))) for name, output in outputs.items()}


def _objects(parsed: dict[str, Any]) -> list[StateObject]:
    return [
        StateObject(
            address=_address(resource, instance),
            type=resource["type"],
            id=str((instance.get("attributes") or {}).get("id", "")),
        )
        for resource, instance in _instances(parsed)
    ]


def _instances(parsed: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    managed = [resource for resource in parsed["resources"] if resource.get("mode") == "managed"]
    return [(resource, instance) for resource in managed for instance in resource.get("instances", [])]


def _address(resource: dict[str, Any], instance: dict[str, Any]) -> str:
    module = f"{resource['module']}." if resource.get("module") else ""
    key = instance.get("index_key")
    index = "" if key is None else f"[{json.dumps(key)}]"
    return f"{module}{resource['type']}.{resource['name']}{index}"


def _parse(body: str) -> dict[str, Any]:
    """``body`` as a state. A run may have written anything there: raises ``ValueError`` for what is none."""
    try:
        parsed = json.loads(body)
        is_state = 0 <= parsed["serial"] <= MAX_SERIAL and len("" + parsed.get("lineage", "")) <= MAX_LINEAGE
        _objects(parsed)
        _outputs(parsed)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        is_state = False
    if not is_state:
        raise ValueError("this is no Terraform state")
    return cast("dict[str, Any]", parsed)
