"""What lists and pages read, each with a fixed number of queries however long the list is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import Prefetch

from .models import Resource, Run
from .models.resources import ResourceQuerySet
from .models.runs import RunQuerySet

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
