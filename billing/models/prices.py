from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .ledger import Account


class Unit(models.TextChoices):
    HOUR = "hour", "per hour"
    GB_MONTH = "gb_month", "per GB and month"
    GIB_MONTH = "gib_month", "per GiB and month"


class Price(models.Model):
    """A list price in one version of the price catalogue. Rows are added, never changed."""

    catalogue = models.CharField(max_length=20)  # version of the data file: "2026-11-23"
    sku = models.CharField(max_length=80)  # "aws:compute:t3.micro", "aws:disk:gp3"
    region = models.CharField(max_length=40)  # the cloud's own name: "eu-west-1"
    unit = models.CharField(max_length=10, choices=Unit.choices)
    amount = models.DecimalField(max_digits=18, decimal_places=6)  # USD per unit
    currency = models.CharField(max_length=3, default="USD")
    source = models.TextField()
    as_of = models.CharField(max_length=40)  # the source's own date, as it states it
    is_approximate = models.BooleanField(default=False)  # derived, or from memory, or not region-specific
    is_current = models.BooleanField(default=True)

    class Meta:
        ordering = ["sku", "region"]
        constraints = [
            models.UniqueConstraint(fields=["catalogue", "sku", "region"], name="price_once_per_catalogue"),
            models.UniqueConstraint(fields=["sku", "region"], condition=Q(is_current=True), name="price_current_once"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.sku} in {self.region}: {self.amount} {self.currency} {self.get_unit_display()}"


class Quote(models.Model):
    """What something was offered at: kept for the reference it was ordered under."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="quotes")
    reference = models.CharField(max_length=80, db_index=True)
    catalogue = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    hourly = models.DecimalField(max_digits=18, decimal_places=6)
    monthly = models.DecimalField(max_digits=18, decimal_places=6)
    lines = models.JSONField()  # [{label, sku, unit, quantity, list_price, unit_price, ...}], see quotes.QuotedLine
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.monthly} {self.currency} a month for {self.reference}"
