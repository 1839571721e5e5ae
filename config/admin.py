"""The first page operators see: what waits, who works, and for whom."""

from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import Organization
from provisioning.models import Resource, Run, RunStatus, Worker

from .health import WORKER_SILENCE

BUSIEST = 10


def environment(request: HttpRequest) -> list[str]:
    """Unfold's label in the corner: its text and its colour."""
    if settings.TRIAL:
        return ["Trial", "warning"]
    return ["Development", "info"] if settings.DEBUG else ["Production", "danger"]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds ``cards`` and ``tables`` for templates/admin/index.html."""
    counts = dict(Run.objects.order_by().values_list("status").annotate(Count("pk")))
    workers = Worker.objects.filter(stopped_at=None).order_by("-heartbeat_at")[:20]
    alive = [worker for worker in workers if timezone.now() - worker.heartbeat_at < WORKER_SILENCE]
    context["cards"] = [
        _card("Queued runs", counts.get(RunStatus.QUEUED, 0), "provisioning_run", "status__exact=queued"),
        _card("Runs at work", Run.objects.working().count(), "provisioning_run", ""),
        _card("Lost runs", counts.get(RunStatus.LOST, 0), "provisioning_run", "status__exact=lost"),
        _card("Workers alive", len(alive), "provisioning_worker", ""),
        _card("Live resources", Resource.objects.live().count(), "provisioning_resource", ""),
        _card("Tenants", Organization.objects.count(), "accounts_organization", ""),
    ]
    context["tables"] = [
        {"title": "Workers", "table": _workers(list(workers))},
        {"title": "Busiest tenants", "table": _tenants()},
    ]
    return context


def _card(title: str, value: int, model: str, query: str) -> dict[str, Any]:
    try:
        address = reverse(f"admin:{model}_changelist") + (f"?{query}" if query else "")
    except NoReverseMatch:  # not every model has a page in the admin
        address = ""
    return {"title": title, "value": value, "url": address}


def _workers(workers: list[Worker]) -> dict[str, Any]:
    now = timezone.now()
    rows = [
        [str(worker), worker.engine, worker.isolation, f"{(now - worker.heartbeat_at).total_seconds():.0f} s ago"]
        for worker in workers
    ]
    return {"headers": ["Worker", "Engine", "Isolation", "Heard of"], "rows": rows}


def _tenants() -> dict[str, Any]:
    waiting = Count("runs", filter=Q(runs__status=RunStatus.QUEUED))
    working = Count("runs", filter=Q(runs__status__in=["preparing", "planning", "applying"]))
    busiest = Organization.objects.annotate(waiting=waiting, working=working)
    rows = [
        [organization.name, organization.waiting, organization.working]
        for organization in busiest.filter(Q(waiting__gt=0) | Q(working__gt=0)).order_by("-waiting", "-working")[
            :BUSIEST
        ]
    ]
    return {"headers": ["Tenant", "Queued", "At work"], "rows": rows}
