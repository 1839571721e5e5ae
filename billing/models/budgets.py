"""Limits an organization sets itself, and what is said when they are near."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .forecasts import ScopeKind
from .ledger import Account

if TYPE_CHECKING:
    from accounts.actors import Actor


class Period(models.TextChoices):
    """How long a budget's amount lasts; calendar periods in UTC."""

    MONTHLY = "monthly", "Month"
    QUARTERLY = "quarterly", "Quarter"
    YEARLY = "yearly", "Year"


class Basis(models.TextChoices):
    """What a threshold is held against: what was spent, what the period will end at, or what runs now for a period."""

    ACTUAL = "actual", "Spent"
    FORECAST = "forecast", "Forecast"
    RUN_RATE = "run_rate", "Run-rate"


class BudgetQuerySet(models.QuerySet["Budget"]):
    def visible_to(self, actor: Actor) -> BudgetQuerySet:
        return self.filter(account__organization=actor.organization)


class Budget(models.Model):
    """So much per period for a part of the costs. ``thresholds`` is [{"percent": 80, "on": "actual"}, ...]."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="budgets")
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=12, choices=ScopeKind.choices, default=ScopeKind.ORGANIZATION)
    value = models.CharField(max_length=120, blank=True)  # "aws", a cloud account's id, "vm", "team=data"
    amount = models.DecimalField(max_digits=18, decimal_places=6)
    period = models.CharField(max_length=10, choices=Period.choices, default=Period.MONTHLY)
    thresholds = models.JSONField(default=list)
    is_blocking = models.BooleanField(default=False)  # an order that would break it is refused, not only warned of
    channels = models.ManyToManyField("billing.Channel", blank=True, related_name="budgets")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="budget_name_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="budget_positive"),
            models.CheckConstraint(
                condition=Q(scope="organization", value="") | (~Q(scope="organization") & ~Q(value="")),
                name="budget_scope_has_value",
            ),
        ]

    def __str__(self) -> str:
        return self.name
