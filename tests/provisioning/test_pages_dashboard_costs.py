"""What the dashboard says about money."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing import costs, metering
from billing import services as billing
from provisioning import metered
from provisioning.models import Run
from tests.provisioning.conftest import activate

Order = Callable[..., Run]
SignIn = Callable[[User], Client]
HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db


def test_it_shows_what_was_spent_and_how_long_the_credit_lasts(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order
) -> None:
    resource = activate(order("web-1"))
    yesterday = timezone.now().replace(hour=0) - timedelta(hours=3)
    metered.start(resource, at=yesterday)
    metering.book_usage()
    client = sign_in(tenant.viewer)
    page = client.get("/").content.decode()
    account = billing.account_of(tenant.organization)
    clouds = re.search(r'id="clouds-table".*?</table>', page, re.DOTALL)
    assert clouds is not None
    spent = costs.spent(account, costs.EVERYTHING, yesterday.date(), yesterday.date())
    assert re.findall(r'<data value="([^"]+)"', clouds[0]) == [str(spent)] * 2
    days = costs.days_left(account.balance, costs.hourly_rate(account))
    assert f'data-figure="days-left">{days} days<' in page
    part = client.get("/", headers=HTMX).content.decode()
    assert 'id="dashboard-costs"' in part
    assert "clouds-table" not in part


def test_it_says_when_hours_are_missing(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    metered.start(activate(order("web-1")), at=timezone.now() - timedelta(hours=5))
    assert "Hours since then are missing" in sign_in(tenant.viewer).get("/").content.decode()


def test_before_the_first_day_is_over_it_says_so(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    order("web-1")
    page = sign_in(tenant.viewer).get("/").content.decode()
    assert "No whole day has cost anything yet" in page
    assert "nothing runs that costs" in page
