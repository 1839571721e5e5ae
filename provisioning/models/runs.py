from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Organization

from .resources import Resource

if TYPE_CHECKING:
    from accounts.actors import Actor


class Operation(models.TextChoices):
    CREATE = "create", "Create"
    UPDATE = "update", "Update"
    DESTROY = "destroy", "Destroy"
    START = "start", "Start"
    STOP = "stop", "Stop"
    DETECT_DRIFT = "detect_drift", "Detect drift"
    RECOVER = "recover", "Recover"


class RunStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    PREPARING = "preparing", "Preparing"
    PLANNING = "planning", "Planning"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    APPLYING = "applying", "Applying"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"
    LOST = "lost", "Lost"


ENDED_RUN_STATUSES = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED, RunStatus.LOST})
LIVE_RUN_STATUSES = frozenset(RunStatus) - ENDED_RUN_STATUSES
WORKING_RUN_STATUSES = frozenset({RunStatus.PREPARING, RunStatus.PLANNING, RunStatus.APPLYING})  # a worker holds it

_ENDS = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED, RunStatus.LOST})
TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.PREPARING, RunStatus.CANCELED}),
    RunStatus.PREPARING: frozenset({RunStatus.PLANNING, RunStatus.APPLYING}) | _ENDS,
    RunStatus.PLANNING: frozenset({RunStatus.AWAITING_APPROVAL, RunStatus.APPLYING}) | _ENDS,
    RunStatus.AWAITING_APPROVAL: frozenset({RunStatus.PREPARING, RunStatus.APPLYING, RunStatus.CANCELED}),
    RunStatus.APPLYING: _ENDS,
}


class IllegalTransition(Exception):
    """A run was asked to move where the table does not let it, or somebody else moved it first."""


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, actor: Actor) -> RunQuerySet:
        return self.filter(organization=actor.organization)

    def live(self) -> RunQuerySet:
        return self.filter(status__in=LIVE_RUN_STATUSES)

    def working(self) -> RunQuerySet:
        return self.filter(status__in=WORKING_RUN_STATUSES)


class Run(models.Model):
    """One execution of Terraform for one resource. The row is the job: the queue is the set of queued rows."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="runs")
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="runs")
    operation = models.CharField(max_length=12, choices=Operation.choices)
    status = models.CharField(max_length=20, choices=RunStatus.choices, default=RunStatus.QUEUED)
    inputs = models.JSONField()  # the inputs this run applies; the resource's become these when it succeeds
    tags = models.JSONField(default=dict)  # the tenant's own tags this run puts on the objects in the cloud
    previous = models.JSONField(default=dict)  # {inputs, hourly, monthly, hold} to go back to if an update fails
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_by_label = models.CharField(max_length=255, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    idempotency_key = models.CharField(max_length=120, null=True, blank=True)  # noqa: DJ001 - null: no key given
    request_fingerprint = models.CharField(max_length=64, blank=True)  # SHA-256 of the keyed request's body
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)  # claimed by a worker
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    worker = models.ForeignKey(
        "provisioning.Worker", null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    last_seq = models.PositiveIntegerField(default=0)  # seq of the newest event; see events.Recorder
    plan = models.JSONField(null=True, blank=True)  # {adds, changes, destroys}
    error = models.JSONField(null=True, blank=True)  # {summary, advice, cloud_message, raw, address}

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-queued_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["resource"],
                condition=~models.Q(status__in=["succeeded", "failed", "canceled", "lost"]),
                name="run_one_live_per_resource",
            ),
            models.UniqueConstraint(
                fields=["organization", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="run_idempotency_key_once",
            ),
        ]
        indexes = [
            models.Index(fields=["queued_at"], condition=models.Q(status="queued"), name="run_queue"),
            models.Index(
                fields=["organization", "queued_at"], condition=models.Q(status="queued"), name="run_queue_by_tenant"
            ),
            models.Index(
                fields=["organization", "status"],
                condition=models.Q(status__in=["preparing", "planning", "applying"]),
                name="run_working",
            ),
            models.Index(fields=["organization", "-queued_at"]),
            models.Index(fields=["resource", "-queued_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.resource_id}"

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED_RUN_STATUSES

    def advance(self, to: RunStatus, **fields: Any) -> None:
        """Move to ``to`` and set ``fields`` with one conditional UPDATE.

        Raises :class:`IllegalTransition` when the table forbids the move or the row is no longer where this object
        believes it is (somebody else, such as recovery, moved it first); nothing is written then.
        """
        if to not in TRANSITIONS.get(RunStatus(self.status), frozenset()):
            raise IllegalTransition(f"run {self.pk}: {self.status} cannot become {to}")
        if to in ENDED_RUN_STATUSES:
            fields = {"finished_at": timezone.now(), "lease_expires_at": None, **fields}
        moved = Run.objects.filter(pk=self.pk, status=self.status).update(status=to, **fields)
        if not moved:
            raise IllegalTransition(f"run {self.pk} is no longer {self.status}")
        self.status = to
        for name, value in fields.items():
            setattr(self, name, value)


class Level(models.TextChoices):
    DEBUG = "debug", "Debug"
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"


class RunEventQuerySet(models.QuerySet["RunEvent"]):
    def visible_to(self, actor: Actor) -> RunEventQuerySet:
        return self.filter(run__organization=actor.organization)

    def after(self, seq: int) -> RunEventQuerySet:
        """Events newer than ``seq``, oldest first."""
        return self.filter(seq__gt=seq).order_by("seq")


class RunEvent(models.Model):
    """A line of a run's log: gap-free ``seq`` from 1 within the run."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    time = models.DateTimeField()
    level = models.CharField(max_length=7, choices=Level.choices, default=Level.INFO)
    kind = models.CharField(max_length=30)  # see provisioning.terraform.messages.EventKind
    message = models.TextField()
    data = models.JSONField(default=dict)  # per kind: {address, action, elapsed_seconds, ...}

    objects = RunEventQuerySet.as_manager()

    class Meta:
        ordering = ["run", "seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="run_event_seq_once")]

    def __str__(self) -> str:
        return f"#{self.seq} {self.message}"
