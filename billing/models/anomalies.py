from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .ledger import Account

if TYPE_CHECKING:
    from accounts.actors import Actor


class AnomalyScope(models.TextChoices):
    """What cost more than usual. A resource's value is its reference, the others' that of a ScopeKind."""

    ORGANIZATION = "organization", "Everything"
    PROVIDER = "provider", "Cloud"
    ACCOUNT = "account", "Cloud account"
    KIND = "kind", "Kind"
    RESOURCE = "resource", "Resource"


class AnomalyCause(models.TextChoices):
    NEW = "new", "New resource"
    RESIZED = "resized", "Changed size"
    HOURS = "hours", "Ran longer"
    PRICE = "price", "Price changed"
    TERMS = "terms", "Discount or markup changed"
    MIXED = "mixed", "Several causes"
    UNKNOWN = "unknown", "No single cause"


class AnomalyStatus(models.TextChoices):
    NEW = "new", "New"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"


class CostAnomalyQuerySet(models.QuerySet["CostAnomaly"]):
    def visible_to(self, actor: Actor) -> CostAnomalyQuerySet:
        return self.filter(account__organization=actor.organization)

    def new(self) -> CostAnomalyQuerySet:
        return self.filter(status=AnomalyStatus.NEW)


class CostAnomaly(models.Model):
    """A day on which something cost clearly more than it usually does, and why, as the data said on that day.

    Written once per day and scope. ``detail`` is ``{"resources": [...], "others": n}``, the resources that cost more
    with the cause of each and the excess of a whole day if it goes on; amounts are strings.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="anomalies")
    day = models.DateField()
    scope = models.CharField(max_length=12, choices=AnomalyScope.choices)
    value = models.CharField(max_length=120, blank=True)
    label = models.CharField(max_length=120)  # the scope's name for people
    expected = models.DecimalField(max_digits=18, decimal_places=6)
    actual = models.DecimalField(max_digits=18, decimal_places=6)
    excess = models.DecimalField(max_digits=18, decimal_places=6)
    cause = models.CharField(max_length=10, choices=AnomalyCause.choices)
    detail = models.JSONField(default=dict)
    status = models.CharField(max_length=12, choices=AnomalyStatus.choices, default=AnomalyStatus.NEW)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CostAnomalyQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "-excess"]
        verbose_name_plural = "cost anomalies"
        constraints = [
            models.UniqueConstraint(fields=["account", "day", "scope", "value"], name="anomaly_once_per_day_and_scope"),
            models.CheckConstraint(
                condition=Q(excess__gt=0, expected__gte=0, actual=F("expected") + F("excess")), name="anomaly_adds_up"
            ),
            models.CheckConstraint(
                condition=Q(status="new", acknowledged_at=None)
                | Q(status="acknowledged", acknowledged_at__isnull=False),
                name="anomaly_acknowledged_at_some_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} on {self.day}"
