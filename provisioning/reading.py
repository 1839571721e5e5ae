"""What lists and pages read, each with a fixed number of queries however long the list is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import Prefetch

from clouds.models import Kind

from .models import LIVE_RESOURCE_STATUSES, Resource, Run, SizingProposal, SizingReading
from .models.resources import ResourceQuerySet
from .models.runs import RunQuerySet
from .models.sizing import SizingProposalQuerySet, SizingReadingQuerySet

if TYPE_CHECKING:
    from accounts.actors import Actor


def resources_of(actor: Actor) -> ResourceQuerySet:
    """The actor's resources with what a row shows: account, module version, and the latest run in ``latest_runs``."""
    newest = Run.objects.order_by("resource_id", "-queued_at", "-id").distinct("resource_id")
    return (
        Resource.objects.visible_to(actor)
        .select_related("cloud_account", "offering_version", "created_by")
        .defer("sealed_outputs", "cloud_account__credentials", "offering_version__manifest", "offering_version__schema")
        .prefetch_related(Prefetch("runs", queryset=newest, to_attr="latest_runs"))
    )


def runs_of(actor: Actor) -> RunQuerySet:
    """The actor's runs with the resource each is about."""
    return Run.objects.visible_to(actor).select_related("resource").defer("resource__sealed_outputs")


def latest_run(resource: Resource) -> Run | None:
    """The newest run, from :func:`resources_of` when it was used, else with one query."""
    found: Iterable[Run] | None = getattr(resource, "latest_runs", None)
    if found is None:
        return resource.runs.order_by("-queued_at", "-id").first()
    return next(iter(found), None)


def proposals_of(actor: Actor) -> SizingProposalQuerySet:
    """The actor's proposals of other sizes, with the resource each is about."""
    return SizingProposal.objects.visible_to(actor).select_related("resource").defer("resource__sealed_outputs")


def sizing_readings_of(actor: Actor) -> SizingReadingQuerySet:
    """What the latest look found of each of the actor's live machines, with its resource."""
    live = SizingReading.objects.visible_to(actor).filter(resource__status__in=LIVE_RESOURCE_STATUSES)
    return live.select_related("resource").defer("resource__sealed_outputs")


def has_machines(actor: Actor) -> bool:
    """Whether there is anything whose size could be looked at."""
    return Resource.objects.visible_to(actor).live().filter(kind=Kind.VM).exists()
