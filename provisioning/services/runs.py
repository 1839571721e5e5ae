"""Stopping a run."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right
from billing import services as billing
from provisioning import events
from provisioning.models import Operation, Resource, ResourceStatus, Run, RunStatus
from provisioning.terraform.diagnostics import Explanation

from .announcing import announce_after_commit
from .errors import NotPossible

UNTOUCHED = "Nothing was changed in the cloud. You can order it again with “Try again”."


@transaction.atomic
def cancel_run(*, actor: Actor, run: Run) -> Run:
    """End a queued run at once, or ask the worker to stop a working one; return the row.

    A queued run's credit and resource go back to what they were. A working run whose process is gone is ended by
    recovery. Asking twice is harmless. Raises ``NotPossible`` when the run has ended.
    """
    actor.require(Right.ORDER)
    run = _locked(actor, run)
    if run.has_ended:
        raise NotPossible(f"This run has already ended: {run.get_status_display().lower()}.")
    if run.status in {RunStatus.QUEUED, RunStatus.AWAITING_APPROVAL}:
        _cancel_at_once(actor, run)
    elif run.cancel_requested_at is None:
        run.cancel_requested_at = timezone.now()
        run.save(update_fields=["cancel_requested_at"])
    audit.record(actor, "run.cancel", run, resource=run.resource.name, operation=run.operation, was=run.status)
    announce_after_commit(run, rings=False)
    return run


@transaction.atomic
def discard_run(*, actor: Actor, run: Run) -> Run:
    """Reject the plan a run waits with. Raises ``NotPossible`` unless it awaits approval."""
    _require_waiting(actor, run)
    return cancel_run(actor=actor, run=run)


def approve_run(*, actor: Actor, run: Run) -> Run:
    """Let a waiting run apply its plan. Raises ``NotPossible``: no module version asks for approval yet."""
    _require_waiting(actor, run)
    raise NotPossible("Approval is not offered yet.")


def _require_waiting(actor: Actor, run: Run) -> None:
    actor.require(Right.ORDER)
    if run.status != RunStatus.AWAITING_APPROVAL:
        raise NotPossible("This run does not wait for an approval.")


def _locked(actor: Actor, run: Run) -> Run:
    """The run, locked; run before resource before credit account is the order everywhere."""
    return Run.objects.visible_to(actor).select_for_update().get(pk=run.pk)


def _cancel_at_once(actor: Actor, run: Run) -> None:
    rows = Resource.objects.select_related("organization").defer("sealed_outputs")
    resource = rows.select_for_update(of=("self",)).get(pk=run.resource_id)
    run.resource = resource
    message = f"Canceled by {actor.label} before it started."
    explained = Explanation(message, UNTOUCHED, code="canceled")
    run.advance(RunStatus.CANCELED, cancel_requested_at=timezone.now(), error=explained.as_dict())
    events.append_event(run, "warning", "cancel", message, {})
    _put_back(run, resource)


def _put_back(run: Run, resource: Resource) -> None:
    """The resource and its hold as they were before the run was asked for."""
    previous = run.previous
    resource.status = previous.get("status") or ResourceStatus.FAILED
    if "inputs" in previous:
        resource.inputs, resource.region = previous["inputs"], previous["inputs"]["region"]
    if "hourly" in previous:
        resource.hourly_cost, resource.monthly_cost = Decimal(previous["hourly"]), Decimal(previous["monthly"])
    resource.save(update_fields=["status", "inputs", "region", "hourly_cost", "monthly_cost"])
    if run.operation not in {Operation.CREATE, Operation.UPDATE}:
        return  # the others reserve nothing
    if previous.get("hold") is None:
        billing.release_hold(organization=resource.organization, reference=resource.hold_reference)
        return
    with suppress(billing.NoOpenHold):  # an operator released it meanwhile
        # Never growing it: usage has eaten into it since, and without credit nothing could be canceled.
        billing.shrink_hold(
            organization=resource.organization, reference=resource.hold_reference, amount=Decimal(previous["hold"])
        )
