"""Agreements for tests, seen at once by this process."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from accounts.actors import system_actor
from accounts.models import Organization
from billing import adjusting, adjustments
from billing.adjusting import Terms
from billing.models import PriceAdjustment


def agree(
    organization: Organization, percent: str | None = None, *, unit_price: str | None = None, **terms: Any
) -> PriceAdjustment:
    """``agree(organization, "-10")`` is a discount of 10 % on everything."""
    made = adjusting.adjust_prices(
        actor=system_actor(organization),
        organization=organization,
        terms=Terms(
            percent=None if percent is None else Decimal(percent),
            unit_price=None if unit_price is None else Decimal(unit_price),
            **terms,
        ),
        note="Contract 7",
    )
    adjustments.forget_table()  # as at the commit, which a test does not come to
    return made
