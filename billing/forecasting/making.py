"""Forecasts of an account, made and stored as a whole."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from billing.costs import Scope
from billing.models import Account, CostForecast
from billing.money import rounded

from .combining import Expected, forecast
from .history import pasts
from .methods import Past

logger = logging.getLogger(__name__)
DAYS_AHEAD = 92  # a quarter
LOCK = 0x464F5245  # of the forecasts, among advisory locks


def forecast_account(account: Account, *, now: datetime | None = None) -> int:
    """Forecast today and the coming 92 days of every scope of ``account``; return the number of scopes stored.

    What was stored before is replaced in one transaction, so a reader sees the old forecast or the new one, and a
    process that is killed changes nothing. A scope that cannot be forecast is logged and left out.
    """
    now = now or timezone.now()
    today = now.astimezone(UTC).date()
    made = {scope: found for scope, past in pasts(account, today).items() if (found := _tried(account, scope, past))}
    rows = [row for scope, found in made.items() for row in _rows(account, scope, found, today, now)]
    _replace(account, rows)
    return len(made)


def _tried(account: Account, scope: Scope, past: Past) -> Expected | None:
    try:
        found = forecast(past, DAYS_AHEAD + 1)
    except Exception:
        logger.exception("No forecast of %s %s for account %s", scope.kind, scope.value, account.pk)
        return None
    if found is not None and not all(np.isfinite(each).all() for each in (found.amount, found.low, found.high)):
        logger.error("A forecast of %s %s for account %s is not finite", scope.kind, scope.value, account.pk)
        return None
    return found


def _rows(account: Account, scope: Scope, found: Expected, today: date, now: datetime) -> Iterator[CostForecast]:
    for number, (low, amount, high) in enumerate(zip(found.low, found.amount, found.high, strict=True)):
        yield CostForecast(
            account=account,
            scope=scope.kind,
            value=scope.value,
            day=today + timedelta(days=number),
            amount=_money(amount),
            low=min(_money(low), _money(amount)),
            high=max(_money(high), _money(amount)),
            method=found.method,
            made_at=now,
        )


def _money(amount: float) -> Decimal:
    return rounded(Decimal(float(amount)))


@transaction.atomic
def _replace(account: Account, rows: list[CostForecast]) -> None:
    """One at a time per account: two that insert the same days would break each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, str(account.pk)])
    CostForecast.objects.filter(account=account).delete()
    CostForecast.objects.bulk_create(rows, batch_size=2000)
