"""/billing/anomalies: days that cost more than usual, and why."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.actors import actor_of
from billing import anomalies
from billing.models import AnomalyCause, AnomalyScope, AnomalyStatus, CostAnomaly

TAGS = ["billing"]


class AnomalyFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    status = django_filters.ChoiceFilter(choices=AnomalyStatus.choices)
    scope = django_filters.ChoiceFilter(choices=AnomalyScope.choices)
    cause = django_filters.ChoiceFilter(choices=AnomalyCause.choices)
    to = django_filters.DateFilter(field_name="day", lookup_expr="lte")

    class Meta:
        model = CostAnomaly
        fields: ClassVar = ["status", "scope", "cause"]


# "from" is a word of Python's.
AnomalyFilter.base_filters["from"] = django_filters.DateFilter(field_name="day", lookup_expr="gte")


class AnomalousResourceSerializer(serializers.Serializer[Any]):
    reference = serializers.CharField(help_text="`resource:<id>`")
    name = serializers.CharField()
    provider = serializers.CharField()
    kind = serializers.CharField()
    expected = serializers.DecimalField(24, 6)
    actual = serializers.DecimalField(24, 6)
    excess = serializers.DecimalField(24, 6)
    cause = serializers.ChoiceField(choices=AnomalyCause.choices)
    text = serializers.CharField(help_text='The cause in words, after the name: "is new: t3.large, since 2 Jun".')


class AnomalySerializer(serializers.ModelSerializer[CostAnomaly]):
    currency = serializers.CharField(source="account.currency", read_only=True)
    resources = AnomalousResourceSerializer(source="detail.resources", many=True, read_only=True)
    others = serializers.IntegerField(
        source="detail.others", read_only=True, help_text="Further resources that cost more than usual."
    )
    acknowledged_by = serializers.EmailField(source="acknowledged_by.email", default=None, read_only=True)

    class Meta:
        model = CostAnomaly
        fields: ClassVar = [
            "id",
            "day",
            "scope",
            "value",
            "label",
            "expected",
            "actual",
            "excess",
            "currency",
            "cause",
            "resources",
            "others",
            "status",
            "acknowledged_by",
            "acknowledged_at",
            "created_at",
        ]
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(summary="Days that cost more than usual, and why; newest first", tags=TAGS),
    retrieve=extend_schema(summary="One such day", tags=TAGS),
)
class AnomalyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[CostAnomaly]):
    serializer_class = AnomalySerializer
    queryset = CostAnomaly.objects.none()
    lookup_value_converter = "uuid"
    filterset_class = AnomalyFilter
    ordering_fields: ClassVar = ["day", "excess", "created_at"]
    ordering: ClassVar = ["-day", "-excess", "pk"]

    def get_queryset(self) -> QuerySet[CostAnomaly]:
        return CostAnomaly.objects.visible_to(actor_of(self.request)).select_related("account", "acknowledged_by")

    @extend_schema(summary="Say that it was seen", request=None, responses=AnomalySerializer, tags=TAGS)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        found = anomalies.acknowledge(actor=actor_of(request), anomaly=self.get_object())
        return Response(self.get_serializer(found).data)
