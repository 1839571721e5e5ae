"""When an organization's credit runs low: what is said of it, once per top-up.

Two measures, because they warn of different things: what is *available* says whether something can still be ordered,
the *balance* says how long what runs can be paid. Nothing is ever destroyed when the credit is used up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse

from .costs import hourly_rate
from .models import Account, EntryKind, LedgerEntry, Severity
from .money import display

WHAT_TO_DO = "Destroy what you no longer need, or ask your operator for a top-up."


@dataclass(frozen=True, slots=True)
class CreditWarning:
    """Something to be said of an account's credit."""

    key: str  # "credit:<number of the last top-up's entry>:available:20"
    severity: Severity
    subject: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credit:
    """How an account's credit stands since its last top-up."""

    account: Account
    top_up: LedgerEntry
    hourly: Decimal  # what runs now

    @property
    def percent(self) -> Decimal:
        """What is available, of what the balance was after the last top-up."""
        level = self.top_up.balance_after
        return self.account.available * 100 / level if level > 0 else Decimal(100)

    @property
    def days_left(self) -> Decimal | None:
        """How long the balance pays for what runs now, in days with one place; None when nothing costs."""
        if self.hourly <= 0:
            return None
        return (self.account.balance / (self.hourly * 24)).quantize(Decimal("0.1"), rounding=ROUND_FLOOR)

    def shown(self, amount: Decimal) -> str:
        return display(amount, self.account.currency)


def credit_of(account: Account) -> Credit | None:
    """How the credit stands; None for an account that never had any. Two queries."""
    top_up = account.entries.filter(kind=EntryKind.TOP_UP).order_by("-number").first()
    return Credit(account, top_up, hourly_rate(account)) if top_up is not None else None


def warnings_of(credit: Credit) -> list[CreditWarning]:
    """What is true of the credit now: that it is used up, or else the tightest threshold of each measure."""
    if credit.account.balance <= 0:
        return [_used_up(credit)]
    found = []
    reached = [each for each in (*settings.CREDIT_ALERT_PERCENT, 0) if credit.percent <= each]
    if reached:
        found.append(_little_available(credit, min(reached)))
    days = credit.days_left
    if days is not None and (reached := [each for each in settings.CREDIT_ALERT_DAYS if days <= each]):
        found.append(_few_days_left(credit, days, min(reached)))
    return found


def due(account: Account) -> list[CreditWarning]:
    """What is true now and worth saying: not what is weaker than what was said since the last top-up."""
    credit = credit_of(account)
    found = warnings_of(credit) if credit is not None else []
    if not found or credit is None:
        return []
    said = set(account.alerts.filter(key__startswith=_prefix(credit)).values_list("key", flat=True))
    return [each for each in found if each.key not in said and not _is_weaker(each.key, said)]


def _is_weaker(key: str, said: Iterable[str]) -> bool:
    """Whether a tighter threshold of the same measure, or that all is used up, was said already."""
    family, _, threshold = key.rpartition(":")
    for each in said:
        measure, _, reached = each.rpartition(":")
        if reached == "used_up" or (measure == family and int(reached) < int(threshold)):
            return True
    return False


def _prefix(credit: Credit) -> str:
    return f"credit:{credit.top_up.number}:"


def _used_up(credit: Credit) -> CreditWarning:
    account = credit.account
    running = f"What runs goes on and costs {credit.shown(credit.hourly * 24)} a day. " if credit.hourly else ""
    stops = "; machines are stopped, their disks and addresses stay" if account.stops_machines else ""
    return CreditWarning(
        key=f"{_prefix(credit)}used_up",
        severity=Severity.CRITICAL,
        subject=f"The credit of {account.organization} is used up",
        text=(
            f"The credit is used up: the balance is {credit.shown(account.balance)}. New orders, and changes that cost "
            f"more, are refused until it is topped up. Nothing is destroyed{stops}. {running}{WHAT_TO_DO}"
        ),
        data=_data(credit, "used_up", 0),
    )


def _little_available(credit: Credit, threshold: int) -> CreditWarning:
    account, share = credit.account, f"{max(0, int(credit.percent))} %"
    reserved = f"{credit.shown(account.held)} are reserved for what exists or is being made"
    if threshold == 0:
        subject = f"All credit of {account.organization} is reserved"
        text = f"Nothing more can be ordered: of the balance of {credit.shown(account.balance)}, {reserved}."
    else:
        subject = f"{share} of the credit of {account.organization} is available"
        text = (
            f"{credit.shown(account.available)} can still be ordered, {share} of the "
            f"{credit.shown(credit.top_up.balance_after)} there were after the last top-up; {reserved}."
        )
    return CreditWarning(
        key=f"{_prefix(credit)}available:{threshold}",
        severity=Severity.WARNING,
        subject=subject,
        text=f"{text} {WHAT_TO_DO}",
        data=_data(credit, "available", threshold),
    )


def _few_days_left(credit: Credit, days: Decimal, threshold: int) -> CreditWarning:
    lasts = f"{days} days" if days >= 1 else "less than a day"
    return CreditWarning(
        key=f"{_prefix(credit)}days:{threshold}",
        severity=Severity.CRITICAL if threshold <= 1 else Severity.WARNING,
        subject=f"The credit of {credit.account.organization} lasts {lasts}",
        text=(
            f"The balance of {credit.shown(credit.account.balance)} lasts {lasts} at what runs now, "
            f"{credit.shown(credit.hourly * 24)} a day. Then new orders are refused; nothing is destroyed. "
            f"{WHAT_TO_DO}"
        ),
        data=_data(credit, "days", threshold),
    )


def _data(credit: Credit, measure: str, threshold: int) -> dict[str, Any]:
    account, days = credit.account, credit.days_left
    return {
        "measure": measure,
        "threshold": threshold,
        "balance": str(account.balance),
        "held": str(account.held),
        "available": str(account.available),
        "currency": account.currency,
        "per_day": str(credit.hourly * 24),
        "days_left": None if days is None else str(days),
        "url": f"{settings.SITE_URL}{reverse('billing:overview')}",
    }
