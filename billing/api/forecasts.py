"""What the coming days are expected to cost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import actor_of
from accounts.api.fields import ChoiceField
from billing import costs, services
from billing.costs import Period, Scope
from billing.models import CostForecast, ScopeKind

DAYS_SHOWN = timedelta(days=92)


class ForecastQuerySerializer(serializers.Serializer[Any]):
    scope = ChoiceField(choices=ScopeKind.choices, default=ScopeKind.ORGANIZATION)
    value = serializers.CharField(
        max_length=120,
        allow_blank=True,
        default="",
        help_text='By scope: nothing, "aws", a cloud account\'s id, "vm", or "team=data".',
    )
    to = serializers.DateField(required=False, help_text="Last day (UTC). Default: 92 days after the first.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With ``from``, which Python does not let a class have as an attribute."""
        first = serializers.DateField(required=False, help_text="First day (UTC). Default: today.")
        return {"from": first, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["scope"] == ScopeKind.ORGANIZATION) != (not attrs["value"]):
            raise ValidationError({"value": ["Everything has no value; every other scope needs one."]})
        first: date = attrs.get("from") or min(timezone.now().date(), attrs.get("to") or date.max)
        try:
            return {**attrs, "period": Period(first, attrs.get("to") or first + DAYS_SHOWN)}
        except (ValueError, OverflowError) as error:
            raise ValidationError({"from": [str(error)]}) from error


class ForecastDaySerializer(serializers.ModelSerializer[CostForecast]):
    class Meta:
        model = CostForecast
        fields: ClassVar = ["day", "amount", "low", "high", "method", "made_at"]
        read_only_fields = fields


class MonthEndSerializer(serializers.Serializer[Any]):
    amount = serializers.DecimalField(
        24, 6, help_text="Spent so far plus what the remaining days are expected to cost."
    )
    low = serializers.DecimalField(24, 6)
    high = serializers.DecimalField(24, 6)
    method = serializers.CharField(help_text='"run rate" when there is no forecast: what runs now runs on.')


class ForecastSerializer(serializers.Serializer[Any]):
    scope = serializers.ChoiceField(choices=ScopeKind.choices)
    value = serializers.CharField()
    currency = serializers.CharField()
    days = ForecastDaySerializer(many=True)
    month_end = MonthEndSerializer(help_text="Of the present month (UTC).")


class ForecastView(APIView):
    @extend_schema(
        operation_id="billing_forecast",
        parameters=[ForecastQuerySerializer],
        responses=ForecastSerializer,
        summary="What the coming days are expected to cost, each with a band of 80 %",
        description=(
            "Made once a day (UTC) for today and 92 days more, of everything and of each cloud, cloud account, kind "
            "and tag. No days are returned for what has cost anything for less than two weeks: `month_end` then counts "
            "with what runs now. `low` and `high` are what one day in ten stays below or exceeds."
        ),
        tags=["billing"],
    )
    def get(self, request: Request) -> Response:
        asked = ForecastQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        account, scope = services.account_of(actor_of(request).tenant), Scope(wanted["scope"], wanted["value"])
        days = CostForecast.objects.visible_to(actor_of(request)).filter(scope=scope.kind, value=scope.value)
        found = {
            "scope": scope.kind,
            "value": scope.value,
            "currency": account.currency,
            "days": days.filter(day__gte=wanted["period"].first, day__lte=wanted["period"].last),
            "month_end": costs.month_end(account, scope, timezone.now().date()),
        }
        return Response(ForecastSerializer(found).data)
