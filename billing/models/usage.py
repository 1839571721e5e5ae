"""What is used: things that cost, the meters that run for them, and what the meters recorded hour by hour."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone

from .ledger import Account, LedgerEntry
from .prices import Unit

if TYPE_CHECKING:
    from accounts.actors import Actor


class BilledResourceQuerySet(models.QuerySet["BilledResource"]):
    def visible_to(self, actor: Actor) -> BilledResourceQuerySet:
        return self.filter(account__organization=actor.organization)


class BilledResource(models.Model):
    """Something that costs, as billing knows it: an opaque reference, a name and what its cost is grouped by."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="billed_resources")
    reference = models.CharField(max_length=80)  # "resource:<uuid>", the same as its hold's
    name = models.CharField(max_length=80)
    provider = models.CharField(max_length=10)  # "aws"
    kind = models.CharField(max_length=20)  # "vm"
    region = models.CharField(max_length=40)
    cloud_account = models.CharField(max_length=40, blank=True)  # opaque id of the cloud account it lives in
    cloud_account_name = models.CharField(max_length=80, blank=True)
    tags = models.JSONField(default=dict)  # {"team": "data"}
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = BilledResourceQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["account", "reference"], name="billed_resource_once_per_reference"),
        ]

    def __str__(self) -> str:
        return self.name


class TsTzRange(Func):
    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class MeterQuerySet(models.QuerySet["Meter"]):
    def visible_to(self, actor: Actor) -> MeterQuerySet:
        return self.filter(account__organization=actor.organization)

    def running(self) -> MeterQuerySet:
        return self.filter(ends_at=None)

    def unbooked(self, before: datetime) -> MeterQuerySet:
        """What ran before that moment and is not recorded as usage up to it, or to its own end."""
        return self.filter(Q(ends_at=None) | Q(metered_until__lt=F("ends_at")), metered_until__lt=before)


class Meter(models.Model):
    """One line of a billed resource at one price and quantity, from ``starts_at`` until ``ends_at``.

    A resize or a new price ends a meter and begins another, so a meter's rate never changes and what it recorded can
    always be computed again. Times are whole seconds. Two meters of one line never overlap (a constraint).
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="meters")
    resource = models.ForeignKey(BilledResource, on_delete=models.PROTECT, related_name="meters")
    line = models.CharField(max_length=90)  # the SKU; "sku#2" for a second line of the same SKU
    label = models.CharField(max_length=120)
    sku = models.CharField(max_length=80)
    region = models.CharField(max_length=40)
    unit = models.CharField(max_length=10, choices=Unit.choices)
    quantity = models.DecimalField(max_digits=18, decimal_places=6)
    list_price = models.DecimalField(max_digits=18, decimal_places=6)  # per unit, as the catalogue says
    unit_price = models.DecimalField(max_digits=18, decimal_places=9)  # per unit, after discounts and markups
    currency = models.CharField(max_length=3, default="USD")
    catalogue = models.CharField(max_length=20)  # version of the price catalogue
    is_paused_by_stop = models.BooleanField(default=False)  # a stopped machine does not cost this
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    metered_until = models.DateTimeField()  # recorded as usage so far

    objects = MeterQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")), name="meter_ends_after_its_start"
            ),
            models.CheckConstraint(
                condition=Q(metered_until__gte=F("starts_at")) & (Q(ends_at=None) | Q(metered_until__lte=F("ends_at"))),
                name="metered_within_the_meter",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=0, unit_price__gte=0), name="meter_not_negative"),
            ExclusionConstraint(
                name="meters_of_a_line_never_overlap",
                expressions=[
                    ("resource", RangeOperators.EQUAL),
                    ("line", RangeOperators.EQUAL),
                    (TsTzRange("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes = [
            models.Index(
                fields=["account", "metered_until"],
                condition=Q(ends_at=None) | Q(metered_until__lt=F("ends_at")),
                name="meter_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.resource_id}"


class UsageRecordQuerySet(models.QuerySet["UsageRecord"]):
    def visible_to(self, actor: Actor) -> UsageRecordQuerySet:
        return self.filter(account__organization=actor.organization)


class UsageRecord(models.Model):
    """What one meter ran within one hour (UTC). Written once, with the charge that booked it; never changed.

    ``amount`` is the meter's cost from its start to the end of this record, rounded, minus the same to its beginning:
    so the records of a meter add up to its whole cost, rounded once.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="usage")
    resource = models.ForeignKey(BilledResource, on_delete=models.PROTECT, related_name="usage")
    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="usage")
    entry = models.ForeignKey(LedgerEntry, null=True, on_delete=models.PROTECT, related_name="usage")  # null: all free
    hour = models.DateTimeField()  # its beginning
    seconds = models.PositiveSmallIntegerField()  # 1 to 3600
    amount = models.DecimalField(max_digits=18, decimal_places=6)

    objects = UsageRecordQuerySet.as_manager()

    class Meta:
        ordering = ["-hour", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["meter", "hour"], name="usage_once_per_meter_and_hour"),
            models.CheckConstraint(condition=Q(seconds__gte=1, seconds__lte=3600), name="usage_within_the_hour"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="usage_not_negative"),
        ]
        indexes = [
            models.Index(fields=["account", "-hour", "-id"], name="usage_by_account"),
            models.Index(fields=["resource", "-hour"], name="usage_by_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.seconds} s from {self.hour:%Y-%m-%d %H:00}"


class DailyCostQuerySet(models.QuerySet["DailyCost"]):
    def visible_to(self, actor: Actor) -> DailyCostQuerySet:
        return self.filter(account__organization=actor.organization)


class DailyCost(models.Model):
    """The usage of one resource and SKU on one day (UTC), added up in the statement that writes the usage."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="daily_costs")
    resource = models.ForeignKey(BilledResource, on_delete=models.PROTECT, related_name="daily_costs")
    day = models.DateField()
    sku = models.CharField(max_length=80)
    amount = models.DecimalField(max_digits=18, decimal_places=6)
    seconds = models.PositiveBigIntegerField()
    records = models.PositiveIntegerField()

    objects = DailyCostQuerySet.as_manager()

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["resource", "day", "sku"], name="daily_cost_once")]
        indexes = [models.Index(fields=["account", "day"], include=["amount", "resource"], name="daily_cost_by_day")]

    def __str__(self) -> str:
        return f"{self.amount} on {self.day}"
