"""The end of a run: run, resource, outputs, credit and audit in one transaction.

Locks are taken in one order everywhere: run, resource, credit account.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import structlog
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.actors import system_actor
from billing import services as billing
from clouds import catalogue
from provisioning import events, metered, sizing, state
from provisioning.models import Operation, Resource, ResourceStatus, Run, RunStatus, StateVersion
from provisioning.terraform.diagnostics import Explanation
from provisioning.terraform.messages import EventKind

log = structlog.get_logger(__name__)
# Failures after which the cloud may have made what it did not report: "exists already" may be our own first attempt.
UNSURE = frozenset({"network", "timeout", "name_exists"})
POWER = frozenset({Operation.START, Operation.STOP})
SUCCESS = {
    Operation.CREATE: "Created",
    Operation.DESTROY: "Destroyed",
    Operation.START: "Started",
    Operation.STOP: "Stopped: only its disk and address cost now",
}
_LEVELS = {RunStatus.SUCCEEDED: "info", RunStatus.CANCELED: "warning"}


@dataclass(slots=True)
class Outcome:
    """How a run ended. ``explanation`` is None for success only."""

    status: RunStatus
    explanation: Explanation | None = None
    has_changed_something: bool = False  # the engine was seen to begin changing the cloud
    is_abrupt: bool = False  # it was killed or its state was not kept: the cloud may hold what no state knows
    is_on: bool | None = None  # whether the machine runs, where a start or stop saw it


def finish(run: Run, outcome: Outcome) -> None:
    """End ``run`` with all its consequences, or with none. Raises ``IllegalTransition`` if somebody ended it first."""
    with transaction.atomic():
        resource = _lock(run)
        if outcome.status == RunStatus.SUCCEEDED:
            _succeed(run, resource)
        else:
            _fail(run, resource, outcome)
        _end(run, resource, outcome)


def end_as(run: Run, status: RunStatus, explanation: Explanation) -> None:
    """End a run whose worker is gone: what it made may be unknown to the state, so the next run looks for it."""
    with transaction.atomic():
        resource = _lock(run)
        if run.operation in POWER:
            _settle_power(run, resource, Outcome(status, has_changed_something=run.status == RunStatus.APPLYING))
        elif run.operation != Operation.DETECT_DRIFT:  # that one only looks
            resource.status, resource.needs_adoption = ResourceStatus.FAILED, True
        _go_back_to_old_price(run, resource, has_changed_something=run.status == RunStatus.APPLYING)
        resource.save(update_fields=["status", "needs_adoption", "hourly_cost", "monthly_cost"])
        events.append_event(run, "warning", EventKind.RECOVERY, explanation.summary)
        _end(run, resource, Outcome(status, explanation))


def _lock(run: Run) -> Resource:
    Run.objects.select_for_update().only("pk").get(pk=run.pk)
    rows = Resource.objects.select_related("organization", "offering_version", "cloud_account")
    rows = rows.defer("sealed_outputs", "cloud_account__credentials")
    return rows.select_for_update(of=("self",)).get(pk=run.resource_id)


def _end(run: Run, resource: Resource, outcome: Outcome) -> None:
    explained = outcome.explanation
    events.append_event(
        run,
        _LEVELS.get(outcome.status, "error"),
        EventKind.PHASE,
        explained.summary if explained else _success(run),
        {"phase": "finished", "status": str(outcome.status)},
    )
    run.advance(outcome.status, error=explained.as_dict() if explained else None)
    audit.record(
        system_actor(resource.organization),
        f"run.{outcome.status}",
        run,
        resource=resource.name,
        operation=run.operation,
    )
    transaction.on_commit(partial(events.announce_run, run.pk), robust=True)
    transaction.on_commit(partial(events.announce_resource, run.organization_id, run.resource_id), robust=True)


def _success(run: Run) -> str:
    if run.operation == Operation.DETECT_DRIFT:
        return _drift(run.plan or {})
    return SUCCESS.get(Operation(run.operation), "Done")


def _drift(plan: dict[str, int]) -> str:
    counts = [
        (plan.get(name, 0), word) for name, word in (("adds", "add"), ("changes", "change"), ("destroys", "destroy"))
    ]
    found = ", ".join(f"{count} to {word}" for count, word in counts if count)
    return f"Drift: {found} to be as it was ordered" if found else "No drift: everything is as it was ordered"


def _succeed(run: Run, resource: Resource) -> None:
    if run.operation == Operation.DETECT_DRIFT:
        return  # nothing was changed
    resource.needs_adoption = False
    if run.operation == Operation.DESTROY:
        resource.status, resource.gone_at = ResourceStatus.DESTROYED, timezone.now()
        resource.outputs = {}
        resource.sealed_outputs = None  # type: ignore[assignment]  # django-stubs takes the field for its value
        resource.save(update_fields=["status", "gone_at", "outputs", "sealed_outputs", "needs_adoption"])
        metered.end(resource)
        sizing.settle(resource)
        billing.release_hold(organization=resource.organization, reference=resource.hold_reference)
        return
    resource.status = ResourceStatus.STOPPED if run.operation == Operation.STOP else ResourceStatus.ACTIVE
    resource.inputs = run.inputs
    resource.activated_at = resource.activated_at or timezone.now()
    resource.outputs, sealed = _outputs(resource)
    resource.sealed_outputs = sealed  # type: ignore[assignment]
    resource.save(update_fields=["status", "inputs", "activated_at", "outputs", "sealed_outputs", "needs_adoption"])
    metered.start(resource)
    sizing.settle(resource)
    _give_back_credit(run, resource)


def _outputs(resource: Resource) -> tuple[dict[str, object], dict[str, object] | None]:
    """The module's outputs, open and sealed. Sealed is what the offering or Terraform itself calls sensitive."""
    body = state.load(resource)
    if body is None:
        return {}, None
    sealed_by_offering = {spec.name for spec in catalogue.output_specs(resource.offering_version) if spec.is_sensitive}
    shown: dict[str, object] = {}
    sealed: dict[str, object] = {}
    for name, (value, is_sensitive) in state.outputs_in(body).items():
        (sealed if is_sensitive or name in sealed_by_offering else shown)[name] = value
    return shown, sealed or None


def _give_back_credit(run: Run, resource: Resource) -> None:
    """After a change to something cheaper the hold shrinks; it grew before the run was queued."""
    held = run.previous.get("hold")
    needed = billing.hold_amount(resource.hourly_cost)
    if held is not None and needed < Decimal(held):
        _shrink_hold(resource, needed)


def _fail(run: Run, resource: Resource, outcome: Outcome) -> None:
    if run.operation == Operation.DETECT_DRIFT:
        return  # the resource is what it was
    if run.operation in POWER:
        _settle_power(run, resource, outcome)
        resource.save(update_fields=["status"])
        return
    if not outcome.has_changed_something and run.operation != Operation.CREATE and _was_canceled(outcome):
        resource.status = run.previous.get("status") or ResourceStatus.ACTIVE
    else:
        resource.status = ResourceStatus.FAILED
    is_unsure = outcome.explanation is not None and outcome.explanation.code in UNSURE
    if outcome.has_changed_something and (outcome.is_abrupt or is_unsure):
        resource.needs_adoption = True
    _go_back_to_old_price(run, resource, has_changed_something=outcome.has_changed_something)
    resource.save(update_fields=["status", "needs_adoption", "hourly_cost", "monthly_cost"])
    if run.operation == Operation.CREATE and not _has_objects(resource) and not resource.needs_adoption:
        billing.release_hold(organization=resource.organization, reference=resource.hold_reference)


def _settle_power(run: Run, resource: Resource, outcome: Outcome) -> None:
    """After a start or stop that did not end well: as before if the cloud was never asked, else as the machine is.

    Where nobody saw what came of it, it counts as running, for it may. Nothing was made, so nothing needs adoption, and
    asking for the same again is fine.
    """
    if not outcome.has_changed_something:
        resource.status = run.previous.get("status") or ResourceStatus.ACTIVE
        return
    resource.status = ResourceStatus.STOPPED if outcome.is_on is False else ResourceStatus.ACTIVE
    metered.start(resource)


def _was_canceled(outcome: Outcome) -> bool:
    return outcome.status == RunStatus.CANCELED


def _has_objects(resource: Resource) -> bool:
    newest = StateVersion.objects.filter(resource=resource).values_list("objects_count", flat=True).first()
    return bool(newest)


def _go_back_to_old_price(run: Run, resource: Resource, *, has_changed_something: bool) -> None:
    """A change that did not succeed keeps the old inputs and price, and the old hold if the cloud is as it was.

    Otherwise what exists may already cost more: the larger hold stays until a later run has succeeded.
    """
    previous = run.previous
    if run.operation != Operation.UPDATE or "hourly" not in previous:
        return
    resource.hourly_cost, resource.monthly_cost = Decimal(previous["hourly"]), Decimal(previous["monthly"])
    if previous.get("hold") is not None and not has_changed_something:
        _shrink_hold(resource, Decimal(previous["hold"]))


def _shrink_hold(resource: Resource, amount: Decimal) -> None:
    """Reserve no more than ``amount``; a hold an operator released meanwhile must not keep a run from ending."""
    try:
        billing.shrink_hold(organization=resource.organization, reference=resource.hold_reference, amount=amount)
    except billing.NoOpenHold:
        log.warning("nothing is reserved any more", resource=str(resource.pk))
