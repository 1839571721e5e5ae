"""Proposals of other sizes: making them, and what people decide about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right
from billing.quotes import QuotedPrice
from clouds.models import CloudAccount, OfferingVersion
from provisioning import sizing, tasks
from provisioning.models import Resource, SizingProposal, SizingReading, SizingStatus, SizingVerdict
from provisioning.sizing import Looked

from .errors import NotPossible
from .shelf import price_of

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
NO_REASON = "No reason given"


def look_at_account(account: CloudAccount) -> Looked:
    """Read how busy the account's machines were and bring its proposals up to date, at the tenant's own prices."""
    return sizing.look_at(account, price=_price)


@transaction.atomic
def look_again(*, actor: Actor) -> int:
    """Have every machine of the organization looked at soon, whenever that was last done; return how many had been."""
    actor.require(Right.ORDER)
    seen = SizingReading.objects.visible_to(actor).update(read_at=NEVER)
    transaction.on_commit(tasks.propose_sizes.send, robust=True)
    return seen


@transaction.atomic
def dismiss_proposal(*, actor: Actor, proposal: SizingProposal, reason: str = "") -> SizingProposal:
    """Close an open proposal and keep why; the same one is not made again for 90 days.

    Raises ``PermissionDenied``, and ``NotPossible`` for one that is not open any more.
    """
    actor.require(Right.ORDER)
    row = SizingProposal.objects.visible_to(actor).select_for_update().get(pk=proposal.pk)
    if row.status != SizingStatus.OPEN:
        raise NotPossible(f"This proposal is not open any more: {row.get_status_display().lower()}.")
    row.status, row.closed_at, row.closed_by = SizingStatus.DISMISSED, timezone.now(), actor.user
    row.dismissal = reason.strip() or NO_REASON
    row.save(update_fields=["status", "closed_at", "closed_by", "dismissal"])
    SizingReading.objects.filter(resource=row.resource_id).update(verdict=SizingVerdict.DISMISSED, detail=row.dismissal)
    audit.record(actor, "sizing.dismiss", row, resource=str(row.resource_id), proposed=str(row), reason=row.dismissal)
    return row


def open_proposal(resource: Resource, proposal_id: UUID | None = None) -> SizingProposal | None:
    """The proposal that is open for ``resource``, if it is the one with this id, where one is given."""
    mine = SizingProposal.objects.open().filter(resource=resource)
    return (mine.filter(pk=proposal_id) if proposal_id is not None else mine).first()


def _price(resource: Resource, version: OfferingVersion, inputs: Mapping[str, Any]) -> QuotedPrice:
    return price_of(
        version, inputs, organization_id=resource.organization_id, cloud_account_id=resource.cloud_account_id
    )
