"""/billing/channels and /billing/deliveries: where alerts go, and how they got there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
from accounts.api.fields import ChoiceField
from accounts.api.problems import Problem
from accounts.models import Right
from billing import channels
from billing.models import Alert, Channel, ChannelKind, Delivery, DeliveryAttempt, DeliveryStatus

TAGS = ["billing"]
ADDRESS = "A member's e-mail address, or the https URL of a receiver. Write-only: `hint` is what is shown of it."
MADE = [(kind.value, kind.label) for kind in channels.MADE]


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    class Meta:
        model = Channel
        fields: ClassVar = [
            "id",
            "name",
            "kind",
            "hint",
            "is_active",
            "switched_off_because",
            "previous_secret_until",
            "created_at",
        ]
        read_only_fields = fields


class ChannelWithSecretSerializer(ChannelSerializer):
    secret = serializers.CharField(read_only=True, help_text="Signs what a webhook is sent; only this answer holds it.")

    class Meta(ChannelSerializer.Meta):
        fields: ClassVar = [*ChannelSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class NewChannelSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=channels.MAX_NAME)
    kind = ChoiceField(MADE)
    address = serializers.CharField(max_length=2000, write_only=True, help_text=ADDRESS)


class ChangedChannelSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=channels.MAX_NAME, required=False)
    address = serializers.CharField(max_length=2000, required=False, write_only=True, help_text=ADDRESS)
    is_active = serializers.BooleanField(required=False)


class AttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields: ClassVar = ["number", "at", "milliseconds", "response_status", "error"]
        read_only_fields = fields


class DeliveredAlertSerializer(serializers.ModelSerializer[Alert]):
    class Meta:
        model = Alert
        fields: ClassVar = ["id", "kind", "severity", "key", "subject"]
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    alert = DeliveredAlertSerializer(read_only=True)
    channel = serializers.UUIDField(source="channel_id", read_only=True)
    channel_name = serializers.CharField(source="channel.name", read_only=True)
    attempts = AttemptSerializer(source="log", many=True, read_only=True)

    class Meta:
        model = Delivery
        fields: ClassVar = [
            "id",
            "alert",
            "channel",
            "channel_name",
            "number",
            "status",
            "attempts",
            "next_attempt_at",
            "finished_at",
            "created_at",
        ]
        read_only_fields = fields


@contextmanager
def as_conflicts() -> Iterator[None]:
    try:
        yield
    except channels.NotPossible as error:
        raise Problem(409, "not_possible", str(error)) from None


@extend_schema_view(
    list=extend_schema(summary="Where alerts can go", tags=TAGS),
    retrieve=extend_schema(summary="One channel", tags=TAGS),
)
class ChannelViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Channel]):
    rights: ClassVar = dict.fromkeys(("POST", "PATCH", "DELETE"), Right.MANAGE)
    serializer_class = ChannelSerializer
    queryset = Channel.objects.none()
    lookup_value_converter = "uuid"
    filterset_fields: ClassVar = ["kind", "is_active"]
    ordering_fields: ClassVar = ["name", "created_at"]
    ordering: ClassVar = ["name", "pk"]

    def get_queryset(self) -> QuerySet[Channel]:
        return channels.channels_of(actor_of(self.request))

    @extend_schema(
        summary="Add a channel",
        description="Only this answer holds a webhook's signing secret.",
        request=NewChannelSerializer,
        responses={201: ChannelWithSecretSerializer},
        tags=TAGS,
    )
    def create(self, request: Request) -> Response:
        wanted = NewChannelSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        channel, secret = channels.create_channel(actor=actor_of(request), **wanted.validated_data)
        return Response({**ChannelSerializer(channel).data, "secret": secret}, 201)

    @extend_schema(
        summary="Change a channel, or switch it off or on",
        request=ChangedChannelSerializer,
        responses=ChannelSerializer,
        tags=TAGS,
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        channel = self.get_object()
        wanted = ChangedChannelSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with as_conflicts():
            channel = channels.change_channel(actor=actor_of(request), channel=channel, **wanted.validated_data)
        return Response(ChannelSerializer(channel).data)

    @extend_schema(summary="Delete a channel with its delivery log", responses={204: None}, tags=TAGS)
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with as_conflicts():
            channels.delete_channel(actor=actor_of(request), channel=self.get_object())
        return Response(status=204)

    @extend_schema(
        summary="Send a test",
        description="Answers before it is sent: see `/billing/deliveries/{id}` for how it went.",
        request=None,
        responses={202: DeliverySerializer},
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with as_conflicts():
            delivery = channels.send_test(actor=actor_of(request), channel=self.get_object())
        return Response(DeliverySerializer(delivery).data, 202)

    @extend_schema(
        summary="Give a webhook a new signing secret",
        description="Only this answer holds it. The secret before signs beside it for 24 hours.",
        request=None,
        responses={200: ChannelWithSecretSerializer},
        tags=TAGS,
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with as_conflicts():
            channel, secret = channels.rotate_secret(actor=actor_of(request), channel=self.get_object())
        return Response({**ChannelSerializer(channel).data, "secret": secret})


class DeliveryFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    status = django_filters.ChoiceFilter(choices=DeliveryStatus.choices)
    channel = django_filters.UUIDFilter(field_name="channel_id")
    alert = django_filters.UUIDFilter(field_name="alert_id")
    kind = django_filters.ChoiceFilter(field_name="channel__kind", choices=ChannelKind.choices)

    class Meta:
        model = Delivery
        fields: ClassVar = ["status", "channel", "alert", "kind"]


@extend_schema_view(
    list=extend_schema(summary="The delivery log, newest first", tags=TAGS),
    retrieve=extend_schema(summary="One delivery and its attempts", tags=TAGS),
)
class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Delivery]):
    rights: ClassVar = {"POST": Right.MANAGE}
    serializer_class = DeliverySerializer
    queryset = Delivery.objects.none()
    lookup_value_converter = "uuid"
    filterset_class = DeliveryFilter
    ordering_fields: ClassVar = ["created_at", "next_attempt_at"]
    ordering: ClassVar = ["-created_at", "-pk"]

    def get_queryset(self) -> QuerySet[Delivery]:
        return Delivery.objects.visible_to(actor_of(self.request)).with_log()

    @extend_schema(
        summary="Deliver an alert again",
        description="As a delivery of its own, with an id of its own.",
        request=None,
        responses={202: DeliverySerializer},
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with as_conflicts():
            delivery = channels.redeliver(actor=actor_of(request), delivery=self.get_object())
        return Response(DeliverySerializer(delivery).data, 202)
