"""What is said about budgets and credit: each thing once, in the transaction that puts it on its way.

An evaluation reads the figures and announces what has become true. The key of an alert names the threshold and the
period (or the top-up) it is about, and is unique in the database: evaluations may be repeated, run at once or be
killed anywhere, and nothing is said twice or left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from . import outbox
from .budgets import known_values, standings
from .budgets.thresholds import Threshold
from .budgets.words import alert_data, alert_subject, alert_text
from .credit_warnings import due as due_of_credit
from .models import Account, Alert, AlertKind, Basis, Budget, Severity

log = structlog.get_logger(__name__)


Due = dict[str, Any]  # what is true now: the arguments of ``outbox.announce`` but the account


def evaluate(account: Account, now: datetime) -> list[Alert]:
    """Say what has become true of the account's budgets and credit; return what was not said before.

    A threshold is said once per budget, basis and period, whatever the amount becomes; a new threshold counts at once.
    A warning of low credit is said once per top-up. Each alert is a transaction of its own.
    """
    due = [*_of_budgets(account, now), *_of_credit(account)]
    said = set(account.alerts.filter(key__in=[each["key"] for each in due]).values_list("key", flat=True))
    return [alert for each in due if each["key"] not in said and (alert := _announced(account, each)) is not None]


def evaluate_all(now: datetime) -> int:
    """:func:`evaluate` every account that has a budget or ever had credit; return how many alerts were new.

    What fails for one account is logged and does not keep the others waiting.
    """
    has_budget = Exists(Budget.objects.filter(account=OuterRef("pk")))
    accounts = Account.objects.filter(has_budget | Q(entries_count__gt=0)).select_related("organization")
    return sum(_evaluated(account, now) for account in accounts.iterator())


def _evaluated(account: Account, now: datetime) -> int:
    try:
        return len(evaluate(account, now))
    except Exception:
        log.exception("budgets could not be evaluated", account=str(account.pk))
        return 0


def _announced(account: Account, due: Due) -> Alert | None:
    with transaction.atomic():
        return outbox.announce(account=account, **due)


def _of_budgets(account: Account, now: datetime) -> Iterator[Due]:
    budgets = list(account.budgets.prefetch_related("channels"))
    if not budgets:
        return
    known = known_values(account.organization)
    for standing in standings(account, budgets, now.astimezone(UTC).date()):
        budget = standing.budget
        for threshold in standing.reached:
            yield {
                "kind": AlertKind.BUDGET,
                "severity": severity_of(threshold),
                "key": f"budget:{budget.pk}:{standing.span.key}:{threshold['on']}:{threshold['percent']}",
                "subject": alert_subject(standing, threshold),
                "text": alert_text(standing, threshold, known, account.currency),
                "data": alert_data(standing, threshold, account.currency),
                "budget": budget,
                "channels": list(budget.channels.all()),
            }


def severity_of(threshold: Threshold) -> Severity:
    """Money that is gone weighs more than money that may go."""
    is_full = threshold["percent"] >= 100
    if threshold["on"] == Basis.ACTUAL:
        return Severity.CRITICAL if is_full else Severity.WARNING
    return Severity.WARNING if is_full else Severity.INFO


def _of_credit(account: Account) -> Iterator[Due]:
    for warning in due_of_credit(account):
        yield {
            "kind": AlertKind.CREDIT,
            "severity": warning.severity,
            "key": warning.key,
            "subject": warning.subject,
            "text": warning.text,
            "data": warning.data,
        }
