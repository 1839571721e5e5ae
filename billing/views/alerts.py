"""What was said about money, and whether it arrived."""

from __future__ import annotations

from typing import Any

import django_filters
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.actors import Actor, actor_of
from accounts.guards import requires
from accounts.models import Right
from billing.models import Alert, AlertKind, Budget, Severity

PAGE_SIZE = 25


class AlertPageFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    kind = django_filters.ChoiceFilter(choices=AlertKind.choices, empty_label="About anything")
    severity = django_filters.ChoiceFilter(choices=Severity.choices, empty_label="Any severity")
    budget = django_filters.ModelChoiceFilter(queryset=Budget.objects.none(), empty_label="Any budget")

    class Meta:
        model = Alert
        fields = ["kind", "severity", "budget"]

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["budget"].field.queryset = Budget.objects.visible_to(actor)


@require_safe
@requires(Right.VIEW)
def alert_list(request: HttpRequest) -> HttpResponse:
    """Everything that was said, newest first, narrowed by the query; HTMX refetches the list."""
    actor = actor_of(request)
    alerts = Alert.objects.visible_to(actor).select_related("budget").with_deliveries()
    found = AlertPageFilter(request.GET, alerts, actor=actor)
    context = {
        "filter": found,
        "page_obj": Paginator(found.qs, PAGE_SIZE).get_page(request.GET.get("page")),
        "is_narrowed": any(request.GET.get(name) for name in ("kind", "severity", "budget")),
    }
    is_part = getattr(request, "htmx", False)
    return render(request, "billing/_alert_table.html" if is_part else "billing/alert_list.html", context)
