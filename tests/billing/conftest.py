from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from accounts.actors import system_actor
from accounts.models import Organization
from billing import adjustments, prices, services
from billing.models import LedgerEntry


@pytest.fixture(autouse=True)
def _cold_price_table() -> Iterator[None]:
    """Prices of one test are not seen by the next."""
    prices.forget_table()
    adjustments.forget_table()
    yield
    prices.forget_table()
    adjustments.forget_table()


@pytest.fixture
def organization(db: None) -> Organization:
    """A tenant without users."""
    return Organization.objects.create(name="Acme", slug=f"acme-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def credit() -> Callable[..., LedgerEntry]:
    """``credit(organization, "50")`` tops it up."""

    def add(organization: Organization, amount: str, reference: str = "") -> LedgerEntry:
        return services.top_up(
            organization=organization,
            amount=Decimal(amount),
            reference=reference or f"test:{uuid.uuid4()}",
            actor=system_actor(organization),
            description="Test credit",
        )

    return add
