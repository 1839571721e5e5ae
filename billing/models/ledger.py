from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Organization

if TYPE_CHECKING:
    from accounts.actors import Actor

ZERO = Decimal(0)


class AccountQuerySet(models.QuerySet["Account"]):
    def visible_to(self, actor: Actor) -> AccountQuerySet:
        return self.filter(organization=actor.organization)


class Account(models.Model):
    """An organization's credit. ``balance`` is the sum of its ledger, ``held`` the sum of its open holds."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="billing_account")
    currency = models.CharField(max_length=3, default="USD")
    balance = models.DecimalField(max_digits=18, decimal_places=6, default=ZERO)
    held = models.DecimalField(max_digits=18, decimal_places=6, default=ZERO)
    entries_count = models.PositiveBigIntegerField(default=0, editable=False)  # number of the last ledger entry
    stops_machines = models.BooleanField(default=False)  # once the credit is used up; an operator's choice
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(held__gte=0), name="account_held_not_negative")]

    def __str__(self) -> str:
        return f"Credit of {self.organization}"

    @property
    def available(self) -> Decimal:
        """What can still be ordered: balance minus open holds."""
        return self.balance - self.held


class HoldStatus(models.TextChoices):
    OPEN = "open", "Open"
    SETTLED = "settled", "Settled"
    RELEASED = "released", "Released"


class HoldQuerySet(models.QuerySet["Hold"]):
    def visible_to(self, actor: Actor) -> HoldQuerySet:
        return self.filter(account__organization=actor.organization)

    def open(self) -> HoldQuerySet:
        return self.filter(status=HoldStatus.OPEN)


class Hold(models.Model):
    """Credit set aside for something that exists or is being made, until it is gone.

    ``has_blocking_budgets``: whether the account had budgets that refuse orders when the hold was made, so that an
    order need not ask; True where nobody looked.
    """

    has_blocking_budgets = True

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds")
    reference = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True)
    amount = models.DecimalField(max_digits=18, decimal_places=6)
    status = models.CharField(max_length=10, choices=HoldStatus.choices, default=HoldStatus.OPEN)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "reference"], condition=Q(status="open"), name="hold_open_once_per_reference"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="hold_not_negative"),
            models.CheckConstraint(
                condition=Q(status="open", closed_at=None) | (~Q(status="open") & Q(closed_at__isnull=False)),
                name="hold_closed_when_not_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} held for {self.reference}"


class EntryKind(models.TextChoices):
    TOP_UP = "top_up", "Top-up"
    CHARGE = "charge", "Charge"
    REFUND = "refund", "Refund"


class LedgerEntryQuerySet(models.QuerySet["LedgerEntry"]):
    def visible_to(self, actor: Actor) -> LedgerEntryQuerySet:
        return self.filter(account__organization=actor.organization)


class LedgerEntry(models.Model):
    """One movement of credit. Append-only: a database trigger refuses UPDATE and DELETE."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries")
    number = models.PositiveBigIntegerField()  # 1, 2, 3, ... within the account
    kind = models.CharField(max_length=10, choices=EntryKind.choices)
    amount = models.DecimalField(max_digits=18, decimal_places=6)  # signed: a charge is negative
    balance_before = models.DecimalField(max_digits=18, decimal_places=6)
    balance_after = models.DecimalField(max_digits=18, decimal_places=6)
    reference = models.CharField(max_length=120)  # makes the entry idempotent together with its kind
    description = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LedgerEntryQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="entry_number_once"),
            models.UniqueConstraint(fields=["account", "kind", "reference"], name="entry_once_per_reference"),
            models.CheckConstraint(condition=Q(balance_after=F("balance_before") + F("amount")), name="entry_adds_up"),
            models.CheckConstraint(
                condition=Q(kind="charge", amount__lt=0) | Q(kind__in=["top_up", "refund"], amount__gt=0),
                name="entry_sign_fits_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.kind} {self.amount}"
