from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.fields import SealedJSONField
from accounts.models import Organization
from clouds.models import CloudAccount, Kind, OfferingVersion, Provider

if TYPE_CHECKING:
    from accounts.actors import Actor


class ResourceStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    PROVISIONING = "provisioning", "Provisioning"
    ACTIVE = "active", "Active"
    UPDATING = "updating", "Updating"
    STOPPED = "stopped", "Stopped"
    DESTROYING = "destroying", "Destroying"
    DESTROYED = "destroyed", "Destroyed"
    FAILED = "failed", "Failed"
    ORPHANED = "orphaned", "Forgotten"  # we let go of it; its cloud objects, if any, stay


GONE_RESOURCE_STATUSES = frozenset({ResourceStatus.DESTROYED, ResourceStatus.ORPHANED})
LIVE_RESOURCE_STATUSES = frozenset(ResourceStatus) - GONE_RESOURCE_STATUSES


def protect_while_live(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """``on_delete`` of a resource's cloud account: refused while a live resource needs it, else forgotten."""
    live = [resource for resource in sub_objs if resource.status in LIVE_RESOURCE_STATUSES]
    if live:
        raise models.ProtectedError(f"{len(live)} live resources use this cloud account", set(live))
    models.SET_NULL(collector, field, sub_objs, using)


class ResourceQuerySet(models.QuerySet["Resource"]):
    def visible_to(self, actor: Actor) -> ResourceQuerySet:
        """The organization's resources without their sealed outputs; read those one at a time, on purpose."""
        return self.filter(organization=actor.organization).defer("sealed_outputs")

    def live(self) -> ResourceQuerySet:
        return self.filter(status__in=LIVE_RESOURCE_STATUSES)


class Resource(models.Model):
    """Something a tenant ordered: one module version applied with one set of inputs on one cloud account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="resources")
    name = models.CharField(max_length=60)
    offering_version = models.ForeignKey(OfferingVersion, on_delete=models.PROTECT, related_name="+")
    cloud_account = models.ForeignKey(CloudAccount, null=True, on_delete=protect_while_live, related_name="resources")
    provider = models.CharField(max_length=10, choices=Provider.choices)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    region = models.CharField(max_length=40)
    inputs = models.JSONField()  # what is wanted; complete, with defaults filled in
    status = models.CharField(max_length=12, choices=ResourceStatus.choices, default=ResourceStatus.PENDING)
    outputs = models.JSONField(default=dict)  # {name: value}, those not sensitive
    sealed_outputs = SealedJSONField(null=True)  # {name: value}, the sensitive ones
    hourly_cost = models.DecimalField(max_digits=18, decimal_places=6)
    monthly_cost = models.DecimalField(max_digits=18, decimal_places=6)
    currency = models.CharField(max_length=3, default="USD")
    tags = models.JSONField(default=dict)  # {"team": "data"}: what costs are grouped and budgets are made by
    # True after an abnormal end (lost, killed): objects may exist that the state does not know. The next run that
    # touches this resource looks for them by tag first.
    needs_adoption = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    activated_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)  # destroyed or forgotten

    objects = ResourceQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"],
                condition=~models.Q(status__in=["destroyed", "orphaned"]),
                name="resource_name_once_among_live",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at"]),
            models.Index(fields=["organization", "status"]),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        return self.status in LIVE_RESOURCE_STATUSES

    @property
    def offering_id(self) -> str:
        return f"{self.provider}/{self.kind}"

    @property
    def hold_reference(self) -> str:
        """The key under which billing reserves this resource's credit."""
        return f"resource:{self.pk}"
