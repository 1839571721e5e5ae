"""The catalogue as the order path reads it: versions never change, so each is read once per process."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from billing import adjustments
from billing.quotes import Item, QuotedPrice, quote
from clouds import catalogue
from clouds.models import Kind, Offering, OfferingVersion


@lru_cache(maxsize=512)
def version_by_id(version_id: int) -> OfferingVersion:
    """The module version with its offering. Treat it as read-only: it is shared by all threads.

    Raises ``OfferingVersion.DoesNotExist``.
    """
    return OfferingVersion.objects.select_related("offering").get(pk=version_id)


def current_version(offering_id: str) -> OfferingVersion | None:
    """What is on the shelf now as ``offering_id`` ("aws/vm"), or None."""
    current = Offering.objects.filter(pk=offering_id, is_available=True, current__isnull=False)
    version_id = current.values_list("current_id", flat=True).first()
    return version_by_id(version_id) if version_id is not None else None


def current_versions(kind: str) -> list[OfferingVersion]:
    """Every provider's current version of ``kind``, in the order of the providers' names."""
    current = Offering.objects.filter(kind=kind, is_available=True, current__isnull=False).order_by("provider")
    return [version_by_id(version_id) for version_id in current.values_list("current_id", flat=True)]


def price_of(
    version: OfferingVersion,
    complete_inputs: Mapping[str, Any],
    *,
    organization_id: UUID | None = None,
    cloud_account_id: UUID | None = None,
) -> QuotedPrice:
    """What already validated inputs cost the organization in the cloud account, by list price where none is given.

    Raises ``billing.quotes.PriceMissing``.
    """
    is_machine = version.offering.kind == Kind.VM
    items = [
        Item(item.label, item.sku, item.quantity, is_paused_by_stop=is_machine and ":compute:" in item.sku)
        for item in catalogue.price_items(version, complete_inputs)
    ]
    agreed = adjustments.in_force(organization_id, str(cloud_account_id or ""))
    return quote(region=complete_inputs["region"], items=items, adjustments=agreed)
