"""Writing anomalies down, telling people, and what people say of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right
from billing.costs import Period
from billing.models import Account, AlertKind, AnomalyCause, AnomalyScope, AnomalyStatus, CostAnomaly, Severity
from billing.money import display, rounded
from billing.outbox import announce
from billing.words import KINDS, PROVIDERS

from .causes import explain, going_on
from .detection import Culprit, Found, detect


def find_anomalies(account: Account, day: date) -> list[CostAnomaly]:
    """Write down what was unusual about ``day`` (UTC), which must be over and booked; return what is new.

    Each is said once: doing it again, or at the same time elsewhere, adds nothing. An alert goes out with each, in
    the transaction that writes it.
    """
    found = [_written(account, day, each) for each in detect(account, day)]
    return [anomaly for anomaly, is_new in found if is_new]


def days_with(account: Account, period: Period) -> set[date]:
    """The days of ``period`` on which something cost more than usual, seen by people or not."""
    rows = CostAnomaly.objects.filter(account=account, day__gte=period.first, day__lte=period.last)
    return set(rows.order_by().values_list("day", flat=True))


@transaction.atomic
def acknowledge(*, actor: Actor, anomaly: CostAnomaly) -> CostAnomaly:
    """Say that ``anomaly`` was seen; audited. Who was first stays. Raises ``PermissionDenied``."""
    actor.require(Right.ORDER)
    anomaly = CostAnomaly.objects.select_for_update().get(pk=anomaly.pk)
    if anomaly.status == AnomalyStatus.ACKNOWLEDGED:
        return anomaly
    anomaly.status = AnomalyStatus.ACKNOWLEDGED
    anomaly.acknowledged_by, anomaly.acknowledged_at = actor.user, timezone.now()
    anomaly.save(update_fields=["status", "acknowledged_by", "acknowledged_at"])
    audit.record(actor, "anomaly.acknowledge", anomaly, actor.tenant, day=str(anomaly.day), excess=str(anomaly.excess))
    return anomaly


@transaction.atomic
def _written(account: Account, day: date, found: Found) -> tuple[CostAnomaly, bool]:
    named = [_named(culprit, day) for culprit in found.culprits]
    expected, actual = rounded(found.expected), rounded(found.actual)
    anomaly, is_new = CostAnomaly.objects.get_or_create(
        account=account,
        day=day,
        scope=found.scope,
        value=found.value,
        defaults={
            "label": _label(found)[:120],
            "expected": expected,
            "actual": actual,
            "excess": actual - expected,
            "cause": _main_cause(named),
            "detail": {"resources": named, "others": found.others},
        },
    )
    if is_new:
        _announce(anomaly)
    return anomaly, is_new


def _named(culprit: Culprit, day: date) -> dict[str, str]:
    cause, text = explain(culprit.resource, day, culprit.compared)
    return {
        "reference": culprit.resource.reference,
        "name": culprit.resource.name,
        "provider": culprit.resource.provider,
        "kind": culprit.resource.kind,
        "expected": str(rounded(culprit.expected)),
        "actual": str(rounded(culprit.actual)),
        "excess": str(rounded(culprit.excess)),
        "going_on": str(rounded(max(culprit.excess, going_on(culprit.resource, day) - culprit.expected))),
        "cause": cause.value,
        "text": text,
    }


def _main_cause(named: list[dict[str, str]]) -> AnomalyCause:
    """The one behind at least two thirds of what the resources named cost too much."""
    shares: dict[str, Decimal] = {}
    for each in named:
        shares[each["cause"]] = shares.get(each["cause"], Decimal(0)) + Decimal(each["excess"])
    if not shares:
        return AnomalyCause.UNKNOWN
    largest = max(shares, key=lambda cause: shares[cause])
    return AnomalyCause(largest) if shares[largest] * 3 >= sum(shares.values()) * 2 else AnomalyCause.MIXED


def _label(found: Found) -> str:
    match found.scope:
        case AnomalyScope.ORGANIZATION:
            return "All resources together"
        case AnomalyScope.PROVIDER:
            return PROVIDERS.get(found.value, found.value)
        case AnomalyScope.KIND:
            return KINDS.get(found.value, found.value)
        case AnomalyScope.ACCOUNT:
            return found.culprits[0].resource.cloud_account_name if found.culprits else "A cloud account"
    return found.culprits[0].resource.name


def _announce(anomaly: CostAnomaly) -> None:
    currency = anomaly.account.currency
    amounts = {name: display(getattr(anomaly, name), currency) for name in ("expected", "actual", "excess")}
    reasons = [f"- {each['name']} {each['text']}." for each in anomaly.detail["resources"]]
    data: dict[str, Any] = {name: str(getattr(anomaly, name)) for name in amounts}
    announce(
        account=anomaly.account,
        kind=AlertKind.ANOMALY,
        severity=Severity.WARNING,
        key=f"anomaly:{anomaly.day}:{anomaly.scope}:{anomaly.value}",
        subject=f"Unusual cost on {anomaly.day:%-d %b %Y}: {amounts['excess']} more than expected",
        text="\n".join(
            [f"{anomaly.label} cost {amounts['actual']}; {amounts['expected']} would have been usual.", *reasons]
        ),
        data=data
        | {"anomaly": str(anomaly.pk), "day": str(anomaly.day), "scope": anomaly.scope, "value": anomaly.value}
        | {"currency": currency, "cause": anomaly.cause, "resources": anomaly.detail["resources"]},
    )
