"""/billing/budgets and /billing/alerts: limits, how they stand, and what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import django_filters
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.actors import actor_of
from accounts.api.fields import ChoiceField
from accounts.models import Right
from billing import budgets
from billing.budgets import DEFAULT_THRESHOLDS, MAX_THRESHOLDS
from billing.models import Alert, AlertKind, Basis, Budget, Period, ScopeKind, Severity

TAGS = ["billing"]
MAX_CHANNELS = 20


def figure(name: str, help_text: str) -> serializers.DecimalField:
    """An amount of a budget's standing."""
    return serializers.DecimalField(24, 6, read_only=True, source=f"standing.{name}", help_text=help_text)


class ThresholdSerializer(serializers.Serializer[Any]):
    percent = serializers.IntegerField(min_value=1, max_value=budgets.MAX_PERCENT)
    on = serializers.ChoiceField(Basis.choices, default=Basis.ACTUAL)


@extend_schema_field(ThresholdSerializer(many=True))
class ThresholdsField(serializers.Field[Any, Any, Any, Any]):
    """The list as :func:`billing.budgets.clean_thresholds` takes it."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return budgets.clean_thresholds(data)
        except DjangoValidationError as error:
            raise ValidationError(error.messages) from error

    def to_representation(self, value: Any) -> Any:
        return value


class BudgetInputSerializer(serializers.Serializer[Any]):
    """What can be said of a budget."""

    name = serializers.CharField(max_length=80)
    scope = ChoiceField(ScopeKind.choices, default=ScopeKind.ORGANIZATION)
    value = serializers.CharField(
        max_length=120,
        allow_blank=True,
        default="",
        help_text='By scope: nothing, "aws", a cloud account\'s id, "vm", or "team=data".',
    )
    amount = serializers.DecimalField(
        max_digits=18, decimal_places=6, help_text="Per period, in the account's currency."
    )
    period = ChoiceField(Period.choices, default=Period.MONTHLY, help_text="Calendar periods in UTC.")
    thresholds = ThresholdsField(
        default=DEFAULT_THRESHOLDS,
        help_text=f"1 to {MAX_THRESHOLDS} of them; a plain number is a percentage of what was spent.",
    )
    notify = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=MAX_CHANNELS,
        default=list,
        help_text="Ids of channels. None: the owners and admins by e-mail.",
    )
    is_blocking = serializers.BooleanField(default=False, help_text="Refuse orders that would break it, with 402.")


class BudgetSerializer(serializers.ModelSerializer[Budget]):
    """A budget and how it stands in the present period."""

    currency = serializers.CharField(source="account.currency", read_only=True)
    thresholds = ThresholdSerializer(many=True, read_only=True)
    notify: Any = serializers.PrimaryKeyRelatedField(source="channels", many=True, read_only=True)
    spent = figure("spent", "In this period so far.")
    forecast = figure("forecast.amount", "What the period is expected to end at.")
    run_rate = figure("run_rate", "What runs now, for 730 hours a month.")
    percent = serializers.DecimalField(
        max_digits=None,
        decimal_places=1,
        read_only=True,
        source="standing.percent",
        help_text="What was spent of the amount, rounded down.",
    )
    period_start = serializers.DateField(read_only=True, source="standing.span.first")
    period_end = serializers.DateField(read_only=True, source="standing.span.last", help_text="The last day.")

    class Meta:
        model = Budget
        fields: ClassVar = [
            "id",
            "name",
            "scope",
            "value",
            "amount",
            "currency",
            "period",
            "thresholds",
            "notify",
            "is_blocking",
            "spent",
            "forecast",
            "run_rate",
            "percent",
            "period_start",
            "period_end",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(summary="Budgets, and how they stand in the present period", tags=TAGS),
    retrieve=extend_schema(summary="One budget, and how it stands", tags=TAGS),
)
class BudgetViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Budget]):
    rights: ClassVar = dict.fromkeys(("POST", "PATCH", "DELETE"), Right.MANAGE)
    serializer_class = BudgetSerializer
    queryset = Budget.objects.none()
    lookup_value_converter = "uuid"
    filterset_fields: ClassVar = ["scope", "period", "is_blocking"]
    ordering_fields: ClassVar = ["name", "amount", "created_at"]
    ordering: ClassVar = ["name"]

    def get_queryset(self) -> QuerySet[Budget]:
        visible = Budget.objects.visible_to(actor_of(self.request))
        return visible.select_related("account").prefetch_related("channels")

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """For one budget or a page of them, with their standings."""
        if args:
            with_standings([args[0]] if isinstance(args[0], Budget) else args[0])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(summary="Set a budget", request=BudgetInputSerializer, responses={201: BudgetSerializer}, tags=TAGS)
    def create(self, request: Request) -> Response:
        wanted = BudgetInputSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        budget = budgets.create_budget(actor=actor_of(request), **wanted.validated_data)
        return Response(self.get_serializer(budget).data, 201)

    @extend_schema(summary="Change a budget", request=BudgetInputSerializer, responses=BudgetSerializer, tags=TAGS)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        budget = self.get_object()
        wanted = BudgetInputSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        budget = budgets.change_budget(actor=actor_of(request), budget=budget, **wanted.validated_data)
        return Response(self.get_serializer(budget).data)

    @extend_schema(summary="Delete a budget; its alerts stay", responses={204: None}, tags=TAGS)
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        budgets.delete_budget(actor=actor_of(request), budget=self.get_object())
        return Response(status=204)


def with_standings(shown: Sequence[Budget]) -> None:
    """Put ``standing`` on each of the budgets, which are of one account."""
    if shown:
        now = timezone.now()
        for found in budgets.standings(shown[0].account, shown, now.date()):
            found.budget.standing = found  # type: ignore[attr-defined]


class AlertFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    kind = django_filters.ChoiceFilter(choices=AlertKind.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    budget = django_filters.UUIDFilter(field_name="budget_id")
    to = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Alert
        fields: ClassVar = ["kind", "severity", "budget"]


# "from" is a word of Python's.
AlertFilter.base_filters["from"] = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")


class AlertSerializer(serializers.ModelSerializer[Alert]):
    budget = serializers.UUIDField(source="budget_id", read_only=True, allow_null=True)
    data = serializers.DictField(  # type: ignore[assignment]  # a field of that name
        read_only=True, help_text="The figures; amounts are strings."
    )

    class Meta:
        model = Alert
        fields: ClassVar = ["id", "kind", "severity", "key", "budget", "subject", "text", "data", "created_at"]
        read_only_fields = fields


@extend_schema(summary="What was said about money, newest first", tags=TAGS)
class AlertsView(ListAPIView[Alert]):
    serializer_class = AlertSerializer
    queryset = Alert.objects.none()
    filterset_class = AlertFilter
    ordering_fields: ClassVar = ["created_at"]
    ordering: ClassVar = ["-created_at", "-pk"]

    def get_queryset(self) -> QuerySet[Alert]:
        return Alert.objects.visible_to(actor_of(self.request))
