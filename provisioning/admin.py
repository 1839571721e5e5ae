"""Operators' view of the engine: resources, runs with their log, state versions without their body, workers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django_dramatiq.models import Task
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts.admin import ReadOnlyModelAdmin
from billing.money import plain
from billing.quotes import PriceMissing
from billing.services import NotAffordable
from clouds.inputs import InvalidInputs

from . import services
from .models import WORKING_RUN_STATUSES, Resource, Run, RunEvent, RunStatus, StateVersion, Worker
from .services import Repricing

SHOWN_EVENTS = 200
Deed = Callable[[Any], object]

admin.site.unregister(Task)  # the row of a run is the job; messages only ring the bell and are not kept

RESOURCE_TONES = {"active": "success", "failed": "danger", "orphaned": "warning", "destroyed": "info"}
RUN_TONES = {"succeeded": "success", "failed": "danger", "lost": "danger", "canceled": "warning", "queued": "info"}


class ReadOnlyInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    extra = 0
    can_delete = False
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return list(self.fields or [])

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RunInline(ReadOnlyInline):
    model = Run
    fields: ClassVar = ["operation", "status", "queued_at", "finished_at", "created_by_label"]


class RunEventInline(ReadOnlyInline):
    """The newest lines of the log; all of them are on the run's page."""

    model = RunEvent
    fields: ClassVar = ["seq", "time", "level", "kind", "message"]
    ordering: ClassVar = ["-seq"]
    show_change_link = False
    hide_title = True
    verbose_name_plural = f"Newest {SHOWN_EVENTS} log lines"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RunEvent]:
        """Only the newest lines of the run that is looked at."""
        events: QuerySet[RunEvent] = super().get_queryset(request)
        looked_at = request.resolver_match.kwargs.get("object_id", "") if request.resolver_match else ""
        newest = events.filter(run_id=str(looked_at)).order_by("-seq").values("pk")[:SHOWN_EVENTS]
        return events.filter(pk__in=newest)


class StateVersionInline(ReadOnlyInline):
    model = StateVersion
    fields: ClassVar = ["serial", "objects_count", "sha256", "created_at"]
    show_change_link = False
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[StateVersion]:
        states: QuerySet[StateVersion] = super().get_queryset(request).defer("body")
        return states


class EngineAdmin(ReadOnlyModelAdmin):
    def apply(self, request: HttpRequest, rows: QuerySet[Any], deed: Deed, done: str) -> None:
        """Do ``deed`` to each row and say how it went; the service audits."""
        count = 0
        for row in rows:
            try:
                deed(row)
            except (services.Refused, NotAffordable, InvalidInputs, PriceMissing) as refusal:
                messages.warning(request, f"{row}: {refusal}")
            else:
                count += 1
        if count:
            messages.success(request, f"{count} {done}.")


@admin.register(Resource)
class ResourceAdmin(EngineAdmin):
    list_display: ClassVar = [
        "name",
        "organization",
        "shown_status",
        "kind",
        "provider",
        "region",
        "monthly_cost",
        "created_at",
    ]
    list_filter: ClassVar = ["status", "kind", "provider", "needs_adoption", "created_at"]
    list_select_related: ClassVar = ["organization"]
    search_fields: ClassVar = ["id", "name", "organization__name", "organization__slug"]
    exclude: ClassVar = ["sealed_outputs"]
    inlines: ClassVar = [RunInline, StateVersionInline]
    actions: ClassVar = ["retry", "reprice"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Resource]:
        resources: QuerySet[Resource] = super().get_queryset(request).defer("sealed_outputs")
        return resources

    @display(description="Status", ordering="status", label=RESOURCE_TONES)  # type: ignore[untyped-decorator]
    def shown_status(self, resource: Resource) -> tuple[str, str]:
        return resource.status, resource.get_status_display()

    @admin.action(description="Try again what failed", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Resource]) -> None:
        rows = queryset.select_related("organization")
        self.apply(
            request,
            rows,
            lambda row: services.retry(actor=self.actor(request, row.organization), resource=row),
            "queued again",
        )

    @admin.action(description="Price anew from now on", permissions=["operate"])
    def reprice(self, request: HttpRequest, queryset: QuerySet[Resource]) -> HttpResponse | None:
        """Show what today's prices would make of what runs; once that was seen, let it cost that from now on."""
        rows = queryset.select_related("organization", "cloud_account").defer("cloud_account__credentials")
        if "agree" not in request.POST:
            return self._show_repricing(request, rows)
        self.apply(
            request,
            rows,
            lambda row: services.reprice(actor=self.actor(request, row.organization), resource=row),
            "looked at; what is used from now on costs today's prices",
        )
        return None

    def _show_repricing(self, request: HttpRequest, rows: QuerySet[Resource]) -> HttpResponse:
        found: list[Repricing] = []
        left: list[str] = []
        for row in rows.order_by("organization__name", "name"):
            try:
                found += filter(None, [services.repricing_of(row)])
            except (services.Refused, PriceMissing) as refusal:
                left.append(f"{row}: {refusal}")
        context = {
            **self.admin_site.each_context(request),
            "title": "Price anew what runs",
            "opts": self.opts,
            "selected": request.POST.getlist("_selected_action"),
            "select_across": request.POST.get("select_across", "0"),
            "table": _table_of(found),
            "left": left,
            "before": sum((one.monthly_before for one in found), Decimal(0)),
            "after": sum((one.quoted.monthly for one in found), Decimal(0)),
        }
        return TemplateResponse(request, "admin/provisioning/reprice.html", context)


def _table_of(found: list[Repricing]) -> dict[str, Any]:
    """Every line that would change, for unfold's table."""
    headers = ["Tenant", "Resource", "SKU", "Unit price now", "then", "Month now", "then", "Difference"]
    rows = [
        [
            str(one.resource.organization),
            one.resource.name,
            line.sku,
            "–" if line.before is None else plain(line.before),
            "–" if line.after is None else plain(line.after),
            f"{line.monthly_before:.2f}",
            f"{line.monthly:.2f}",
            f"{line.monthly - line.monthly_before:+.2f}",
        ]
        for one in found
        for line in one.lines
    ]
    return {"headers": headers, "rows": rows}


@admin.register(Run)
class RunAdmin(EngineAdmin):
    list_display: ClassVar = [
        "what",
        "organization",
        "shown_status",
        "queued_at",
        "started_at",
        "finished_at",
        "worker",
    ]
    list_filter: ClassVar = ["status", "operation", "queued_at"]
    list_select_related: ClassVar = ["organization", "resource", "worker"]
    search_fields: ClassVar = ["id", "resource__name", "organization__name", "request_id"]
    exclude: ClassVar = ["request_fingerprint"]
    inlines: ClassVar = [RunEventInline]
    actions: ClassVar = ["cancel", "retry"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        runs: QuerySet[Run] = super().get_queryset(request).defer("resource__sealed_outputs")
        return runs

    @admin.display(description="Run", ordering="resource__name")
    def what(self, run: Run) -> str:
        return f"{run.get_operation_display()} {run.resource.name}"

    @display(description="Status", ordering="status", label=RUN_TONES)  # type: ignore[untyped-decorator]
    def shown_status(self, run: Run) -> tuple[str, str]:
        return run.status, run.get_status_display()

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self.apply(
            request,
            queryset,
            lambda run: services.cancel_run(actor=self.actor(request, run.organization), run=run),
            "canceled or asked to stop",
        )

    @admin.action(description="Try again what failed", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self.apply(
            request,
            queryset,
            lambda run: services.retry(actor=self.actor(request, run.organization), resource=run.resource),
            "queued again",
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with the depth of the queue in its title."""
        counts = dict(Run.objects.live().order_by().values_list("status").annotate(Count("pk")))
        waiting = counts.pop(RunStatus.QUEUED, 0)
        title = f"Runs: {waiting} waiting, {sum(counts.values())} working"
        return super().changelist_view(request, {**(extra_context or {}), "title": title})


@admin.register(StateVersion)
class StateVersionAdmin(ReadOnlyModelAdmin):
    """Which states there are. Their body is nobody's to read here."""

    list_display: ClassVar = ["resource", "serial", "objects_count", "run", "created_at"]
    list_select_related: ClassVar = ["resource", "run"]
    search_fields: ClassVar = ["resource__name", "resource__id"]
    exclude: ClassVar = ["body"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StateVersion]:
        states: QuerySet[StateVersion] = super().get_queryset(request).defer("body", "resource__sealed_outputs")
        return states


@admin.register(Worker)
class WorkerAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = [
        "__str__", "engine", "isolation", "concurrency", "working", "started_at", "heartbeat_at", "stopped_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["stopped_at", "isolation"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        workers: QuerySet[Worker] = super().get_queryset(request)
        return workers.annotate(working_now=Count("runs", filter=Q(runs__status__in=WORKING_RUN_STATUSES)))

    @admin.display(description="Runs now")
    def working(self, worker: Worker) -> int:
        return int(getattr(worker, "working_now", 0))
