"""Recomputing what the accounts should say from their entries and open holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from .models import ZERO, Account, Hold, LedgerEntry


@dataclass(frozen=True, slots=True)
class Difference:
    """An account whose stored figure is not what its rows add up to."""

    account: Account
    figure: str
    stored: Decimal
    computed: Decimal

    def __str__(self) -> str:
        return f"{self.account}: {self.figure} is {self.stored}, but its rows add up to {self.computed}"


def differences() -> Iterator[Difference]:
    """Every disagreement between accounts and their ledgers and holds, in one query."""
    wrong = ~Q(balance=F("balance_computed")) | ~Q(held=F("held_computed")) | ~Q(entries_count=F("entries_computed"))
    for account in _recomputed().filter(wrong).select_related("organization").iterator():
        for figure, computed in (
            ("balance", account.balance_computed),
            ("held", account.held_computed),
            ("entries_count", account.entries_computed),
        ):
            stored = getattr(account, figure)
            if stored != computed:
                yield Difference(account, figure, stored, computed)


def _recomputed() -> QuerySet[Any]:
    entries = LedgerEntry.objects.filter(account=OuterRef("pk")).order_by().values("account")
    holds = Hold.objects.open().filter(account=OuterRef("pk")).order_by().values("account")
    zero = Value(ZERO, output_field=DecimalField(max_digits=18, decimal_places=6))
    return Account.objects.annotate(
        balance_computed=Coalesce(Subquery(entries.annotate(total=Sum("amount")).values("total")), zero),
        entries_computed=Coalesce(Subquery(entries.annotate(total=Count("pk")).values("total")), 0),
        held_computed=Coalesce(Subquery(holds.annotate(total=Sum("amount")).values("total")), zero),
    )
