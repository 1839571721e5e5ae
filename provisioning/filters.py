"""How lists are narrowed: the same query parameters for pages and API."""

from __future__ import annotations

import re
from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from clouds.models import Kind, Provider

from .models import LIVE_RESOURCE_STATUSES, Operation, Resource, ResourceStatus, Run, RunStatus


class Ordering(django_filters.OrderingFilter):  # type: ignore[misc]  # django-filter has no types
    """The primary key decides between equals, so that no page repeats a row."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        ordered: QuerySet[Any] = super().filter(qs, value)
        return ordered.order_by(*ordered.query.order_by, "pk") if value else ordered


class TagFilter(django_filters.CharFilter):  # type: ignore[misc]  # django-filter has no types
    """A tag with its value ("team=data") or its name alone ("team"); all of several, separated by commas."""

    def __init__(self) -> None:
        super().__init__(max_length=400, label="Tag, such as team=data, or its name alone")

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        for part in filter(None, re.split(r"[\s,;]+", value or "")):
            name, equals, wanted = part.partition("=")
            qs = qs.filter(tags__contains={name: wanted}) if equals else qs.filter(tags__has_key=name)
        return qs


class ResourceFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    kind = django_filters.ChoiceFilter(choices=Kind.choices, empty_label="Every kind")
    provider = django_filters.ChoiceFilter(choices=Provider.choices, empty_label="Every cloud")
    status = django_filters.MultipleChoiceFilter(choices=ResourceStatus.choices)
    region = django_filters.CharFilter(max_length=40)
    tag = TagFilter()
    search = django_filters.CharFilter(method="filter_search", label="Part of the name, region or an output")
    ordering = Ordering(fields=["name", "status", "kind", "provider", "region", "created_at", "monthly_cost"])

    class Meta:
        model = Resource
        fields = ["kind", "provider", "status", "region"]

    def filter_search(self, queryset: QuerySet[Resource], _name: str, value: str) -> QuerySet[Resource]:
        """Every word must be found in the name, the region, the type's name or a plain output (an IP address)."""
        for word in value.split()[:8]:
            queryset = queryset.filter(
                Q(name__icontains=word) | Q(region__icontains=word) | Q(outputs__icontains=word) | Q(kind__iexact=word)
            )
        return queryset


class ResourcePageFilter(ResourceFilter):
    """As the API's, with one choice of status and without what is gone unless it is asked for."""

    status = django_filters.ChoiceFilter(
        choices=[("all", "Any status, gone ones too"), *ResourceStatus.choices],
        empty_label="Live ones",
        method="filter_status",
    )

    def filter_status(self, queryset: QuerySet[Resource], _name: str, value: str) -> QuerySet[Resource]:
        return queryset if value == "all" else queryset.filter(status=value)

    def filter_queryset(self, queryset: QuerySet[Resource]) -> QuerySet[Resource]:
        if not self.form.cleaned_data.get("status"):
            queryset = queryset.filter(status__in=LIVE_RESOURCE_STATUSES)
        found: QuerySet[Resource] = super().filter_queryset(queryset)
        return found


class RunFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    status = django_filters.ChoiceFilter(choices=RunStatus.choices, empty_label="Any status")
    operation = django_filters.ChoiceFilter(choices=Operation.choices, empty_label="Every operation")
    resource = django_filters.UUIDFilter(field_name="resource_id")
    ordering = Ordering(fields=["queued_at", "started_at", "finished_at", "status"])

    class Meta:
        model = Run
        fields = ["status", "operation", "resource"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["resource"].label = "Resource"
