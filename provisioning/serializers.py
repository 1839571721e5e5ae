"""Resources, runs, events and estimates as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts.api.fields import ChoiceField
from billing.api.fields import PriceField
from clouds.inputs.tags import ALLOWED
from clouds.models import Kind, Provider

from .models import Operation, Resource, ResourceStatus, Run, RunEvent, RunStatus
from .reading import latest_run

MAX_INTEGER = 2**31 - 1
TAGS_HELP = (
    '{"team": "data"}: what costs are grouped and budgets are made by; also on the objects in the cloud. Up to 20. '
    f"{ALLOWED}"
)


class RunBriefSerializer(serializers.ModelSerializer[Run]):
    class Meta:
        model = Run
        fields = ["id", "operation", "status"]


class PlanSerializer(serializers.Serializer[Any]):
    adds = serializers.IntegerField()
    changes = serializers.IntegerField()
    destroys = serializers.IntegerField()


class RunErrorSerializer(serializers.Serializer[Any]):
    summary = serializers.CharField(help_text="What failed, in plain words.")
    advice = serializers.CharField(help_text="What to try.")
    cloud_message = serializers.CharField(help_text="The cloud's own words.")
    raw = serializers.CharField(help_text="What Terraform printed.")
    address = serializers.CharField(help_text="The Terraform address it is about.")
    code = serializers.CharField(required=False)


class RunSerializer(serializers.ModelSerializer[Run]):
    resource = serializers.UUIDField(source="resource_id", read_only=True)
    resource_name = serializers.CharField(source="resource.name", read_only=True)
    plan = PlanSerializer(read_only=True, allow_null=True)
    error = RunErrorSerializer(read_only=True, allow_null=True)
    created_by = serializers.CharField(source="created_by_label", read_only=True)

    class Meta:
        model = Run
        fields = [
            "id",
            "resource",
            "resource_name",
            "operation",
            "status",
            "inputs",
            "queued_at",
            "started_at",
            "finished_at",
            "cancel_requested_at",
            "last_seq",
            "plan",
            "error",
            "created_by",
        ]

    def to_representation(self, instance: Run) -> dict[str, Any]:
        """``error`` and ``plan`` as the engine wrote them: a key it left out is not an error of the reader."""
        shown = {name: field for name, field in self.fields.items() if name not in {"plan", "error"}}
        values = {
            name: field.to_representation(value) if value is not None else None
            for name, field, value in ((name, field, field.get_attribute(instance)) for name, field in shown.items())
        }
        return {**values, "plan": instance.plan, "error": instance.error}


class ResourceSerializer(serializers.ModelSerializer[Resource]):
    offering = serializers.CharField(source="offering_id", read_only=True)
    version = serializers.CharField(source="offering_version.version", read_only=True)
    cloud_account = serializers.UUIDField(source="cloud_account_id", read_only=True, allow_null=True)
    tags = serializers.DictField(child=serializers.CharField(), read_only=True)
    outputs = serializers.DictField(read_only=True, help_text="{name: value}; sensitive ones are at /outputs.")
    created_by = serializers.CharField(source="created_by.email", read_only=True, default="system")
    current_run = serializers.SerializerMethodField(help_text="The newest run, ended or not.")

    class Meta:
        model = Resource
        fields = [
            "id",
            "name",
            "kind",
            "provider",
            "region",
            "offering",
            "version",
            "cloud_account",
            "status",
            "inputs",
            "tags",
            "outputs",
            "hourly_cost",
            "monthly_cost",
            "currency",
            "current_run",
            "created_by",
            "created_at",
            "activated_at",
            "gone_at",
        ]

    @extend_schema_field(RunBriefSerializer(allow_null=True))
    def get_current_run(self, resource: Resource) -> dict[str, Any] | None:
        run = latest_run(resource)
        return dict(RunBriefSerializer(run).data) if run is not None else None


class OrderSerializer(serializers.Serializer[Any]):
    """The body of POST /resources; the inputs are checked against the offering's own schema."""

    name = serializers.CharField(
        max_length=60, help_text="3 to 40 lower-case letters, digits and single hyphens; the first is a letter."
    )
    offering = serializers.CharField(max_length=40, help_text='"aws/vm"')
    cloud_account = serializers.UUIDField()
    inputs = serializers.DictField()
    tags = serializers.DictField(required=False, help_text=TAGS_HELP)


@extend_schema_serializer(component_name="ResourceChange")
class ChangeSerializer(serializers.Serializer[Any]):
    """The body of PATCH /resources/{id}: the inputs and tags that change; null takes an optional one away."""

    inputs = serializers.DictField(required=False, allow_empty=False)
    tags = serializers.DictField(required=False, allow_empty=False, help_text=TAGS_HELP)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"inputs": ["Give the inputs or tags that change."]}, code="required")
        return attrs


class QueuedSerializer(serializers.Serializer[Any]):
    """202: the resource as it is now and the run that works on it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.ChoiceField(ResourceStatus.choices)
    run = RunBriefSerializer()


class LeftObjectSerializer(serializers.Serializer[Any]):
    address = serializers.CharField()
    type = serializers.CharField()
    id = serializers.CharField()


class ForgottenSerializer(serializers.Serializer[Any]):
    """200: the resource was forgotten; ``left_objects`` stay in the cloud."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(ResourceStatus.choices)
    left_objects = LeftObjectSerializer(many=True)


class OutputsSerializer(serializers.Serializer[Any]):
    outputs = serializers.DictField(help_text="{name: value}, sensitive ones included.")


class CanceledSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    operation = serializers.ChoiceField(Operation.choices)
    status = serializers.ChoiceField(RunStatus.choices)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)


class EstimateRequestSerializer(serializers.Serializer[Any]):
    offering = serializers.CharField(max_length=40, required=False, help_text='"aws/vm": one estimate')
    kind = ChoiceField(Kind.choices, required=False, help_text='"vm": one estimate per provider')
    inputs = serializers.DictField(required=False, default=dict)
    cloud_account = serializers.UUIDField(
        required=False, help_text="Whose agreed prices count; without it those of the organization as a whole."
    )
    region = serializers.CharField(max_length=40, required=False, help_text="Stands in for inputs.region.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("offering") and not attrs.get("kind"):
            raise serializers.ValidationError({"offering": ["Name an offering or a kind."]}, code="required")
        region = {"region": attrs["region"]} if attrs.get("region") else {}
        return {**attrs, "inputs": {**region, **attrs["inputs"]}}


class EstimateLineSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    sku = serializers.CharField()
    region = serializers.CharField()
    unit = serializers.CharField()
    quantity = serializers.DecimalField(18, 6)
    list_price = PriceField(help_text="Per unit, as in the catalogue.")
    unit_price = PriceField(help_text="Per unit, as agreed with the organization.")
    hourly = serializers.DecimalField(18, 6)
    monthly = serializers.DecimalField(18, 6)
    currency = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    as_of = serializers.CharField()
    is_approximate = serializers.BooleanField()


class EstimateSerializer(serializers.Serializer[Any]):
    offering = serializers.CharField()
    provider = serializers.ChoiceField(Provider.choices)
    version = serializers.CharField()
    hourly = serializers.DecimalField(18, 6)
    monthly = serializers.DecimalField(18, 6, help_text="A month is 730 hours.")
    list_monthly = serializers.DecimalField(18, 6, help_text="What the month would cost by list price.")
    currency = serializers.CharField()
    catalogue = serializers.CharField(help_text="Version of the price catalogue.")
    is_approximate = serializers.BooleanField()
    lines = EstimateLineSerializer(many=True)


class ComparedEstimateSerializer(EstimateSerializer):
    hourly = serializers.DecimalField(18, 6, allow_null=True, default=None)
    monthly = serializers.DecimalField(18, 6, allow_null=True, default=None)
    list_monthly = serializers.DecimalField(18, 6, allow_null=True, default=None)
    currency = serializers.CharField(allow_null=True, default=None)
    catalogue = serializers.CharField(allow_null=True, default=None)
    is_approximate = serializers.BooleanField(allow_null=True, default=None)
    notes = serializers.ListField(
        child=serializers.CharField(), help_text='What became of the inputs: "Region: eu-west-1 → westeurope".'
    )
    unavailable = serializers.CharField(help_text="Why this provider cannot do it; empty when it can.")


class EstimatesSerializer(serializers.Serializer[Any]):
    results = ComparedEstimateSerializer(many=True, help_text="Cheapest first; what is not to be had comes last.")


class EventQuerySerializer(serializers.Serializer[Any]):
    after = serializers.IntegerField(min_value=0, max_value=MAX_INTEGER, default=0, help_text="Newest seq you have.")
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=200)


class RunEventSerializer(serializers.ModelSerializer[RunEvent]):
    class Meta:
        model = RunEvent
        fields = ["seq", "time", "level", "kind", "message", "data"]


class RunEventsSerializer(serializers.Serializer[Any]):
    results = RunEventSerializer(many=True)


def event_json(event: RunEvent) -> dict[str, Any]:
    """An event as the API and the socket both give it."""
    return {
        "seq": event.seq,
        "time": instant(event.time),
        "level": event.level,
        "kind": event.kind,
        "message": event.message,
        "data": event.data,
    }


def instant(moment: datetime) -> str:
    """ISO 8601 in UTC, ending in Z."""
    return moment.astimezone(timezone.get_default_timezone()).isoformat().replace("+00:00", "Z")


def resource_json(resource: Resource, run: Run | None) -> dict[str, Any]:
    """A resource's change of status as the organization's socket gives it."""
    return {
        "kind": "resource.changed",
        "id": str(resource.pk),
        "name": resource.name,
        "status": resource.status,
        "run": run and {"id": str(run.pk), "operation": run.operation, "status": run.status},
    }
