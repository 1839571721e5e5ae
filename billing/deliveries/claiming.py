"""Who sends a delivery: claimed by a lease that is committed before anything is sent.

A worker that dies leaves the lease behind; when it has run out somebody else sends the same delivery again, under the
same id. So everything arrives at least once, and a receiver that compares ids acts on it exactly once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q
from django.utils import timezone

from accounts import audit
from accounts.actors import system_actor
from billing.models import AlertKind, Channel, ChannelKind, Delivery, DeliveryAttempt, DeliveryStatus
from billing.models.alerts import DeliveryQuerySet

from .outcomes import Outcome, Verdict
from .retrying import next_wait
from .team import team_channel


def due(now: datetime) -> DeliveryQuerySet:
    """What waits, is due and nobody sends."""
    return Delivery.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=now), status=DeliveryStatus.WAITING, next_attempt_at__lte=now
    )


def count_due(*, at_most: int) -> int:
    """How many are due, counted no further than ``at_most``."""
    return due(timezone.now())[:at_most].count()


def oldest_due(now: datetime) -> float:
    """For how many seconds the one that is due longest has been so; 0 when none is."""
    oldest = due(now).aggregate(at=Min("next_attempt_at"))["at"]
    return (now - oldest).total_seconds() if oldest else 0.0


def claim_next() -> Delivery | None:
    """Lease the delivery that is due longest, of a channel to which nothing is being sent; None when there is none."""
    now = timezone.now()
    being_sent = Delivery.objects.filter(
        channel=OuterRef("channel"), status=DeliveryStatus.WAITING, leased_until__gte=now
    )
    free = due(now).filter(~Exists(being_sent)).order_by("next_attempt_at", "pk")
    with transaction.atomic():
        delivery = _known(free.select_for_update(skip_locked=True, of=("self",))).first()
        if delivery is not None:
            delivery.attempts += 1
            delivery.leased_until = now + timedelta(seconds=settings.ALERT_LEASE)
            delivery.save(update_fields=["attempts", "leased_until"])
            DeliveryAttempt.objects.create(delivery=delivery, number=delivery.attempts, at=now)
    return delivery


@transaction.atomic
def settle(delivery: Delivery, outcome: Outcome, milliseconds: int) -> None:
    """Keep how an attempt ended and what follows from it."""
    DeliveryAttempt.objects.filter(delivery=delivery, number=delivery.attempts).update(
        milliseconds=milliseconds, response_status=outcome.response_status, error=outcome.error[:300]
    )
    current = _known(Delivery.objects.select_for_update(no_key=True, of=("self",)).filter(pk=delivery.pk)).first()
    if current is None or current.status != DeliveryStatus.WAITING:
        return  # deleted with its channel, or somebody else brought it there meanwhile
    if outcome.verdict is Verdict.DELIVERED:
        _end(current, DeliveryStatus.DELIVERED)
    elif current.attempts == delivery.attempts:  # else our lease ran out, and whoever has it now decides
        _go_on(current, outcome)


def _known(deliveries: DeliveryQuerySet) -> DeliveryQuerySet:
    """With all they are about, and nothing that is sealed: not even a lost key may stop the queue."""
    return deliveries.with_channel().select_related("alert__account__organization")


def _go_on(delivery: Delivery, outcome: Outcome) -> None:
    delivery.failures += 1
    wait = next_wait(delivery.failures, outcome.asked_wait) if outcome.verdict is Verdict.RETRY else None
    if wait is None:
        _end(delivery, DeliveryStatus.FAILED)
        if outcome.verdict is Verdict.GONE:
            _switch_off(delivery.channel)
        _tell_the_team(delivery)
        return
    delivery.next_attempt_at, delivery.leased_until = timezone.now() + wait, None
    delivery.save(update_fields=["failures", "next_attempt_at", "leased_until"])


def _end(delivery: Delivery, status: DeliveryStatus) -> None:
    delivery.status, delivery.finished_at, delivery.leased_until = status, timezone.now(), None
    delivery.save(update_fields=["status", "finished_at", "leased_until", "failures"])


def _switch_off(channel: Channel) -> None:
    reason = "The receiver answered 410 Gone: it wants no more."
    if Channel.objects.filter(pk=channel.pk, is_active=True).update(is_active=False, switched_off_because=reason):
        organization = channel.account.organization
        audit.record(system_actor(organization), "channel.switch_off", channel, organization, reason=reason)


def _tell_the_team(failed: Delivery) -> None:
    """What a channel did not take goes to owners and admins instead, unless it was a test or was sent by hand."""
    if failed.alert.kind == AlertKind.TEST or failed.number > 1 or failed.channel.kind == ChannelKind.TEAM:
        return
    team = team_channel(failed.alert.account)
    if team.is_active:
        Delivery.objects.get_or_create(alert=failed.alert, channel=team, number=1)
