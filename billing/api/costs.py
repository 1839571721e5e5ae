"""What was spent, as series that can be drawn as they are."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import actor_of
from billing import costs, services
from billing.costs import Breakdown, Grouping, Period, Scope
from billing.models import ScopeKind
from billing.words import KINDS, PROVIDERS

MOST_GROUPS = 500


class CostsQuerySerializer(serializers.Serializer[Any]):
    group_by = serializers.ChoiceField(choices=Grouping.choices, default=Grouping.PROVIDER)
    to = serializers.DateField(required=False, help_text="Last day (UTC). Default: today.")
    provider = serializers.ChoiceField(choices=list(PROVIDERS.items()), required=False)
    kind = serializers.ChoiceField(choices=list(KINDS.items()), required=False)
    account = serializers.CharField(max_length=40, required=False, help_text="Id of a cloud account.")
    tag = serializers.RegexField(r"^[^=]+=", max_length=120, required=False, help_text="`team=data`")
    tag_name = serializers.CharField(
        max_length=60, required=False, help_text="With group_by=tag: which tag. Default: the one most resources have."
    )
    top = serializers.IntegerField(
        min_value=1, max_value=MOST_GROUPS, default=costs.SHOWN, help_text="Groups of their own; the rest is one more."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With ``from``, which Python does not let a class have as an attribute."""
        first = serializers.DateField(required=False, help_text="First day (UTC). Default: the first of the month.")
        return {"from": first, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        last: date = attrs.get("to") or timezone.now().date()
        try:
            return {**attrs, "period": Period(attrs.get("from") or last.replace(day=1), last)}
        except ValueError as error:
            raise ValidationError({"from": [str(error)]}) from error


class CostOfDaySerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    amount = serializers.DecimalField(max_digits=24, decimal_places=6)


class CostGroupSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(
        help_text="`aws`, a cloud account's id, `resource:<id>`, a tag's value; empty: without one, or the rest."
    )
    label = serializers.CharField(label="Name for people")  # type: ignore[assignment]
    is_rest = serializers.BooleanField(help_text="Everything beyond the groups asked for with top.")
    total = serializers.DecimalField(max_digits=24, decimal_places=6)
    days = CostOfDaySerializer(many=True, help_text="Every day of the period, also those that cost nothing.")


class CostsSerializer(serializers.Serializer[Any]):
    to = serializers.DateField()
    group_by = serializers.ChoiceField(choices=Grouping.choices)
    tag_name = serializers.CharField(help_text="Whose values the groups are; empty unless group_by=tag.")
    currency = serializers.CharField()
    total = serializers.DecimalField(max_digits=24, decimal_places=6)
    groups = CostGroupSerializer(many=True, help_text="The costliest first. They add up to the total.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.DateField(), **super().get_fields()}


class CostsView(APIView):
    @extend_schema(
        operation_id="billing_costs",
        parameters=[CostsQuerySerializer],
        responses=CostsSerializer,
        summary="What was spent, day by day, grouped for charts",
        description=(
            "Metered usage at the prices agreed, summed by day (UTC). Hours that are not over are not in it yet. "
            "Filters may be combined; `group_by=day` gives one group with all of it."
        ),
        tags=["billing"],
    )
    def get(self, request: Request) -> Response:
        asked = CostsQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        found = costs.break_down(
            services.account_of(actor_of(request).tenant),
            wanted["period"],
            Grouping(wanted["group_by"]),
            part=costs.where_all_hold(Scope(kind, wanted[name]) for name, kind in FILTERS.items() if name in wanted),
            tag_name=wanted.get("tag_name", ""),
            shown=wanted["top"],
        )
        return Response(as_json(found))


FILTERS = {
    "provider": ScopeKind.PROVIDER,
    "kind": ScopeKind.KIND,
    "account": ScopeKind.ACCOUNT,
    "tag": ScopeKind.TAG,
}


def as_json(found: Breakdown) -> dict[str, Any]:
    """What :class:`CostsSerializer` describes. By hand: a serializer takes longer over 4,500 days than the query."""
    days = [day.isoformat() for day in found.period]
    return {
        "from": days[0],
        "to": days[-1],
        "group_by": found.grouping.value,
        "tag_name": found.tag_name,
        "currency": found.currency,
        "total": f"{found.total:.6f}",
        "groups": [
            {
                "key": group.key,
                "label": group.label,
                "is_rest": group.is_rest,
                "total": f"{group.total:.6f}",
                "days": [
                    {"day": day, "amount": f"{amount:.6f}"} for day, amount in zip(days, group.amounts, strict=True)
                ],
            }
            for group in found.groups
        ],
    }
