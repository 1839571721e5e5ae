from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

from accounts.fields import SealedJSONField
from accounts.models import Organization

if TYPE_CHECKING:
    from accounts.actors import Actor


class Provider(models.TextChoices):
    AWS = "aws", "AWS"
    AZURE = "azure", "Azure"
    GCP = "gcp", "Google Cloud"


class CloudAccountStatus(models.TextChoices):
    UNVERIFIED = "unverified", "Not verified yet"
    VERIFIED = "verified", "Verified"
    LIMITED = "limited", "Permissions missing"
    REFUSED = "refused", "Refused by the cloud"


KEYLESS = frozenset({"oidc", "assume_role"})  # methods of clouds.credentials


class CloudAccountQuerySet(models.QuerySet["CloudAccount"]):
    def visible_to(self, actor: Actor) -> CloudAccountQuerySet:
        """The organization's accounts, without the sealed column: nothing that reads a page decrypts a key."""
        return self.filter(organization=actor.organization).defer("credentials")


class CloudAccount(models.Model):
    """Keys to one cloud. Write-only: ``credentials`` is read by the worker for a run and by nobody else."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="cloud_accounts")
    provider = models.CharField(max_length=10, choices=Provider.choices)
    name = models.CharField(max_length=80)
    credentials = SealedJSONField()
    credential_method = models.CharField(max_length=24, blank=True)  # see clouds.credentials; empty: the usual one
    credential_hint = models.CharField(max_length=80, blank=True)  # "AKIA…MPLE": enough to tell keys apart
    default_region = models.CharField(max_length=40, blank=True)
    # Where this account's bill is exported to, for clouds without a cost API: "project.dataset.table" of BigQuery
    billing_export = models.CharField(max_length=200, blank=True)
    # Set by the operator's seed only, never from a form or the API: its endpoint is a setting (no SSRF by tenants).
    is_sandbox = models.BooleanField("simulated cloud", default=False, editable=False)
    status = models.CharField(max_length=12, choices=CloudAccountStatus.choices, default=CloudAccountStatus.UNVERIFIED)
    status_detail = models.CharField(max_length=500, blank=True)  # the cloud's own words when refused
    identity = models.CharField(max_length=255, blank=True)  # "arn:aws:iam::123456789012:user/skyvend"
    missing_permissions = models.JSONField(default=list)  # ["ec2:RunInstances", ...]
    unchecked_permissions = models.JSONField(default=list)  # those the probe could not tell: neither missing nor seen
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CloudAccountQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="cloud_account_name_once"),
            models.CheckConstraint(
                condition=models.Q(provider__in=Provider.values), name="cloud_account_provider_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_keyless(self) -> bool:
        """Whether the cloud trusts the platform by name and nothing that opens it is stored."""
        return self.credential_method in KEYLESS
