"""Queuing stops and starts of machines: on request, and by the operator's policy for tenants without credit.

Below ``services``, since the worker's tick asks for stops too. Whether an actor may is checked by who calls.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.actors import Actor, system_actor
from billing import credit
from billing.models import Account
from clouds.models import Kind

from . import events
from .models import Operation, Resource, ResourceStatus, Run, RunStatus
from .tags import tags_for

log = structlog.get_logger(__name__)
RETRY = timedelta(hours=1)  # after a stop that failed; one that was canceled is asked for again at once
FROM = {Operation.STOP: ResourceStatus.ACTIVE, Operation.START: ResourceStatus.STOPPED}


def queue(*, actor: Actor, resource: Resource, operation: Operation, reason: str = "") -> Run:
    """Write the run that stops or starts ``resource``, whose row the caller has locked and seen to be idle.

    The caller also tells open pages of it, and wakes a worker.
    """
    run = Run.objects.create(
        organization=resource.organization,
        resource=resource,
        operation=operation,
        inputs=resource.inputs,
        tags=tags_for(resource, operation),
        previous={"status": resource.status},
        created_by=actor.user,
        created_by_label=actor.label,
        request_id=actor.request_id,
    )
    resource.status = ResourceStatus.UPDATING
    resource.save(update_fields=["status"])
    audit.record(actor, f"resource.{operation}", resource, run=str(run.pk), reason=reason)
    return run


def stop_without_credit(now: datetime | None = None) -> int:
    """Stop the running machines of tenants whose policy says so and whose credit has been used up for the grace period
    (``CREDIT_STOP_GRACE_HOURS``). Nothing is ever destroyed. Returns how many runs were queued.
    """
    now = now or timezone.now()
    before = now - timedelta(hours=settings.CREDIT_STOP_GRACE_HOURS)
    return sum(_stop_all(account, now) for account in credit.to_be_stopped(used_up_before=before))


def _stop_all(account: Account, now: datetime) -> int:
    running = Resource.objects.filter(
        organization=account.organization, kind=Kind.VM, status=ResourceStatus.ACTIVE
    ).values_list("pk", flat=True)
    return sum(_stop(account, pk, now) for pk in running)


@transaction.atomic
def _stop(account: Account, pk: UUID, now: datetime) -> bool:
    """False when something else is being done to it, or a stop failed a moment ago: a later tick looks again."""
    locked = Resource.objects.select_related("organization").defer("sealed_outputs")
    resource = locked.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
    if resource is None or resource.status != ResourceStatus.ACTIVE or resource.runs.live().exists():
        return False
    failed = resource.runs.filter(operation=Operation.STOP, status__in=[RunStatus.FAILED, RunStatus.LOST])
    if failed.filter(finished_at__gt=now - RETRY).exists():
        return False
    actor = system_actor(account.organization)
    queue(actor=actor, resource=resource, operation=Operation.STOP, reason="the credit is used up")
    transaction.on_commit(partial(events.announce_resource, account.organization_id, resource.pk), robust=True)
    log.warning("a machine is stopped: the credit is used up", resource=str(resource.pk))
    return True
