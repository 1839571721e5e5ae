"""Estimate, metered and billed on their own page and on the page of a resource."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing import metering
from provisioning import metered
from provisioning.models import Run
from tests.provisioning.conftest import activate

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.mark.parametrize("where", ["list", "resource"])
def test_what_was_estimated_metered_and_billed_stands_side_by_side(
    sign_in: SignIn, tenant: SimpleNamespace, order: Callable[..., Run], where: str
) -> None:
    resource = activate(order("web-1"))
    hours = 3 if timezone.now().day > 1 or timezone.now().hour >= 4 else 0
    metered.start(resource, at=timezone.now().replace(minute=0) - timedelta(hours=hours))
    metering.book_usage()
    address = "/billing/comparing/" if where == "list" else f"/resources/{resource.pk}/"
    page = sign_in(tenant.viewer).get(address).content.decode()
    table = re.search(r'id="comparing-table".*?</tbody>', page, re.DOTALL)
    assert table is not None
    amounts = re.findall(r'<data value="([^"]+)"', table[0])
    assert len(amounts) == 2
    assert 0 < Decimal(amounts[0]) == pytest.approx(Decimal(amounts[1]), abs=Decimal("0.00001"))  # lines are rounded
    assert "not imported yet" in table[0]


def test_before_anything_ran_nothing_is_compared(sign_in: SignIn, tenant: SimpleNamespace) -> None:
    client = sign_in(tenant.viewer)
    assert "Nothing ran in these days" in client.get("/billing/comparing/").content.decode()
    assert client.get("/billing/comparing/?kind=toaster").status_code == 422
    part = client.get("/billing/comparing/", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<div id="comparing"')
