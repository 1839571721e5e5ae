from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Organization

from .resources import Resource

if TYPE_CHECKING:
    from accounts.actors import Actor


class SizingVerdict(models.TextChoices):
    """What came of looking at a machine."""

    PROPOSED = "proposed", "Another size fits better"
    DISMISSED = "dismissed", "Proposal dismissed"
    FITS = "fits", "The size fits"
    TOO_LITTLE = "too_little", "Not enough data yet"
    NO_MEMORY = "no_memory", "Memory is not known"
    NOTHING_BETTER = "nothing_better", "Nothing better on offer"
    UNREADABLE = "unreadable", "Could not be read"


class SizingReadingQuerySet(models.QuerySet["SizingReading"]):
    def visible_to(self, actor: Actor) -> SizingReadingQuerySet:
        return self.filter(organization=actor.organization)


class SizingReading(models.Model):
    """The latest look at a machine: how busy it was, and what that says of its size. Written anew each day."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    resource = models.OneToOneField(Resource, on_delete=models.CASCADE, related_name="sizing_reading")
    read_at = models.DateTimeField()
    first = models.DateTimeField()  # the window that was asked for
    last = models.DateTimeField()
    verdict = models.CharField(max_length=16, choices=SizingVerdict.choices)
    detail = models.CharField(max_length=500, blank=True)  # why, in words
    # {"cpu": {"mean", "p95", "max", "hours"}, "memory", "network_in", "network_out"}: percent, bytes per second; what
    # the cloud has no data of is missing
    figures = models.JSONField(default=dict)

    objects = SizingReadingQuerySet.as_manager()

    class Meta:
        ordering = ["resource__name"]
        indexes = [models.Index(fields=["organization", "verdict"])]

    def __str__(self) -> str:
        return f"{self.resource_id}: {self.verdict}"


class SizingStatus(models.TextChoices):
    OPEN = "open", "Open"
    DISMISSED = "dismissed", "Dismissed"
    APPLIED = "applied", "Applied"
    STALE = "stale", "Out of date"


class SizingDirection(models.TextChoices):
    SMALLER = "smaller", "Smaller"
    LARGER = "larger", "Larger"


class SizingProposalQuerySet(models.QuerySet["SizingProposal"]):
    def visible_to(self, actor: Actor) -> SizingProposalQuerySet:
        return self.filter(organization=actor.organization)

    def open(self) -> SizingProposalQuerySet:
        return self.filter(status=SizingStatus.OPEN)


class SizingProposal(models.Model):
    """Another machine for a resource, with the figures that speak for it. At most one is open for each resource."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="sizing_proposals")
    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="sizing_proposals")
    status = models.CharField(max_length=10, choices=SizingStatus.choices, default=SizingStatus.OPEN)
    direction = models.CharField(max_length=8, choices=SizingDirection.choices)
    from_inputs = models.JSONField()  # only what would change: {"size": "large"}
    to_inputs = models.JSONField()  # {"size": "medium"}
    from_machine = models.CharField(max_length=40)  # the cloud's own names: "t3.large"
    to_machine = models.CharField(max_length=40)
    first = models.DateTimeField()  # the window of the figures
    last = models.DateTimeField()
    figures = models.JSONField()  # as a reading's, and {"expected": {"cpu_p95", "memory_p95"}}: percent of the proposed
    reason = models.CharField(max_length=300)
    caution = models.CharField(max_length=500, blank=True)
    monthly_before = models.DecimalField(max_digits=18, decimal_places=6)
    monthly_after = models.DecimalField(max_digits=18, decimal_places=6)
    saving = models.DecimalField(max_digits=18, decimal_places=6)  # per month; negative for a larger machine
    currency = models.CharField(max_length=3)
    made_at = models.DateTimeField(default=timezone.now)  # when its figures were last worked out
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    dismissal = models.CharField(max_length=300, blank=True)  # why not, in their words

    objects = SizingProposalQuerySet.as_manager()

    class Meta:
        ordering = ["-saving", "made_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["resource"], condition=models.Q(status="open"), name="sizing_one_open_per_resource"
            ),
            models.CheckConstraint(
                condition=models.Q(saving=models.F("monthly_before") - models.F("monthly_after")),
                name="sizing_saving_is_the_difference",
            ),
        ]
        indexes = [models.Index(fields=["organization", "status"])]

    def __str__(self) -> str:
        return f"{self.from_machine} → {self.to_machine}"

    @property
    def extra(self) -> Decimal:
        """What it would cost more per month; negative for a smaller machine."""
        return -self.saving

    def applied_to(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """``inputs`` of the resource with the proposed machine in them."""
        kept = {name: value for name, value in inputs.items() if name not in self.from_inputs}
        return {**kept, **self.to_inputs}
