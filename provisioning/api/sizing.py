"""/sizing: which machines another size would fit better, and what was read of each."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from accounts.actors import actor_of
from provisioning import reading, services
from provisioning.models import SizingDirection, SizingProposal, SizingReading, SizingStatus, SizingVerdict

from .refusals import refusals_as_problems

MAX_REASON = 300


class UsedSerializer(serializers.Serializer[Any]):
    """One metric over the window: percent, or bytes per second of the network."""

    mean = serializers.FloatField()
    p95 = serializers.FloatField(help_text="For 95 % of the time, the mean of five minutes was at or below this.")
    max = serializers.FloatField(help_text="The highest minute.")
    hours = serializers.IntegerField(help_text="How many hours of the window have data.")


class FiguresSerializer(serializers.Serializer[Any]):
    """What a cloud has no data of is missing."""

    cpu = UsedSerializer(required=False)
    memory = UsedSerializer(required=False, help_text="Percent used; only where the machine reports it.")
    network_in = UsedSerializer(required=False)
    network_out = UsedSerializer(required=False)


class ExpectedSerializer(serializers.Serializer[Any]):
    cpu_p95 = serializers.FloatField(help_text="Percent of the proposed machine.")
    memory_p95 = serializers.FloatField(allow_null=True)


class ProposalFiguresSerializer(FiguresSerializer):
    expected = ExpectedSerializer()
    confidence = serializers.ChoiceField(["high", "medium", "low"])


@extend_schema_field(ProposalFiguresSerializer)
class ProposalFiguresField(serializers.JSONField):
    """As it was stored."""


@extend_schema_field(FiguresSerializer)
class FiguresField(serializers.JSONField):
    """As it was stored."""


class SizingProposalSerializer(serializers.ModelSerializer[SizingProposal]):
    """``from`` and ``to`` are the inputs that differ: PATCH the resource with ``to`` to follow the proposal."""

    resource = serializers.UUIDField(source="resource_id", read_only=True)
    resource_name = serializers.CharField(source="resource.name", read_only=True)
    status = serializers.ChoiceField(SizingStatus.choices, read_only=True)
    direction = serializers.ChoiceField(SizingDirection.choices, read_only=True)
    to = serializers.DictField(source="to_inputs", read_only=True)
    window_start = serializers.DateTimeField(source="first", read_only=True)
    window_end = serializers.DateTimeField(source="last", read_only=True)
    figures = ProposalFiguresField(read_only=True)
    monthly_saving = serializers.DecimalField(
        18, 6, source="saving", read_only=True, help_text="Negative for a larger machine."
    )
    dismissal = serializers.CharField(read_only=True, help_text="Why it was dismissed.")

    class Meta:
        model = SizingProposal
        fields: ClassVar = [
            "id",
            "resource",
            "resource_name",
            "status",
            "direction",
            "from_machine",
            "to_machine",
            "to",
            "window_start",
            "window_end",
            "figures",
            "reason",
            "caution",
            "monthly_before",
            "monthly_after",
            "monthly_saving",
            "currency",
            "made_at",
            "closed_at",
            "dismissal",
        ]

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``from`` beside ``to``; the word is Python's own, so it cannot be an attribute of the class."""
        fields = super().get_fields()
        before = serializers.DictField(source="from_inputs", read_only=True)
        return {name: field for key, found in fields.items() for name, field in _with_from(key, found, before)}


def _with_from(key: str, found: Any, before: Any) -> list[tuple[str, Any]]:
    return [("from", before), (key, found)] if key == "to" else [(key, found)]


class SizingReadingSerializer(serializers.ModelSerializer[SizingReading]):
    resource = serializers.UUIDField(source="resource_id", read_only=True)
    resource_name = serializers.CharField(source="resource.name", read_only=True)
    window_start = serializers.DateTimeField(source="first", read_only=True)
    window_end = serializers.DateTimeField(source="last", read_only=True)
    verdict = serializers.ChoiceField(SizingVerdict.choices, read_only=True)
    figures = FiguresField(read_only=True)

    class Meta:
        model = SizingReading
        fields: ClassVar = [
            "resource",
            "resource_name",
            "verdict",
            "detail",
            "window_start",
            "window_end",
            "figures",
            "read_at",
        ]


class DismissalSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=MAX_REASON, allow_blank=True, default="")


class SizingFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    status = django_filters.ChoiceFilter(choices=SizingStatus.choices)
    direction = django_filters.ChoiceFilter(choices=SizingDirection.choices)
    resource = django_filters.UUIDFilter(field_name="resource_id", label="Resource")

    class Meta:
        model = SizingProposal
        fields: ClassVar = ["status", "direction", "resource"]


@extend_schema_view(
    list=extend_schema(description="Proposals, the greatest saving first; `status=open` for those to decide about."),
    retrieve=extend_schema(description="One proposal."),
)
class SizingViewSet(ReadOnlyModelViewSet[SizingProposal]):
    """Machines that another size would fit better, with the figures and the saving."""

    queryset = SizingProposal.objects.none()
    serializer_class = SizingProposalSerializer
    filterset_class = SizingFilter
    ordering_fields = ()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[SizingProposal]:
        return reading.proposals_of(actor_of(self.request))

    @extend_schema(request=DismissalSerializer, responses=SizingProposalSerializer)
    @action(detail=True, methods=["post"], url_path="dismiss", url_name="dismiss")
    def dismiss(self, request: Request, pk: str) -> Response:
        """Close an open proposal and keep why; the same one is not made again for 90 days."""
        proposal = self.get_object()
        given = DismissalSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with refusals_as_problems():
            closed = services.dismiss_proposal(actor=actor_of(request), proposal=proposal, **given.validated_data)
        return Response(self.get_serializer(closed).data)


@extend_schema_view(get=extend_schema(tags=["sizing"]))
class SizingReadingsView(ListAPIView[SizingReading]):
    """The latest look at each machine: how busy it was and what that says of its size."""

    queryset = SizingReading.objects.none()
    serializer_class = SizingReadingSerializer

    def get_queryset(self) -> QuerySet[SizingReading]:
        return reading.sizing_readings_of(actor_of(self.request))
