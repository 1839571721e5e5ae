from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q

from .ledger import Account

if TYPE_CHECKING:
    from accounts.actors import Actor


class ScopeKind(models.TextChoices):
    """What a cost, a budget or a forecast is about; its value is a cloud account's id, "vm", or "team=data"."""

    ORGANIZATION = "organization", "Everything"
    PROVIDER = "provider", "Cloud"
    ACCOUNT = "account", "Cloud account"
    KIND = "kind", "Kind"
    TAG = "tag", "Tag"


class CostForecastQuerySet(models.QuerySet["CostForecast"]):
    def visible_to(self, actor: Actor) -> CostForecastQuerySet:
        return self.filter(account__organization=actor.organization)


class CostForecast(models.Model):
    """What one day is expected to cost, with a band of 80 %. Made by the worker once a day, replaced as a whole."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="forecasts")
    scope = models.CharField(max_length=12, choices=ScopeKind.choices, default=ScopeKind.ORGANIZATION)
    value = models.CharField(max_length=120, blank=True)
    day = models.DateField()
    amount = models.DecimalField(max_digits=18, decimal_places=6)
    low = models.DecimalField(max_digits=18, decimal_places=6)
    high = models.DecimalField(max_digits=18, decimal_places=6)
    method = models.CharField(max_length=40)  # "holt-winters", "naive"
    made_at = models.DateTimeField()

    objects = CostForecastQuerySet.as_manager()

    class Meta:
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(fields=["account", "scope", "value", "day"], name="cost_forecast_once_per_day"),
            models.CheckConstraint(
                condition=Q(low__gte=0, low__lte=F("amount"), amount__lte=F("high")), name="cost_forecast_in_its_band"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} expected on {self.day}"
