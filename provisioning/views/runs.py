from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import actor_of
from accounts.guards import requires
from accounts.models import Right
from provisioning import presenting, reading, services
from provisioning.filters import RunFilter
from provisioning.models import ResourceStatus, Run

PAGE_SIZE = 50
MAX_LINES = 5000  # of the log on the page; all of them are in the download
CHUNK = 500
STOP_POLLING = 286  # htmx's, and run-log.js's, sign that nothing more will come


@require_safe
@requires(Right.VIEW)
def run_list(request: HttpRequest) -> HttpResponse:
    """The organization's runs, newest first; HTMX refetches the table."""
    found = RunFilter(request.GET, reading.runs_of(actor_of(request)))
    page = Paginator(found.qs, PAGE_SIZE).get_page(request.GET.get("page"))
    is_part = getattr(request, "htmx", False)
    template = "provisioning/_run_table.html" if is_part else "provisioning/run_list.html"
    return render(request, template, {"filter": found, "page_obj": page})


@require_safe
@requires(Right.VIEW)
def run_detail(request: HttpRequest, pk: Any) -> HttpResponse:
    """One run with its log so far; run-log.js goes on from the last line shown."""
    run = _get(request, pk)
    context = presenting.run_context(run)
    newest = list(run.events.order_by("-seq")[:MAX_LINES])
    context["events"] = newest[::-1]
    context["can_retry"] = _can_retry(run)
    return render(request, "provisioning/run_detail.html", context)


@require_safe
@requires(Right.VIEW)
def events(request: HttpRequest, pk: Any) -> HttpResponse:
    """The same fragments the socket pushes, after ``?after=``: for pages that have no socket. 286 at the end."""
    run = _get(request, pk)
    given = request.GET.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
    found = list(run.events.after(after)[:CHUNK])
    has_all = run.has_ended and (found[-1].seq if found else after) >= run.last_seq
    html = presenting.render_events(found) + presenting.render_summary(run)
    return HttpResponse(html, status=STOP_POLLING if has_all else 200)


@require_safe
@requires(Right.VIEW)
def download(request: HttpRequest, pk: Any) -> StreamingHttpResponse:
    """The whole log as text."""
    run = _get(request, pk)
    response = StreamingHttpResponse(_lines(run), content_type="text/plain; charset=utf-8")
    filename = f"{run.resource.name}-{run.operation}-{str(run.pk)[:8]}.log"
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


@require_POST
@requires(Right.ORDER)
def cancel(request: HttpRequest, pk: Any) -> HttpResponse:
    """Stop the run, at once when it is still queued."""
    run = _get(request, pk)
    try:
        services.cancel_run(actor=actor_of(request), run=run)
    except services.NotPossible as refusal:
        messages.error(request, str(refusal))
    return redirect("provisioning:run-detail", run.pk)


def _get(request: HttpRequest, pk: Any) -> Run:
    return get_object_or_404(reading.runs_of(actor_of(request)), pk=pk)


def _can_retry(run: Run) -> bool:
    """Whether this is the run that left its resource failed."""
    if run.resource.status != ResourceStatus.FAILED:
        return False
    latest = reading.latest_run(run.resource)
    return latest is not None and latest.pk == run.pk


def _lines(run: Run) -> Iterator[str]:
    yield f"# {run.get_operation_display()} {run.resource.name}, run {run.pk}, {run.get_status_display().lower()}\n"
    for event in run.events.order_by("seq").iterator(CHUNK):
        yield f"{event.time.isoformat(timespec='milliseconds')} {event.level.upper():7} {event.message}\n"
