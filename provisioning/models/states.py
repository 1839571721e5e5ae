from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from accounts.fields import SealedTextField

from .resources import Resource
from .runs import Run


class StateVersion(models.Model):
    """Terraform's state after a run, encrypted. The newest (highest serial) is the truth; none is ever changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="states")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="states")
    serial = models.PositiveBigIntegerField()  # Terraform's own, only grows
    lineage = models.CharField(max_length=64)
    body = SealedTextField()
    sha256 = models.CharField(max_length=64)  # of the plain body
    objects_count = models.PositiveIntegerField()  # managed objects in it; 0 after a complete destroy
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-serial"]
        constraints = [models.UniqueConstraint(fields=["resource", "serial"], name="state_serial_once")]

    def __str__(self) -> str:
        return f"serial {self.serial} of {self.resource_id}"
