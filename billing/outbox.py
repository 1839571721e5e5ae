"""Saying something about money, once, and putting it on its way in the same transaction.

What is written here is sent by ``deliveries``; the message that rings for it is a doorbell and may get lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from .deliveries import team_channel
from .doorbells import deliver_alerts
from .models import Account, Alert, AlertKind, Budget, Channel, Delivery, Severity


def announce(
    *,
    account: Account,
    kind: AlertKind,
    severity: Severity,
    key: str,
    subject: str,
    text: str,
    data: Mapping[str, Any],
    budget: Budget | None = None,
    channels: Iterable[Channel] = (),
) -> Alert | None:
    """Write an alert and one delivery per active channel, in the caller's transaction; None if ``key`` was said before.

    ``key`` is unique per account ("budget:<uuid>:2026-11:actual:80"). ``data`` is JSON, amounts as strings. Without an
    active channel among ``channels`` the alert goes to the organization's owners and admins by e-mail, so that it
    reaches somebody even after a receiver was switched off; unless they switched that off themselves.
    """
    alert = Alert(
        account=account, kind=kind, severity=severity, key=key, budget=budget,
        subject=" ".join(subject.split())[:200], text=text, data=dict(data),
    )  # fmt: skip
    if not _is_new(alert):
        return None
    active = [channel for channel in channels if channel.is_active] or [team_channel(account)]
    Delivery.objects.bulk_create([Delivery(alert=alert, channel=each) for each in active if each.is_active])
    ring()
    return alert


def ring() -> None:
    """Once this transaction is committed let a worker look for deliveries. If that fails, the next tick finds them."""
    transaction.on_commit(deliver_alerts.send, robust=True)


def _is_new(alert: Alert) -> bool:
    """Whether it could be written; the savepoint leaves the caller's transaction usable when it was there already."""
    try:
        with transaction.atomic():
            alert.save(force_insert=True)
    except IntegrityError:
        if Alert.objects.filter(account=alert.account, key=alert.key).exists():
            return False
        raise
    return True
