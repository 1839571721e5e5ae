"""What is on the shelf."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, serializers

from clouds.models import Kind, Offering, Provider


class OfferingSerializer(serializers.ModelSerializer[Offering]):
    version = serializers.CharField(source="current.version", read_only=True)
    title = serializers.CharField(source="current.title", read_only=True)
    summary = serializers.CharField(source="current.summary", read_only=True)
    inputs = serializers.DictField(
        source="current.schema", read_only=True, help_text="JSON Schema (2020-12) of `inputs` in POST /resources."
    )
    regions = serializers.ListField(source="current.regions", child=serializers.CharField(), read_only=True)

    class Meta:
        model = Offering
        fields = ["id", "kind", "provider", "version", "title", "summary", "inputs", "regions"]
        read_only_fields = fields


FILTERS = [
    OpenApiParameter("kind", OpenApiTypes.STR, enum=Kind.values),
    OpenApiParameter("provider", OpenApiTypes.STR, enum=Provider.values),
]


@extend_schema_view(get=extend_schema(operation_id="offerings_list", parameters=FILTERS))
class OfferingList(generics.ListAPIView[Offering]):
    """The offerings that can be ordered now, each with its current version's inputs."""

    queryset = Offering.objects.available()
    serializer_class = OfferingSerializer
    filterset_fields = ["kind", "provider"]
    ordering_fields = ["id", "kind", "provider"]


@extend_schema_view(get=extend_schema(operation_id="offerings_retrieve"))
class OfferingDetail(generics.RetrieveAPIView[Offering]):
    """One offering: `/offerings/aws/vm`."""

    queryset = Offering.objects.available()
    serializer_class = OfferingSerializer

    def get_object(self) -> Offering:
        queryset: QuerySet[Offering] = self.get_queryset()
        return get_object_or_404(queryset, provider=self.kwargs["provider"], kind=self.kwargs["kind"])


urlpatterns: list[Any] = [
    path("offerings", OfferingList.as_view(), name="offering-list"),
    path("offerings/<slug:provider>/<slug:kind>", OfferingDetail.as_view(), name="offering-detail"),
]
