from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from .accounts import Provider


class Kind(models.TextChoices):
    VM = "vm", "Virtual machine"
    BUCKET = "bucket", "Storage bucket"
    KUBERNETES = "kubernetes", "Kubernetes cluster"


class OfferingQuerySet(models.QuerySet["Offering"]):
    def available(self) -> OfferingQuerySet:
        """What can be ordered now, its current version fetched along."""
        return self.filter(is_available=True, current__isnull=False).select_related("current")


class Offering(models.Model):
    """Something on the shelf: one kind on one provider, such as "aws/vm". Written by ``load_catalogue``."""

    id = models.CharField(primary_key=True, max_length=40)  # "aws/vm"
    provider = models.CharField(max_length=10, choices=Provider.choices)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    is_available = models.BooleanField(default=True, help_text="Operators may take an offering off the shelf.")
    current = models.ForeignKey("OfferingVersion", null=True, on_delete=models.PROTECT, related_name="+")

    objects = OfferingQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "provider"]
        constraints = [models.UniqueConstraint(fields=["provider", "kind"], name="offering_once")]

    def __str__(self) -> str:
        return self.id


class OfferingVersion(models.Model):
    """One released directory ``terraform_modules/<provider>/<kind>/<version>/``. Never changes once released."""

    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=20)  # "1.0.0"
    content_hash = models.CharField(max_length=64)  # SHA-256 over the names and contents of the module's files
    title = models.CharField(max_length=80)
    summary = models.CharField(max_length=255, blank=True)
    manifest = models.JSONField()  # offering.toml as read; see clouds.catalogue.Manifest
    schema = models.JSONField()  # JSON Schema (2020-12) of the inputs, from variables.tf and offering.toml
    loaded_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["offering", "version"]
        constraints = [models.UniqueConstraint(fields=["offering", "version"], name="offering_version_once")]

    def __str__(self) -> str:
        return f"{self.offering_id}@{self.version}"

    @property
    def directory(self) -> str:
        """The module's folder relative to ``settings.TERRAFORM_MODULES``: "aws/vm/1.0.0"."""
        return f"{self.offering_id}/{self.version}"

    @property
    def input_names(self) -> list[str]:
        """The inputs in the order the form shows them; JSON objects in the database keep none."""
        return list(self.manifest.get("order", self.manifest.get("inputs", {})))

    @property
    def regions(self) -> list[str]:
        return [choice["const"] for choice in self._property("region").get("oneOf", [])]

    def _property(self, name: str) -> dict[str, Any]:
        properties: dict[str, dict[str, Any]] = self.schema.get("properties", {})
        return properties.get(name, {})


class MachineType(models.Model):
    """A VM size of one provider. Seeded from a data file with its source."""

    provider = models.CharField(max_length=10, choices=Provider.choices)
    name = models.CharField(max_length=40)  # "t3.medium"
    vcpu = models.DecimalField(max_digits=6, decimal_places=2)
    memory_gib = models.DecimalField(max_digits=8, decimal_places=2)
    arch = models.CharField(max_length=10, default="x86_64")

    class Meta:
        ordering = ["provider", "vcpu", "memory_gib", "name"]
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="machine_type_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.vcpu.normalize():f} vCPU, {self.memory_gib.normalize():f} GiB)"
