from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from accounts.fields import SealedTextField


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    def published(self, now: datetime) -> SigningKeyQuerySet:
        """Those whose signatures count: the next one, the current one, and retired ones with tokens still alive."""
        return self.filter(models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now))

    def signing(self, now: datetime) -> SigningKeyQuerySet:
        """The current one, if there is one."""
        return self.filter(activates_at__lte=now).filter(
            models.Q(retires_at__isnull=True) | models.Q(retires_at__gt=now)
        )


class SigningKey(models.Model):
    """A key with which the platform signs tokens for clouds. See ``clouds.issuer`` for how one follows another.

    Next (published, does not sign yet) → current (from ``activates_at``) → retired (from ``retires_at``; still
    published, its private half forgotten) → gone (from ``expires_at``).
    """

    kid = models.CharField("key id", primary_key=True, max_length=43)  # RFC 7638 thumbprint of the public half
    private_key = SealedTextField(null=True)  # PEM; forgotten once it has retired
    public_key = models.JSONField()  # as a JSON Web Key (RFC 7517)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    activates_at = models.DateTimeField()
    retires_at = models.DateTimeField(null=True, blank=True)  # when the one after it activates
    expires_at = models.DateTimeField(null=True, blank=True)  # when the last token it signed has ended

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-activates_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(retires_at__isnull=True, expires_at__isnull=True)
                | models.Q(expires_at__gte=models.F("retires_at")),
                name="signing_key_expires_after_it_retires",
            ),
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(retires_at__isnull=True), name="signing_key_one_without_successor"
            ),
        ]

    def __str__(self) -> str:
        return self.kid

    @property
    def state(self) -> str:
        """One of "next", "current", "retired" and "gone"."""
        now = timezone.now()
        if self.activates_at > now:
            return "next"
        if self.retires_at is None or self.retires_at > now:
            return "current"
        return "retired" if self.expires_at is None or self.expires_at > now else "gone"
