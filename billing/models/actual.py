"""What the clouds themselves bill: rows shaped like FOCUS, day by day, and the readings they came from.

Source of the names and their meaning: FinOps Open Cost and Usage Specification (FOCUS) 1.2.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .ledger import ZERO, Account
from .usage import BilledResource

if TYPE_CHECKING:
    from datetime import date

    from accounts.actors import Actor


class CostImportStatus(models.TextChoices):
    RUNNING = "running", "Reading"
    SUCCEEDED = "succeeded", "Read"
    FAILED = "failed", "Failed"


class CostImportQuerySet(models.QuerySet["CostImport"]):
    def visible_to(self, actor: Actor) -> CostImportQuerySet:
        return self.filter(account__organization=actor.organization)

    def running(self) -> CostImportQuerySet:
        return self.filter(status=CostImportStatus.RUNNING)


class CostImport(models.Model):
    """One reading of one cloud account's bill, for the days ``first`` to ``last``, both included."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="cost_imports")
    provider = models.CharField(max_length=10)  # "aws"
    cloud_account = models.CharField(max_length=40)  # its opaque id
    cloud_account_name = models.CharField(max_length=80, blank=True)
    owner = models.CharField(max_length=120, blank=True)  # whose bill it is to the cloud, if known
    origin = models.CharField(max_length=120, blank=True)  # "Cost Explorer", or the name of the file that was read
    first = models.DateField()
    last = models.DateField()
    status = models.CharField(max_length=10, choices=CostImportStatus.choices, default=CostImportStatus.RUNNING)
    error = models.CharField(max_length=500, blank=True)  # in words, with what to do
    rows = models.PositiveIntegerField(default=0)
    matched = models.PositiveIntegerField(default=0)  # rows that are a resource's of ours
    unmatched = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = CostImportQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "cloud_account"], condition=Q(status="running"), name="cost_import_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(first__lte=F("last")), name="cost_import_of_a_period"),
            models.CheckConstraint(condition=Q(rows=F("matched") + F("unmatched")), name="cost_import_adds_up"),
            models.CheckConstraint(
                condition=Q(status="running", finished_at=None) | (~Q(status="running") & Q(finished_at__isnull=False)),
                name="cost_import_finished_when_not_running",
            ),
        ]
        indexes = [models.Index(fields=["account", "cloud_account", "-started_at"], name="cost_import_newest")]

    def __str__(self) -> str:
        return f"{self.cloud_account_name or self.cloud_account}, {self.first} to {self.last}: {self.status}"


class ChargeCategory(models.TextChoices):
    """FOCUS 1.2, ChargeCategory."""

    USAGE = "Usage", "Usage"
    PURCHASE = "Purchase", "Purchase"
    TAX = "Tax", "Tax"
    CREDIT = "Credit", "Credit"
    ADJUSTMENT = "Adjustment", "Adjustment"


class ActualCostQuerySet(models.QuerySet["ActualCost"]):
    def visible_to(self, actor: Actor) -> ActualCostQuerySet:
        return self.filter(account__organization=actor.organization)

    def matched(self) -> ActualCostQuerySet:
        return self.exclude(resource=None)

    def unmatched(self) -> ActualCostQuerySet:
        """What the bill holds that is no resource of ours, or carries no tag of ours."""
        return self.filter(resource=None)

    def between(self, first: date, last: date) -> ActualCostQuerySet:
        """Of the days ``first`` to ``last``, both included."""
        return self.filter(charge_period_start__gte=first, charge_period_start__lte=last)


class ActualCost(models.Model):
    """One row of a cloud's bill. Costs are signed, a credit is negative, and in the bill's own ``currency``.

    Replaced as a whole when its days are read again. ``line_key`` says which line of the bill it is (see
    ``billing.actual``), so that a day of a cloud account never holds the same line twice.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="actual_costs")
    source = models.ForeignKey(CostImport, on_delete=models.PROTECT, related_name="costs")
    resource = models.ForeignKey(  # null: unmatched
        BilledResource, null=True, blank=True, on_delete=models.PROTECT, related_name="actual_costs"
    )
    provider = models.CharField(max_length=10)
    cloud_account = models.CharField(max_length=40)  # opaque id
    line_key = models.CharField(max_length=64)
    charge_period_start = models.DateField()  # a UTC day
    charge_period_end = models.DateField()  # not included: the next day
    charge_category = models.CharField(max_length=10, choices=ChargeCategory.choices, default=ChargeCategory.USAGE)
    service_name = models.CharField(max_length=200)  # as the cloud calls it
    service_category = models.CharField(max_length=40)  # one of FOCUS's: "Compute"
    region = models.CharField(max_length=40, blank=True)
    sku = models.CharField(max_length=200, blank=True)  # SKU, meter or usage type
    consumed_quantity = models.DecimalField(max_digits=30, decimal_places=9, null=True, blank=True)
    consumed_unit = models.CharField(max_length=60, blank=True)
    list_cost = models.DecimalField(max_digits=18, decimal_places=6, default=ZERO)
    contracted_cost = models.DecimalField(max_digits=18, decimal_places=6, default=ZERO)
    effective_cost = models.DecimalField(max_digits=18, decimal_places=6, default=ZERO)  # with commitments spread out
    billed_cost = models.DecimalField(max_digits=18, decimal_places=6)  # what the invoice will say
    currency = models.CharField(max_length=3)
    external_resource_id = models.CharField(max_length=500, blank=True)
    external_tags = models.JSONField(default=dict)
    is_estimated = models.BooleanField(default=False)  # the cloud may still change it
    imported_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ActualCostQuerySet.as_manager()

    class Meta:
        ordering = ["-charge_period_start", "-billed_cost"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "cloud_account", "charge_period_start", "line_key"], name="actual_cost_line_once"
            ),
            models.CheckConstraint(
                condition=Q(charge_period_end__gt=F("charge_period_start")), name="actual_cost_of_a_period"
            ),
            models.CheckConstraint(
                condition=Q(charge_category__in=ChargeCategory.values), name="actual_cost_category_known"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "charge_period_start"], name="actual_cost_by_day"),
            models.Index(fields=["resource", "charge_period_start"], name="actual_cost_by_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.billed_cost} {self.currency} for {self.service_name} on {self.charge_period_start}"
