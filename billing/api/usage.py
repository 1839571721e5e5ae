"""Metered usage, for whoever computes with it; docs/data.md explains every field."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import actor_of
from accounts.api.fields import ChoiceField
from billing import services
from billing.usage import UsageRows, Wanted
from billing.words import KINDS, PROVIDERS

from .export import CsvRenderer
from .fields import PriceField

FORMATS = [("json", "A page of rows"), ("csv", "All rows, streamed")]
FILTERS = ("resource", "provider", "kind", "cloud_account", "sku")


class UsageQuerySerializer(serializers.Serializer[Any]):
    resource = serializers.UUIDField(required=False)
    provider = ChoiceField(choices=list(PROVIDERS.items()), required=False)
    kind = ChoiceField(choices=list(KINDS.items()), required=False)
    cloud_account = serializers.UUIDField(required=False)
    sku = serializers.CharField(
        max_length=80, required=False, help_text="`aws:compute:t3.small`, or a beginning that ends with a colon."
    )
    tag = serializers.CharField(
        max_length=400, required=False, help_text="`team=data`, or a name alone; of several, by commas, all must fit."
    )
    to = serializers.DateField(required=False, help_text="Last day (UTC), included.")
    format = ChoiceField(choices=FORMATS, default="json", help_text="csv: every row, in one answer without pages.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With ``from``, which Python does not let a class have as an attribute."""
        first = serializers.DateField(required=False, help_text="First day (UTC), included.")
        return {"from": first, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        first, last = attrs.get("from"), attrs.get("to")
        if first and last and first > last:
            raise ValidationError({"from": ["The first day must not be after the last."]})
        named = {name: str(attrs.get(name, "")) for name in FILTERS}
        try:
            wanted = Wanted(first=first, last=last, tags=attrs.get("tag", ""), **named)
            wanted.of_hours()
        except OverflowError:
            raise ValidationError({"to": ["This day is beyond every calendar."]}) from None
        return {**attrs, "wanted": wanted}


class UsageSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    hour = serializers.DateTimeField(help_text="Its beginning (UTC).")
    seconds = serializers.IntegerField(help_text="How long the meter ran within it: 1 to 3600.")
    quantity = serializers.DecimalField(18, 6, help_text="In the unit: 1 machine, 20 GB.")
    unit = serializers.CharField(help_text="What a price is for: `hour`, `gb_month`, `gib_month`.")
    sku = serializers.CharField()
    label = serializers.CharField(label="Name for people")  # type: ignore[assignment]
    list_price = PriceField(help_text="Per unit, as the catalogue had it.")
    unit_price = PriceField(help_text="Per unit, as agreed: what was charged by.")
    amount = serializers.DecimalField(18, 6, help_text="What this row cost.")
    currency = serializers.CharField()
    catalogue = serializers.CharField(help_text="Version of the price catalogue.")
    resource = serializers.UUIDField()
    resource_name = serializers.CharField()
    provider = serializers.ChoiceField(choices=list(PROVIDERS.items()))
    kind = serializers.ChoiceField(choices=list(KINDS.items()))
    region = serializers.CharField()
    cloud_account = serializers.CharField(help_text="Its id; empty when it was deleted before.")
    cloud_account_name = serializers.CharField()
    tags = serializers.DictField(child=serializers.CharField(), help_text="Those the resource has now.")
    meter = serializers.IntegerField(
        help_text="All rows of a meter have one rate; a resize or a new price begins another."
    )
    entry = serializers.UUIDField(allow_null=True, help_text="The ledger entry that charged it; null: it was free.")


class UsageView(GenericAPIView[Any]):
    renderer_classes = [
        JSONRenderer,
        CsvRenderer,
    ]
    filter_backends: list[Any] = []
    serializer_class = UsageSerializer

    @extend_schema(
        operation_id="billing_usage",
        parameters=[UsageQuerySerializer],
        responses={(200, "application/json"): UsageSerializer(many=True), (200, "text/csv"): OpenApiTypes.STR},
        summary="Metered usage, newest first: one row per meter and hour",
        description=(
            "What every line of every resource used in every hour, and what it cost. Hours that are not over are not "
            "in it yet; a row never changes, but for the name and tags of its resource."
        ),
        tags=["billing"],
    )
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        asked = UsageQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        rows = UsageRows(services.account_of(actor_of(request).tenant), asked.validated_data["wanted"])
        if asked.validated_data["format"] == "csv":
            response = StreamingHttpResponse(rows.as_csv(), content_type="text/csv; charset=utf-8")
            response["Content-Disposition"] = 'attachment; filename="usage.csv"'
            return response
        page: Any = self.paginate_queryset(rows)  # type: ignore[arg-type]  # it asks for no more than a list has
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
