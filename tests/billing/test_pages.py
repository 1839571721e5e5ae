from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from billing import services
from billing.models import LedgerEntry

pytestmark = pytest.mark.django_db
Credit = Callable[..., LedgerEntry]


def text_of(html: str) -> str:
    """The page's words: tags dropped, spaces collapsed."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\xa0", " ")


@pytest.fixture
def page(tenant: SimpleNamespace, sign_in: Callable[[User], Client]) -> Callable[..., str]:
    client = sign_in(tenant.viewer)

    def get(query: str = "", name: str = "billing:overview") -> str:
        response = client.get(reverse(name) + query)
        assert response.status_code == 200
        return text_of(response.content.decode())

    return get


def test_an_empty_account_says_how_to_get_credit(page: Callable[..., str]):
    text = page()
    assert "Nothing is reserved" in text
    assert "No movements yet" in text
    assert "Nothing more can be ordered." in text
    assert "To top up, ask your operator" in text


def test_the_overview_shows_balance_reserved_and_available(
    page: Callable[..., str], tenant: SimpleNamespace, credit: Credit
):
    credit(tenant.organization, "500")
    services.hold_credit(
        organization=tenant.organization, reference="resource:1", amount=Decimal("7.488"), description="VM web-1"
    )
    services.charge(
        organization=tenant.organization, reference="usage:1", amount=Decimal("0.0104"), description="One hour"
    )
    text = page()
    assert "Available 492.50 USD" in text
    assert "Balance 499.99 USD" in text
    assert "Reserved 7.49 USD 30 days of the price" in text
    assert "VM web-1" in text
    assert "One hour -0.0104 USD 499.99 USD" in text
    assert "Test credit +500.00 USD 500.00 USD" in text


def test_the_ledger_can_be_narrowed_to_one_kind(page: Callable[..., str], tenant: SimpleNamespace, credit: Credit):
    credit(tenant.organization, "500")
    assert "Test credit" in page("?kind=top_up")
    assert "No entries of this kind" in page("?kind=refund")
    assert "Test credit" in page("?kind=nonsense")


def test_long_ledgers_are_paged(page: Callable[..., str], tenant: SimpleNamespace, credit: Credit):
    for _ in range(26):
        credit(tenant.organization, "1")
    assert "1–25 of 26" in page()
    assert "26–26 of 26" in page("?page=2")
    assert "26–26 of 26" in page("?page=99")


def test_the_pill_says_what_is_available(page: Callable[..., str], tenant: SimpleNamespace, credit: Credit):
    credit(tenant.organization, "500")
    assert page(name="billing:balance-pill").strip() == "500.00 USD available"


def test_the_pages_of_another_tenant_show_nothing_of_ours(
    tenant: SimpleNamespace, stranger: User, sign_in: Callable[[User], Client], credit: Credit
):
    credit(tenant.organization, "777")
    body = sign_in(stranger).get(reverse("billing:overview")).content.decode()
    assert "777" not in text_of(body)


def test_nobody_is_sent_to_the_sign_in_page(client: Client):
    response = client.get(reverse("billing:overview"))
    assert (response.status_code, response["Location"].split("?")[0]) == (302, reverse("account_login"))


def test_the_overview_costs_the_same_queries_for_one_row_and_for_three(
    tenant: SimpleNamespace, sign_in: Callable[[User], Client], credit: Credit
):
    client, counts = sign_in(tenant.viewer), []
    for number in range(3):
        credit(tenant.organization, "10")
        services.hold_credit(organization=tenant.organization, reference=f"resource:{number}", amount=Decimal(1))
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("billing:overview"))
        counts.append(len(captured))
    assert counts[0] == counts[1] == counts[2]
