from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone


class Worker(models.Model):
    """A worker process: what it runs with and when it was last heard of."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    concurrency = models.PositiveSmallIntegerField()
    engine = models.CharField(max_length=60, blank=True)  # "terraform 1.11.4"
    isolation = models.CharField(max_length=60, blank=True)  # "bubblewrap 0.11.0", "none"
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-heartbeat_at"]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
