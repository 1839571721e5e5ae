"""What was charged, as a FOCUS file."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.actors import actor_of
from billing import focus, services

FORMATS = [("focus", "FOCUS 1.2, CSV")]


class CsvRenderer(JSONRenderer):
    """Lets a client accept text/csv; what it renders is a problem, whose own content type says so."""

    media_type = "text/csv"


class ExportQuerySerializer(serializers.Serializer[Any]):
    format = serializers.ChoiceField(choices=FORMATS, default="focus")
    to = serializers.DateField(required=False, help_text="Last day (UTC), included. Default: today.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With ``from``, which Python does not let a class have as an attribute."""
        first = serializers.DateField(
            required=False, help_text="First day (UTC). Default: the first of the month of the last day."
        )
        return {"from": first, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        last: date = attrs.get("to") or timezone.now().date()
        first: date = attrs.get("from") or last.replace(day=1)
        if first > last:
            raise ValidationError({"from": ["The first day must not be after the last."]})
        if last == date.max:
            raise ValidationError({"to": ["This day is beyond every calendar."]})
        return {**attrs, "first": first, "last": last}


class ExportView(APIView):
    renderer_classes = [
        JSONRenderer,
        CsvRenderer,
    ]

    @extend_schema(
        operation_id="billing_export",
        parameters=[ExportQuerySerializer],
        responses={(200, "text/csv"): OpenApiTypes.STR},
        summary="What was charged, as a FOCUS 1.2 file",
        description=(
            "CSV with a header, one row per usage record, and one per charge or refund that is not usage. "
            "Streamed: it may be as long as it likes. The sum of BilledCost is what the ledger charged, less refunds."
        ),
        tags=["billing"],
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        asked = ExportQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        first, last = asked.validated_data["first"], asked.validated_data["last"]
        account = services.account_of(actor_of(request).tenant)
        response = StreamingHttpResponse(focus.export(account, first, last), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="focus-{first}-to-{last}.csv"'
        return response
