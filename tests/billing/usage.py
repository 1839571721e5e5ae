"""Usage for tests: meters run by hand, from a moment on, and hours booked."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts.models import Organization
from billing import metering
from billing.metering import Facts, MeteredLine

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def line(sku: str = "aws:compute:t3.small", price: str = "0.02", quantity: str = "1", **more: Any) -> MeteredLine:
    """An hourly line at ``price`` USD."""
    known: dict[str, Any] = {
        "label": sku.rsplit(":", maxsplit=1)[-1],
        "sku": sku,
        "region": "eu-west-1",
        "unit": "hour",
        "quantity": Decimal(quantity),
        "list_price": Decimal(price),
        "unit_price": Decimal(price),
        "currency": "USD",
        "catalogue": "test",
    }
    return MeteredLine(**known | more)


def facts(reference: str = "resource:1", **more: Any) -> Facts:
    known: dict[str, Any] = {
        "reference": reference,
        "name": reference.rsplit(":", maxsplit=1)[-1],
        "provider": "aws",
        "kind": "vm",
        "region": "eu-west-1",
        "cloud_account": "11111111-0000-4000-8000-000000000001",
        "cloud_account_name": "production",
    }
    return Facts(**known | more)


def run(
    organization: Organization, *lines: MeteredLine, at: datetime = NOON, reference: str = "resource:1", **more: Any
) -> None:
    """From ``at`` on, the resource of this reference consists of ``lines``."""
    metering.run_meters(organization=organization, facts=facts(reference, **more), lines=lines, at=at)
