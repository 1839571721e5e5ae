"""Pricing anew what runs: a deed of an operator's, since a new catalogue or agreement alone changes nothing that runs.

What is used from that moment on costs the new price. What was charged, and what a hold has set aside, stays, except
that a hold shrinks when less is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.actors import Actor, system_actor
from billing import adjustments, quotes
from billing import services as billing
from billing.quotes import QuotedLine, QuotedPrice
from provisioning import events, metered
from provisioning.models import Resource
from provisioning.models.resources import ResourceQuerySet

from .changes import held_for
from .errors import NotPossible, RunInProgress
from .shelf import price_of, version_by_id


@dataclass(frozen=True, slots=True)
class RepricedLine:
    """One line whose price changes. ``before`` is None for what the last quote did not have, ``after`` for what the
    new one has not. Prices per unit, amounts per month of 730 hours.
    """

    sku: str
    before: Decimal | None
    after: Decimal | None
    monthly_before: Decimal
    monthly: Decimal


@dataclass(frozen=True, slots=True)
class Repricing:
    """What pricing ``resource`` anew would change."""

    resource: Resource
    quoted: QuotedPrice
    monthly_before: Decimal
    lines: list[RepricedLine]

    @property
    def difference(self) -> Decimal:
        """Per month; negative when it becomes cheaper."""
        return self.quoted.monthly - self.monthly_before


def running_resources() -> ResourceQuerySet:
    """What can be priced anew: whatever is live and was made, by tenant and name."""
    rows = Resource.objects.live().filter(activated_at__isnull=False).select_related("organization", "cloud_account")
    return rows.defer("sealed_outputs", "cloud_account__credentials").order_by("organization__name", "name", "pk")


def repricing_of(resource: Resource) -> Repricing | None:
    """What pricing ``resource`` anew would change now; None for nothing. Writes nothing.

    Raises ``NotPossible`` for what is not metered, ``RunInProgress`` (a run may be about to change what it consists
    of), and ``PriceMissing``.
    """
    if not resource.is_live or not metered.is_running(resource):
        raise NotPossible("Nothing of this resource is metered, so there is nothing to price anew.")
    if resource.runs.live().exists():
        raise RunInProgress
    adjustments.forget_table()  # what was agreed a moment ago, perhaps in another process, is what this is about
    quoted = price_of(
        version_by_id(resource.offering_version_id),
        resource.inputs,
        organization_id=resource.organization_id,
        cloud_account_id=resource.cloud_account_id,
    )
    lines = list(_changed_lines(resource, quoted))
    if not lines and (quoted.hourly, quoted.monthly) == (resource.hourly_cost, resource.monthly_cost):
        return None
    return Repricing(resource, quoted, resource.monthly_cost, lines)


@transaction.atomic
def reprice(*, actor: Actor, resource: Resource) -> Repricing | None:
    """Let what ``resource`` uses from now on cost today's price; None when that is what it costs already. Audited.

    Raises ``PermissionDenied`` for a tenant's own people, and what :func:`repricing_of` raises; nothing is written
    then.
    """
    if not (actor.is_operator or actor == system_actor(actor.organization)):
        raise PermissionDenied("Only operators price anew what runs.")
    rows = Resource.objects.select_related("organization", "cloud_account")
    locked = rows.defer("sealed_outputs", "cloud_account__credentials").select_for_update(of=("self",))
    resource = locked.get(pk=resource.pk)
    found = repricing_of(resource)
    if found is not None:
        _write(actor, resource, found)
    return found


def _write(actor: Actor, resource: Resource, found: Repricing) -> None:
    quoted, organization, reference = found.quoted, resource.organization, resource.hold_reference
    resource.hourly_cost, resource.monthly_cost, resource.currency = quoted.hourly, quoted.monthly, quoted.currency
    resource.save(update_fields=["hourly_cost", "monthly_cost", "currency"])
    quotes.keep_quote(organization=organization, reference=reference, quoted=quoted)
    metered.reprice(resource, at=timezone.now())
    if held_for(resource) is not None:
        billing.shrink_hold(organization=organization, reference=reference, amount=billing.hold_amount(quoted.hourly))
    audit.record(
        actor,
        "resource.reprice",
        resource,
        monthly_before=str(found.monthly_before),
        monthly=str(quoted.monthly),
        catalogue=quoted.catalogue,
    )
    transaction.on_commit(partial(events.announce_resource, resource.organization_id, resource.pk), robust=True)


def _changed_lines(resource: Resource, quoted: QuotedPrice) -> Iterator[RepricedLine]:
    """Line by line in the order of the quote; the second of one SKU is compared with the second."""
    last = quotes.newest_quote(
        organization=resource.organization, reference=resource.hold_reference, hourly=resource.hourly_cost
    )
    before: dict[str, list[dict[str, Any]]] = {}
    for line in last.lines if last is not None else []:
        before.setdefault(line["sku"], []).append(line)
    for new in quoted.lines:
        old = before[new.sku].pop(0) if before.get(new.sku) else None
        if old is None or not _is_same(old, new):
            yield RepricedLine(
                new.sku,
                Decimal(old["unit_price"]) if old else None,
                new.unit_price,
                Decimal(old["monthly"]) if old else Decimal(0),
                new.monthly,
            )
    for gone in (line for lines in before.values() for line in lines):
        yield RepricedLine(gone["sku"], Decimal(gone["unit_price"]), None, Decimal(gone["monthly"]), Decimal(0))


def _is_same(old: dict[str, Any], new: QuotedLine) -> bool:
    return (Decimal(old["unit_price"]), Decimal(old["quantity"])) == (new.unit_price, new.quantity)
