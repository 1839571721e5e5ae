from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor, actor_of
from accounts.guards import requires
from accounts.models import Right
from billing import costs
from billing import services as billing
from billing.comparing import Comparison, compare
from billing.services import NotAffordable
from clouds import catalogue
from clouds.inputs import tags_as_text
from provisioning import presenting, reading, services, state
from provisioning.filters import ResourcePageFilter
from provisioning.forms import ConfirmNameForm, TagsForm
from provisioning.models import Resource, ResourceStatus, Run

PAGE_SIZE = 50


@require_safe
@requires(Right.VIEW)
def resource_list(request: HttpRequest) -> HttpResponse:
    """The organization's resources, narrowed by the query; HTMX refetches the table."""
    actor = actor_of(request)
    found = ResourcePageFilter(request.GET, reading.resources_of(actor))
    page = Paginator(found.qs, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "filter": found,
        "page_obj": page,
        "has_any": bool(page.paginator.count) or Resource.objects.visible_to(actor).exists(),
    }
    is_part = getattr(request, "htmx", False)
    return render(
        request, "provisioning/_resource_table.html" if is_part else "provisioning/resource_list.html", context
    )


@require_safe
@requires(Right.VIEW)
def resource_detail(request: HttpRequest, pk: Any) -> HttpResponse:
    """One resource; HTMX refetches the part that changes."""
    actor = actor_of(request)
    resource = _get(actor, pk)
    is_part = getattr(request, "htmx", False)
    template = "provisioning/_resource.html" if is_part else "provisioning/resource_detail.html"
    return render(request, template, _detail(actor, resource, reveals="reveal" in request.GET))


@require_http_methods(["GET", "POST"])
@requires(Right.ORDER)
def destroy(request: HttpRequest, pk: Any) -> HttpResponse:
    """Ask for the name, then queue a run that destroys what the resource made."""
    resource = _get(actor_of(request), pk)
    form = ConfirmNameForm(request.POST or None, name=resource.name)
    if request.method == "POST" and form.is_valid():
        try:
            run = services.request_destroy(actor=actor_of(request), resource=resource)
        except services.Refused as refusal:
            return _refused(request, resource, refusal)
        return redirect("provisioning:run-detail", run.pk)
    return _confirm(request, "provisioning/resource_destroy.html", resource, form)


@require_http_methods(["GET", "POST"])
@requires(Right.ORDER)
def forget(request: HttpRequest, pk: Any) -> HttpResponse:
    """Ask for the name, then let go of the resource; its cloud objects stay and are listed."""
    resource = _get(actor_of(request), pk)
    form = ConfirmNameForm(request.POST or None, name=resource.name)
    if request.method == "POST" and form.is_valid():
        try:
            services.forget(actor=actor_of(request), resource=resource)
        except services.Refused as refusal:
            return _refused(request, resource, refusal)
        messages.success(request, f"{resource.name} was forgotten. Its cloud objects, if any, were left as they are.")
        return redirect("provisioning:resource-detail", resource.pk)
    return _confirm(request, "provisioning/resource_forget.html", resource, form)


@require_POST
@requires(Right.ORDER)
def retry(request: HttpRequest, pk: Any) -> HttpResponse:
    """Queue again what failed."""
    return _queued(request, pk, services.retry)


@require_POST
@requires(Right.ORDER)
def detect_drift(request: HttpRequest, pk: Any) -> HttpResponse:
    """Queue a run that compares the resource with the cloud."""
    return _queued(request, pk, services.detect_drift)


@require_POST
@requires(Right.ORDER)
def stop(request: HttpRequest, pk: Any) -> HttpResponse:
    """Queue a run that stops a machine; its disk and address stay."""
    return _queued(request, pk, services.request_stop)


@require_POST
@requires(Right.ORDER)
def start(request: HttpRequest, pk: Any) -> HttpResponse:
    """Queue a run that starts a stopped machine."""
    return _queued(request, pk, services.request_start)


@require_POST
@requires(Right.ORDER)
def tags(request: HttpRequest, pk: Any) -> HttpResponse:
    """Give the resource the tags in the form; what is wrong with them is shown beside it."""
    actor = actor_of(request)
    resource = _get(actor, pk)
    form = TagsForm(request.POST)
    if not form.is_valid():
        context = {**_detail(actor, resource, reveals=False), "tags_form": form}
        return render(request, "provisioning/resource_detail.html", context, status=422)
    services.set_tags(actor=actor, resource=resource, tags=form.cleaned_data["tags"])
    return redirect("provisioning:resource-detail", resource.pk)


@require_safe
@requires(Right.ORDER)
def kubeconfig(request: HttpRequest, pk: Any) -> HttpResponse:
    """The cluster's kubeconfig as a file. Every download is audited."""
    resource = _get(actor_of(request), pk)
    try:
        text = services.read_kubeconfig(actor=actor_of(request), resource=resource)
    except services.NoKubeconfig as none:
        return _refused(request, resource, none)
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{resource.name}.kubeconfig"'
    response["Cache-Control"] = "no-store"
    return response


def _queued(request: HttpRequest, pk: Any, service: Callable[..., Run]) -> HttpResponse:
    resource = _get(actor_of(request), pk)
    try:
        run = service(actor=actor_of(request), resource=resource)
    except (services.Refused, NotAffordable) as refusal:
        return _refused(request, resource, refusal)
    return redirect("provisioning:run-detail", run.pk)


def _get(actor: Actor, pk: Any) -> Resource:
    return get_object_or_404(reading.resources_of(actor), pk=pk)


def _refused(request: HttpRequest, resource: Resource, refusal: Exception) -> HttpResponse:
    messages.error(request, str(refusal))
    return redirect("provisioning:resource-detail", resource.pk)


def _confirm(request: HttpRequest, template: str, resource: Resource, form: ConfirmNameForm) -> HttpResponse:
    version = services.version_by_id(resource.offering_version_id)
    context = {
        "resource": resource,
        "form": form,
        "objects": state.objects_of(resource),
        "warning": version.manifest.get("destroy_warning", ""),
    }
    return render(request, template, context, status=422 if form.errors else 200)


def _detail(actor: Actor, resource: Resource, *, reveals: bool) -> dict[str, Any]:
    run = reading.latest_run(resource)
    version = services.version_by_id(resource.offering_version_id)
    has_failed = resource.status == ResourceStatus.FAILED
    return {
        "resource": resource,
        "tags_form": TagsForm(initial={"tags": tags_as_text(resource.tags)}),
        "version": version,
        "run": run,
        "outputs": _outputs(actor, resource, reveals=reveals),
        "inputs": presenting.labelled_inputs(version, resource.inputs),
        "runs": Run.objects.visible_to(actor).filter(resource=resource)[:20],
        "proposal": services.open_proposal(resource) if resource.is_live else None,
        "held": services.held_for(resource),
        "stopped_monthly": services.stopped_monthly(resource) if resource.status == ResourceStatus.STOPPED else None,
        "failure": run.error if run is not None and has_failed else None,
        "has_vanished": services.has_vanished(resource),
        "is_idle": run is None or run.has_ended,
        "comparisons": _comparisons(resource),
        "objects_left": state.objects_of(resource) if resource.status == ResourceStatus.ORPHANED else [],
    }


def _comparisons(resource: Resource) -> list[tuple[str, Comparison]]:
    """Estimate, metered and billed of this month and the last one, where it ran then."""
    account = billing.account_of(resource.organization)
    today = timezone.now().date()
    this, last = costs.Period(today.replace(day=1), today), costs.month_of(today.replace(day=1) - costs.DAY)
    known = [
        (name, compare(account, period, reference=resource.hold_reference))
        for name, period in ((f"{today:%B} so far", this), (f"{last.first:%B}", last))
    ]
    return [(name, comparison) for name, comparison in known if comparison.rows]


def _outputs(actor: Actor, resource: Resource, *, reveals: bool) -> list[dict[str, Any]]:
    """Outputs in the manifest's order; sensitive ones are read only when asked for, by who may, and audited."""
    version = services.version_by_id(resource.offering_version_id)
    specs = catalogue.output_specs(version)
    has_sealed = any(spec.is_sensitive for spec in specs)
    may_reveal = has_sealed and reveals and actor.may(Right.ORDER)
    values = services.read_outputs(actor=actor, resource=resource) if may_reveal else resource.outputs
    return (
        [
            {"spec": spec, "value": values.get(spec.name), "is_hidden": spec.is_sensitive and spec.name not in values}
            for spec in specs
            if spec.is_sensitive or values.get(spec.name) not in (None, "")
        ]
        if resource.activated_at
        else []
    )
