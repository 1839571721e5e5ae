"""Whether what is held and metered is there: holds and meters against resources; ``billing.books`` does the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat

from accounts.models import AuditEvent
from billing.books import Check
from billing.models import BilledResource, Hold, Meter

from .models import LIVE_RESOURCE_STATUSES, Operation, Resource, ResourceStatus, Run, StateVersion

PAID = (Operation.CREATE, Operation.UPDATE)  # runs that hold credit for what they make
LIVE = Q(status__in=LIVE_RESOURCE_STATUSES)
EXISTS = Q(activated_at__isnull=False) | Q(objects_count__gt=0)
# What a lost run left, or a destroy that failed, may be in the cloud though no state says so.
MAY_EXIST = EXISTS | Q(needs_adoption=True) | Q(was_being_destroyed=True)


def _resources() -> QuerySet[Any]:
    """Every resource with its reference, how many objects its newest state has, and what its runs say of it."""
    runs = Run.objects.filter(resource=OuterRef("pk"))
    newest = StateVersion.objects.filter(resource=OuterRef("pk")).order_by("-serial").values("objects_count")[:1]
    return Resource.objects.annotate(
        reference=Concat(Value("resource:"), Cast("pk", TextField()), output_field=TextField()),
        objects_count=Coalesce(Subquery(newest), 0),
        is_being_made=Exists(runs.live().filter(operation__in=PAID)),
        was_being_destroyed=Exists(runs.filter(operation=Operation.DESTROY)),
    ).defer("sealed_outputs")


def _named(reference: str) -> QuerySet[Any]:
    """The resource that a row of billing's with an account stands for; its reference is at ``reference``."""
    return _resources().filter(reference=OuterRef(reference), organization=OuterRef("account__organization"))


def _holds_for_nothing() -> Iterator[str]:
    """Open holds of what is gone, and of what was never made and is not being made either."""
    there = _named("reference").filter(LIVE, MAY_EXIST | Q(is_being_made=True))
    holds = Hold.objects.open().filter(~Exists(there)).select_related("account__organization")
    for hold in holds.iterator():
        yield f"{hold.account.organization}: {hold.amount} is held for {hold.reference}, which does not exist"


def _missing_holds() -> Iterator[str]:
    """What costs and has no hold. Where an operator released one by hand, that is meant."""
    holds = Hold.objects.open().filter(account__organization=OuterRef("organization"), reference=OuterRef("reference"))
    costly = _resources().filter(LIVE, EXISTS | Q(is_being_made=True), ~Exists(holds), hourly_cost__gt=0)
    for resource in costly.select_related("organization").iterator():
        if not _was_released(resource):
            yield f"{resource.organization}: nothing is held for {resource} ({resource.reference})"


def _was_released(resource: Any) -> bool:
    by_hand = AuditEvent.objects.filter(organization=resource.organization, action="hold.release")
    return by_hand.filter(data__reference=resource.reference).exists()


def _meters_of_nothing() -> Iterator[str]:
    """Meters that still run, or will yet book what came after the end, of something that is not there."""
    there = _named("resource__reference").filter(LIVE, activated_at__isnull=False)
    gone = Subquery(_named("resource__reference").values("gone_at")[:1])
    late = Q(ends_at__gt=F("metered_until")) & Q(ends_at__gt=F("gone_at"))
    meters = Meter.objects.annotate(gone_at=gone).filter(late | (Q(ends_at=None) & ~Exists(there)))
    for meter in meters.select_related("resource", "account__organization").iterator():
        name = f"{meter.resource} ({meter.resource.reference})"
        yield f"{meter.account.organization}: {meter.label} of {name} is metered, which does not exist any more"


def _bills_for_failures() -> Iterator[str]:
    """What was billed and never became active: failed creates cost nothing."""
    never = _named("reference").filter(activated_at=None)
    for billed in BilledResource.objects.filter(Exists(never)).select_related("account__organization").iterator():
        yield f"{billed.account.organization}: {billed} ({billed.reference}) is billed and was never active"


def _missing_meters() -> Iterator[str]:
    """What exists, costs and is not metered. A stopped one may have nothing left that costs."""
    running = Meter.objects.running().filter(
        account__organization=OuterRef("organization"), resource__reference=OuterRef("reference")
    )
    existing = _resources().exclude(status=ResourceStatus.STOPPED).filter(LIVE, activated_at__isnull=False)
    unmetered = existing.filter(~Exists(running), hourly_cost__gt=0)
    for resource in unmetered.select_related("organization").iterator():
        yield f"{resource.organization}: nothing is metered of {resource} ({resource.reference})"


CHECKS = (
    Check("holds", _holds_for_nothing),
    Check("missing holds", _missing_holds),
    Check("meters of what is gone", _meters_of_nothing),
    Check("failed creates", _bills_for_failures),
    Check("missing meters", _missing_meters),
)
