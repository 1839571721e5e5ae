from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from billing.money import plain

from .ledger import ZERO, Account

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.actors import Actor


class PriceAdjustmentQuerySet(models.QuerySet["PriceAdjustment"]):
    def visible_to(self, actor: Actor) -> PriceAdjustmentQuerySet:
        return self.filter(account__organization=actor.organization)

    def not_ended(self, at: datetime) -> PriceAdjustmentQuerySet:
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at))


class PriceAdjustment(models.Model):
    """What a tenant pays instead of list prices: so many percent less or more, or a price of its own for one SKU.

    Rows are added and ended, never edited, so that an old quote can be explained. See ``billing.adjustments`` for how
    several of them work together.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="adjustments")
    cloud_account = models.CharField(max_length=40, blank=True)  # opaque id; blank: in all of them
    sku_prefix = models.CharField(max_length=80, blank=True)  # "aws:compute:"; blank: everything
    percent = models.DecimalField(max_digits=7, decimal_places=3, null=True, blank=True)  # negative: a discount
    unit_price = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)  # of the SKU, per its unit
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_by_label = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PriceAdjustmentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__isnull=False, unit_price=None)
                | (Q(percent=None, unit_price__gte=0) & ~Q(sku_prefix="")),
                name="adjustment_is_percent_or_price_of_a_sku",
            ),
            models.CheckConstraint(
                condition=Q(percent=None) | Q(percent__gt=-100, percent__lte=1000), name="adjustment_percent_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")), name="adjustment_ends_after_its_start"
            ),
        ]

    def __str__(self) -> str:
        """Like "-15% on aws:compute:" or "0.031 for aws:compute:t3.large"."""
        if self.percent is not None:
            sign = "+" if self.percent > 0 else ""
            return f"{sign}{plain(self.percent)}% on {self.sku_prefix or 'everything'}"
        return f"{plain(self.unit_price or ZERO)} for {self.sku_prefix}"
