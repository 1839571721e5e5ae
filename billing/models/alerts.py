"""What is said about money, where it is sent, and how the sending went."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.fields import SealedTextField

from .budgets import Budget
from .ledger import Account

if TYPE_CHECKING:
    from accounts.actors import Actor


SEALED = ("address", "secret", "previous_secret")  # of a channel; read by whoever sends, and by nobody else


class ChannelKind(models.TextChoices):
    TEAM = "team", "Owners and admins"  # of every account, by itself: an e-mail to whoever they are at that moment
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"
    SLACK = "slack", "Slack"


class ChannelQuerySet(models.QuerySet["Channel"]):
    def visible_to(self, actor: Actor) -> ChannelQuerySet:
        return self.filter(account__organization=actor.organization)

    def with_last_delivery(self) -> ChannelQuerySet:
        """``last_status`` and ``last_at``; None where nothing was sent yet."""
        last = Delivery.objects.filter(channel=models.OuterRef("pk")).order_by("-created_at", "-id")
        return self.annotate(
            last_status=models.Subquery(last.values("status")[:1]),
            last_at=models.Subquery(last.values("created_at")[:1]),
        )


class SealedManager(models.Manager["Channel"]):
    """Reads nothing that is sealed unless it is asked for: pages need no key, and a lost one breaks none."""

    def get_queryset(self) -> models.QuerySet[Channel]:
        return super().get_queryset().defer(*SEALED)


ChannelManager = SealedManager.from_queryset(ChannelQuerySet)


class Channel(models.Model):
    """Where alerts go. Addresses and signing secrets are write-only; ``hint`` is what is shown.

    ``previous_secret`` signs beside ``secret`` until ``previous_secret_until``, so that a receiver can change over.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="channels")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=ChannelKind.choices)
    address = SealedTextField(blank=True, default="")  # a member's e-mail address or a URL; of a team channel nothing
    hint = models.CharField(max_length=120)  # "a…@example.com", "https://hooks.example.com/…"
    secret = SealedTextField(blank=True, default="")  # signs webhooks
    previous_secret = SealedTextField(blank=True, default="")
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    switched_off_because = models.CharField(max_length=200, blank=True)  # when the platform did it
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ChannelManager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="channel_name_once"),
            models.UniqueConstraint(fields=["account"], condition=Q(kind="team"), name="channel_team_once"),
        ]

    def __str__(self) -> str:
        return self.name

    def signing_secrets(self, now: datetime) -> list[str]:
        """The newest first; while a receiver changes over there are two."""
        is_overlapping = self.previous_secret_until is not None and now < self.previous_secret_until
        secrets = [self.secret, self.previous_secret] if is_overlapping else [self.secret]
        return [secret for secret in map(str, secrets) if secret]


class AlertKind(models.TextChoices):
    BUDGET = "budget", "Budget"
    CREDIT = "credit", "Credit"
    ANOMALY = "anomaly", "Unusual cost"
    TEST = "test", "Test"


class Severity(models.TextChoices):
    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, actor: Actor) -> AlertQuerySet:
        return self.filter(account__organization=actor.organization)

    def with_deliveries(self) -> AlertQuerySet:
        """And their channels, in one more query."""
        return self.prefetch_related(models.Prefetch("deliveries", Delivery.objects.with_channel()))


class Alert(models.Model):
    """Something said once: ``key`` makes it so, like "budget:<uuid>:2026-11:actual:80"."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=10, choices=AlertKind.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    key = models.CharField(max_length=200)
    budget = models.ForeignKey(Budget, null=True, blank=True, on_delete=models.SET_NULL, related_name="alerts")
    subject = models.CharField(max_length=200)
    text = models.TextField()
    data = models.JSONField(default=dict)  # the figures, for programs; amounts are strings
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="alert_once_per_key")]

    def __str__(self) -> str:
        return self.subject


class DeliveryStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def visible_to(self, actor: Actor) -> DeliveryQuerySet:
        return self.filter(alert__account__organization=actor.organization)

    def with_channel(self) -> DeliveryQuerySet:
        """Without what is sealed of it."""
        return self.select_related("channel").defer(*(f"channel__{name}" for name in SEALED))

    def with_log(self) -> DeliveryQuerySet:
        """With everything a delivery log shows, in two queries."""
        return self.with_channel().select_related("alert").prefetch_related("log")


class Delivery(models.Model):
    """One alert on its way to one channel: the outbox. Its id goes with every attempt, so a receiver can tell doubles.

    Written in the transaction that writes the alert; claimed by lease, so that a worker's death loses nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    number = models.PositiveSmallIntegerField(default=1)  # 2 and more: delivered again by hand
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)  # begun
    failures = models.PositiveSmallIntegerField(default=0)  # ended without success; a killed worker is none
    next_attempt_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["alert", "channel", "number"], name="delivery_once_per_number"),
            models.CheckConstraint(
                condition=Q(status="waiting", finished_at=None) | (~Q(status="waiting") & Q(finished_at__isnull=False)),
                name="delivery_finished_when_not_waiting",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="waiting"), name="delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.alert} to {self.channel}"


class DeliveryAttempt(models.Model):
    """One try of a delivery, for the delivery log.

    Written before it is sent; without ``milliseconds`` the worker was killed and nobody knows the end.
    """

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)  # plain words; never an address or a secret

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_once")]

    def __str__(self) -> str:
        return f"Attempt {self.number}"
