from __future__ import annotations

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import mixins
from rest_framework.viewsets import GenericViewSet

from accounts.actors import actor_of
from accounts.models import AuditEvent, Right

from .serializers import AuditEventSerializer


class AuditFilter(filters.FilterSet):  # type: ignore[misc]
    actor = filters.CharFilter(field_name="actor_label", lookup_expr="icontains", max_length=255)
    action = filters.CharFilter(lookup_expr="istartswith", max_length=60)
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AuditEvent
        fields = ["actor", "action", "target_type", "target_id", "since", "until"]


class AuditViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[AuditEvent]):
    """Who did what, when, from where. Nothing in it can be changed."""

    queryset = AuditEvent.objects.all()
    serializer_class = AuditEventSerializer
    filterset_class = AuditFilter
    ordering_fields = ("created_at",)
    rights = {"GET": Right.MANAGE}

    def get_queryset(self) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.visible_to(actor_of(self.request))
