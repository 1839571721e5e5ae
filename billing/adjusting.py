"""Agreeing other prices with a tenant, ending that, and seeing beforehand what it does to what runs now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.actors import Actor
from accounts.models import Organization

from .adjustments import adjusted, applying, forget_table
from .models import Meter, PriceAdjustment
from .prices import current_table
from .quotes import cost_of
from .services import account_of

LOWEST, HIGHEST = Decimal(-100), Decimal(1000)  # percent, the first excluded


class NotAnAdjustment(Exception):
    """The terms say nothing, or too much at once. The message says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is agreed: ``percent`` on all SKUs that begin so, or a ``unit_price`` for one whole SKU."""

    cloud_account: str = ""
    sku_prefix: str = ""
    percent: Decimal | None = None
    unit_price: Decimal | None = None
    starts_at: datetime | None = None  # None: now

    def check(self) -> None:
        """Raise :class:`NotAnAdjustment` unless these terms can be kept."""
        if (self.percent is None) == (self.unit_price is None):
            raise NotAnAdjustment("Give either a percentage or a price.")
        if self.percent is not None and not LOWEST < self.percent <= HIGHEST:
            raise NotAnAdjustment(f"The percentage must be above {LOWEST} and at most {HIGHEST}.")
        if self.unit_price is not None and (self.unit_price < 0 or not self.sku_prefix):
            raise NotAnAdjustment("A price of its own is for one whole SKU, and not below zero.")


@transaction.atomic
def adjust_prices(
    *, actor: Actor, organization: Organization, terms: Terms, note: str, key: UUID | None = None
) -> PriceAdjustment:
    """Agree ``terms`` with the organization from their start on, which is never before now; audited.

    Idempotent by ``key``. Nothing that runs or was charged changes. Raises :class:`NotAnAdjustment`.
    """
    terms.check()
    if key is not None and (existing := PriceAdjustment.objects.filter(pk=key).first()):
        return existing
    now = timezone.now()
    adjustment = _unsaved(organization, terms, at=max(terms.starts_at or now, now))
    adjustment.pk = key or adjustment.pk
    adjustment.note, adjustment.created_by, adjustment.created_by_label = note, actor.user, actor.label[:255]
    adjustment.save(force_insert=True)
    audit.record(
        actor, "price.adjust", adjustment, organization, note=note, cloud_account=terms.cloud_account,
        starts_at=adjustment.starts_at.isoformat(),
    )  # fmt: skip
    transaction.on_commit(forget_table)
    return adjustment


@transaction.atomic
def end_adjustment(*, actor: Actor, adjustment: PriceAdjustment, reason: str) -> PriceAdjustment:
    """End ``adjustment`` now, or before it has begun; one that ended stays as it is. Audited with the ``reason``."""
    locked = PriceAdjustment.objects.select_for_update(of=("self",)).select_related("account__organization")
    adjustment = locked.get(pk=adjustment.pk)
    now = timezone.now()
    if adjustment.ends_at is not None and adjustment.ends_at <= now:
        return adjustment
    adjustment.ends_at = max(now, adjustment.starts_at)
    adjustment.save(update_fields=["ends_at"])
    audit.record(actor, "price.end_adjustment", adjustment, adjustment.account.organization, reason=reason)
    transaction.on_commit(forget_table)
    return adjustment


@dataclass(frozen=True, slots=True)
class Effect:
    """What a running meter would cost if it were priced anew. Prices per unit; amounts per month of 730 hours."""

    meter: Meter
    unit_price: Decimal
    monthly_before: Decimal
    monthly: Decimal

    @property
    def difference(self) -> Decimal:
        return self.monthly - self.monthly_before


def effects_of(organization: Organization, terms: Terms) -> list[Effect]:
    """What ``terms`` would do to what runs now, together with all that is agreed; the largest difference first.

    Raises :class:`NotAnAdjustment`.
    """
    terms.check()
    at = max(terms.starts_at or timezone.now(), timezone.now())
    account, table = account_of(organization), current_table()
    agreed = [*PriceAdjustment.objects.not_ended(at).filter(account=account), _unsaved(organization, terms, at=at)]
    found = []
    for meter in Meter.objects.running().filter(account=account).select_related("resource"):
        price = table.get(meter.sku, meter.region)
        list_price = price.amount if price is not None else meter.list_price
        fitting = applying(agreed, cloud_account=meter.resource.cloud_account, at=at)
        unit_price = adjusted(list_price, sku=meter.sku, adjustments=fitting)
        before, after = (cost_of(each, meter.unit, meter.quantity)[1] for each in (meter.unit_price, unit_price))
        found.append(Effect(meter, unit_price, before, after))
    return sorted(found, key=lambda effect: -abs(effect.difference))


def _unsaved(organization: Organization, terms: Terms, *, at: datetime) -> PriceAdjustment:
    return PriceAdjustment(
        account=account_of(organization),
        cloud_account=terms.cloud_account,
        sku_prefix=terms.sku_prefix,
        percent=terms.percent,
        unit_price=terms.unit_price,
        starts_at=at,
    )
