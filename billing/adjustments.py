"""What a tenant pays instead of the list price: discounts, markups and prices of its own.

How several work together, whatever order they were added in:

1. Those count that are in force now, for the whole tenant or the cloud account, and whose SKU prefix fits.
2. A price of its own for exactly this SKU is what is paid; percentages leave it alone. Of several, the one for the
   cloud account goes before the tenant's, and the one that started later before the earlier.
3. Otherwise all percentages are multiplied: 10 % off for the tenant and 5 % more in an account make 0.90 x 1.05.
   The product is rounded once, half up, to the nine places a unit price has.

Quotes are made with it, and what was quoted is what is metered: an adjustment changes what is ordered, changed or
priced anew after it started, never what runs already or was charged.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from .models import PriceAdjustment

UNIT_PRICE_PLACES = Decimal("0.000000001")
TABLE_TTL = 60.0  # seconds until a process notices what another one wrote, as with list prices
Adjustments = tuple[PriceAdjustment, ...]


def adjusted(list_price: Decimal, *, sku: str, adjustments: Sequence[PriceAdjustment]) -> Decimal:
    """What one unit of ``sku`` costs with ``adjustments`` in force; ``list_price`` itself where none applies."""
    fixed = [each for each in adjustments if each.unit_price is not None and each.sku_prefix == sku]
    if fixed:
        own = max(fixed, key=lambda each: (bool(each.cloud_account), each.starts_at, each.created_at, each.pk))
        return Decimal(own.unit_price or 0)
    percents = [each.percent for each in adjustments if each.percent is not None and sku.startswith(each.sku_prefix)]
    if not percents:
        return list_price
    price = list_price
    for percent in sorted(percents):  # so that not even the last of 28 digits depends on their order
        price *= 1 + percent / 100
    return price.quantize(UNIT_PRICE_PLACES, rounding=ROUND_HALF_UP)


def applying(
    adjustments: Sequence[PriceAdjustment], *, cloud_account: str = "", at: datetime | None = None
) -> Adjustments:
    """Those in force ``at`` a moment (now) in the cloud account; "" is none in particular."""
    at = at or timezone.now()
    return tuple(
        each
        for each in adjustments
        if each.starts_at <= at
        and (each.ends_at is None or at < each.ends_at)
        and each.cloud_account in {"", cloud_account}
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """Every organization's adjustments that have not ended."""

    rows: Mapping[Any, Adjustments]
    read_at: float  # time.monotonic()


class _Cache:
    """The last table read. Replacing one reference is atomic, so threads may share it without a lock."""

    table: _Table | None = None


def in_force(organization_id: UUID | None, cloud_account: str = "") -> Adjustments:
    """What the organization has agreed for the cloud account: no query while the cached table is younger than a minute.

    Nobody in particular (None) has agreed nothing.
    """
    if organization_id is None:
        return ()
    table = _Cache.table
    if table is None or time.monotonic() - table.read_at > TABLE_TTL:
        table = _Cache.table = _read_table()
    return applying(table.rows.get(organization_id, ()), cloud_account=cloud_account)


def forget_table() -> None:
    """Make the next :func:`in_force` read the database."""
    _Cache.table = None


def _read_table() -> _Table:
    rows: dict[Any, list[PriceAdjustment]] = defaultdict(list)
    for row in PriceAdjustment.objects.not_ended(timezone.now()).select_related("account"):
        rows[row.account.organization_id].append(row)
    return _Table({organization: tuple(found) for organization, found in rows.items()}, time.monotonic())
