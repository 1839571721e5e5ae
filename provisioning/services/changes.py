"""What may be done to a resource that exists: change, destroy, try again, forget."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right
from billing import quotes
from billing import services as billing
from billing.models import Hold
from billing.quotes import QuotedPrice
from clouds import inputs as cloud_inputs
from clouds.manifest import Manifest
from clouds.models import Provider
from provisioning import metered, sizing, state
from provisioning.models import Operation, Resource, ResourceStatus, Run, RunStatus
from provisioning.tags import tags_for

from .announcing import announce_after_commit
from .commitments import check_budgets
from .errors import CannotChange, CannotUseAccount, NotPossible, RunInProgress
from .ordering import check_account, insert_run
from .shelf import price_of, version_by_id

CHANGEABLE = frozenset({ResourceStatus.ACTIVE, ResourceStatus.FAILED})
STATUS_WHILE = {
    Operation.CREATE: ResourceStatus.PENDING,
    Operation.UPDATE: ResourceStatus.UPDATING,
    Operation.DESTROY: ResourceStatus.DESTROYING,
}


@transaction.atomic
def request_update(*, actor: Actor, resource: Resource, inputs: Mapping[str, Any]) -> Run:
    """Queue a run that gives ``resource`` the complete ``inputs``; return it.

    A resource that was never made may be changed freely; one that exists only where its module can change it in
    place. Raises ``InvalidInputs``, ``CannotChange``, ``NotAffordable`` (when it would cost more than is available
    or a budget allows), ``RunInProgress``, ``NotPossible``.
    """
    resource = lock_idle(actor, resource)
    if resource.status == ResourceStatus.STOPPED:
        raise NotPossible("This machine is stopped. Start it first: some clouds would start it by the change itself.")
    if resource.status not in CHANGEABLE:
        raise NotPossible(f"A resource that is {resource.get_status_display().lower()} cannot be changed.")
    wanted = cloud_inputs.validate_inputs(version_by_id(resource.offering_version_id), inputs)
    _check_in_place(resource, wanted)
    return _queue(actor, resource, _operation_of_change(resource), wanted)


@transaction.atomic
def request_destroy(*, actor: Actor, resource: Resource) -> Run:
    """Queue a run that destroys all that ``resource`` made in the cloud. Raises ``RunInProgress``, ``NotPossible``."""
    resource = lock_idle(actor, resource)
    return _queue(actor, resource, Operation.DESTROY, resource.inputs)


@transaction.atomic
def detect_drift(*, actor: Actor, resource: Resource) -> Run:
    """Queue a run that compares ``resource`` with the cloud and changes nothing; its ``plan`` counts what differs.

    Raises ``RunInProgress``, and ``NotPossible`` for a resource that is not active.
    """
    resource = lock_idle(actor, resource)
    if resource.status not in {ResourceStatus.ACTIVE, ResourceStatus.STOPPED}:
        raise NotPossible(f"A resource that is {resource.get_status_display().lower()} cannot be compared.")
    return _queue(actor, resource, Operation.DETECT_DRIFT, resource.inputs)


@transaction.atomic
def retry(*, actor: Actor, resource: Resource) -> Run:
    """Queue again what failed last, with the same inputs; a vanished simulated resource is made anew.

    Raises ``NotPossible`` when nothing failed, ``RunInProgress``, ``NotAffordable``.
    """
    resource = lock_idle(actor, resource)
    never_begun = Q(operation=Operation.DESTROY, status=RunStatus.CANCELED, started_at=None)  # nobody wants it again
    last = resource.runs.exclude(never_begun).order_by("-queued_at", "-id").first()
    if resource.status == ResourceStatus.FAILED and last is not None:
        return _queue(actor, resource, _operation_of_retry(resource, last), last.inputs)
    if has_vanished(resource):
        return _queue(actor, resource, Operation.UPDATE, resource.inputs)
    raise NotPossible("There is nothing to try again: the last operation did not fail.")


@transaction.atomic
def forget(*, actor: Actor, resource: Resource) -> Resource:
    """Let go of ``resource`` without touching its cloud objects, and release its credit.

    ``resource.left_objects`` of the returned row lists what stays in the cloud: [{address, type, id}].
    Raises ``RunInProgress`` and ``NotPossible`` (when it is gone already).
    """
    resource = lock_idle(actor, resource)
    left = state.objects_of(resource)
    resource.status, resource.gone_at = ResourceStatus.ORPHANED, timezone.now()
    resource.save(update_fields=["status", "gone_at"])
    metered.end(resource)
    sizing.settle(resource)
    billing.release_hold(organization=resource.organization, reference=resource.hold_reference)
    audit.record(actor, "resource.forget", resource, left_objects=left)
    last = resource.runs.first()
    if last is not None:
        announce_after_commit(last, rings=False)
    resource.left_objects = left  # type: ignore[attr-defined]
    return resource


def merged_inputs(resource: Resource, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The resource's inputs with ``changes`` made to them; a value of None takes an input away.

    An input that stands in for another ("machine_type" for "size") takes the other's place, and the other way round.
    """
    pairs = Manifest(version_by_id(resource.offering_version_id).manifest).replacements
    replaced = {other for pair in pairs for name, other in (pair, pair[::-1]) if changes.get(name) is not None}
    kept = {name: value for name, value in resource.inputs.items() if name not in replaced}
    merged = {**kept, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def has_vanished(resource: Resource) -> bool:
    """Whether this is an active resource of a simulated cloud that was started anew since, and so forgot it."""
    started = _sandbox_started_at()
    account = resource.cloud_account
    if started is None or account is None or resource.status != ResourceStatus.ACTIVE:
        return False
    if not account.is_sandbox or account.provider != Provider.AWS:  # the others keep what they hold
        return False
    succeeded = resource.runs.filter(status=RunStatus.SUCCEEDED).aggregate(at=Max("finished_at"))["at"]
    return succeeded is not None and succeeded < started


def _sandbox_started_at() -> datetime | None:
    given = getattr(settings, "SANDBOX_STARTED_AT", "")
    if not given:
        return None
    started = datetime.fromisoformat(str(given))
    return started if started.tzinfo else started.replace(tzinfo=timezone.get_default_timezone())


def held_for(resource: Resource) -> Decimal | None:
    """The credit reserved for ``resource`` now, or None."""
    holds = Hold.objects.open().filter(
        account__organization_id=resource.organization_id, reference=resource.hold_reference
    )
    return holds.values_list("amount", flat=True).first()


def lock_idle(actor: Actor, resource: Resource) -> Resource:
    """The row, locked and fresh, once it is known that the actor may change it and that nothing else is doing so."""
    actor.require(Right.ORDER)
    rows = Resource.objects.visible_to(actor).select_related("cloud_account", "organization")
    locked = rows.defer("sealed_outputs", "cloud_account__credentials").select_for_update(of=("self",))
    resource = locked.get(pk=resource.pk)
    if resource.runs.live().exists():
        raise RunInProgress
    if not resource.is_live:
        raise NotPossible(f"This resource is gone: {resource.get_status_display().lower()}.")
    return resource


def _check_in_place(resource: Resource, wanted: dict[str, Any]) -> None:
    changes = cloud_inputs.changes(version_by_id(resource.offering_version_id), resource.inputs, wanted)
    if not changes and resource.status != ResourceStatus.FAILED:
        raise CannotChange("Nothing would change.")
    fixed = [change.label for change in changes if not change.in_place]
    exists = resource.activated_at is not None or resource.needs_adoption or state.objects_of(resource)
    if fixed and exists:  # with needs_adoption it may: what a lost run made is looked for where it was ordered
        raise CannotChange(
            f"{', '.join(fixed)} cannot be changed on something that exists: it would be destroyed and made anew. "
            "Order a new one, move over, and destroy this one."
        )


def _operation_of_change(resource: Resource) -> Operation:
    return Operation.UPDATE if resource.activated_at is not None else Operation.CREATE


def _operation_of_retry(resource: Resource, last: Run) -> Operation:
    if last.operation in {Operation.DESTROY, Operation.UPDATE, Operation.CREATE}:
        return Operation(last.operation)
    return _operation_of_change(resource)


def _queue(actor: Actor, resource: Resource, operation: Operation, inputs: dict[str, Any]) -> Run:
    """Write the run and what the resource looks like meanwhile; ``run.previous`` says how to go back."""
    previous = _previous(resource)
    if operation not in {Operation.DESTROY, Operation.DETECT_DRIFT}:
        _pay(actor, resource, inputs, previous)
    run = insert_run(
        Run(
            organization=resource.organization,
            resource=resource,
            operation=operation,
            inputs=inputs,
            tags=tags_for(resource, operation),
            previous=previous,
            created_by=actor.user,
            created_by_label=actor.label,
            request_id=actor.request_id,
        )
    )
    if operation is Operation.CREATE:
        resource.inputs, resource.region = inputs, inputs["region"]
    resource.status = STATUS_WHILE.get(operation, resource.status)
    resource.save(update_fields=["status", "inputs", "region", "hourly_cost", "monthly_cost", "currency"])
    audit.record(actor, f"resource.{operation}", resource, inputs=inputs, run=str(run.pk))
    announce_after_commit(run)
    return run


def _previous(resource: Resource) -> dict[str, Any]:
    held = held_for(resource)
    return {
        "inputs": resource.inputs,
        "hourly": str(resource.hourly_cost),
        "monthly": str(resource.monthly_cost),
        "hold": None if held is None else str(held),
        "status": resource.status,
    }


def _pay(actor: Actor, resource: Resource, inputs: dict[str, Any], previous: dict[str, Any]) -> None:
    """Price the wanted inputs and reserve what they need; credit is given back only once the run has succeeded."""
    version = version_by_id(resource.offering_version_id)
    if resource.cloud_account is None:
        raise CannotUseAccount("The cloud account of this resource was deleted.")
    check_account(actor, resource.cloud_account, version)
    quoted = price_of(
        version, inputs, organization_id=resource.organization_id, cloud_account_id=resource.cloud_account_id
    )
    needed = billing.hold_amount(quoted.hourly)
    if previous["hold"] is None:
        billing.hold_credit(
            organization=resource.organization,
            reference=resource.hold_reference,
            amount=needed,
            description=f"{version.title}: {resource.name}",
        )
    elif needed > Decimal(previous["hold"]):
        billing.resize_hold(organization=resource.organization, reference=resource.hold_reference, amount=needed)
    check_budgets(resource, quoted.hourly)
    _reprice(resource, quoted)


def _reprice(resource: Resource, quoted: QuotedPrice) -> None:
    resource.hourly_cost, resource.monthly_cost = quoted.hourly, quoted.monthly
    resource.currency = quoted.currency
    quotes.keep_quote(organization=resource.organization, reference=resource.hold_reference, quoted=quoted)
