"""Days that cost more than usual, why, and who has seen it."""

from __future__ import annotations

from typing import Any

import django_filters
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import actor_of
from accounts.guards import requires
from accounts.models import Right
from billing import anomalies
from billing.models import AnomalyCause, AnomalyStatus, CostAnomaly

PAGE_SIZE = 25
NARROWING = ("status", "cause")


class AnomalyPageFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    status = django_filters.ChoiceFilter(choices=AnomalyStatus.choices, empty_label="Seen or not")
    cause = django_filters.ChoiceFilter(choices=AnomalyCause.choices, empty_label="Any cause")

    class Meta:
        model = CostAnomaly
        fields = ["status", "cause"]


@require_safe
@requires(Right.VIEW)
def anomaly_list(request: HttpRequest) -> HttpResponse:
    """Every unusual cost, newest first, narrowed by the query; HTMX refetches the list."""
    actor = actor_of(request)
    rows = CostAnomaly.objects.visible_to(actor).select_related("account", "acknowledged_by")
    found = AnomalyPageFilter(request.GET, rows)
    context = {
        "filter": found,
        "page_obj": Paginator(found.qs, PAGE_SIZE).get_page(request.GET.get("page")),
        "is_narrowed": any(request.GET.get(name) for name in NARROWING),
        "may_acknowledge": actor.may(Right.ORDER),
    }
    is_part = getattr(request, "htmx", False)
    return render(request, "billing/_anomaly_table.html" if is_part else "billing/anomaly_list.html", context)


@require_POST
@requires(Right.ORDER)
def anomaly_acknowledge(request: HttpRequest, pk: Any) -> HttpResponse:
    """Note that it was seen, and show that."""
    actor = actor_of(request)
    found = get_object_or_404(CostAnomaly.objects.visible_to(actor), pk=pk)
    anomaly = anomalies.acknowledge(actor=actor, anomaly=found)
    if getattr(request, "htmx", False):
        return render(request, "billing/_anomaly.html", {"anomaly": anomaly, "may_acknowledge": True})
    return redirect("billing:anomaly-list")
