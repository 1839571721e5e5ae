from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Organization, User
from billing import services
from billing.models import LedgerEntry

pytestmark = pytest.mark.django_db
Credit = Callable[..., LedgerEntry]
Api = Callable[..., APIClient]


@pytest.fixture
def client(tenant: SimpleNamespace, api: Api) -> APIClient:
    return api(tenant.viewer)


def hold(organization: Organization, reference: str = "resource:1", amount: str = "4") -> None:
    services.hold_credit(organization=organization, reference=reference, amount=Decimal(amount), description="VM web-1")


def test_the_balance_says_what_is_held_and_what_is_available(
    client: APIClient, tenant: SimpleNamespace, credit: Credit
):
    credit(tenant.organization, "10")
    hold(tenant.organization)
    answer = client.get("/api/v1/billing/balance")
    assert answer.status_code == 200
    assert answer.json() == {
        "balance": "10.000000",
        "held": "4.000000",
        "available": "6.000000",
        "currency": "USD",
    }


def test_the_balance_of_a_new_tenant_is_zero(client: APIClient):
    assert client.get("/api/v1/billing/balance").json()["available"] == "0.000000"


def test_the_ledger_lists_entries_newest_first(client: APIClient, tenant: SimpleNamespace, credit: Credit):
    credit(tenant.organization, "10", "bank:1")
    charged = services.charge(
        organization=tenant.organization, reference="usage:1", amount=Decimal("2.5"), description="VM web-1"
    )
    answer = client.get("/api/v1/billing/ledger").json()
    assert (answer["count"], answer["next"], answer["previous"]) == (2, None, None)
    assert [entry["number"] for entry in answer["results"]] == [2, 1]
    first = answer["results"][0]
    assert first.pop("created_at").startswith("20")
    assert first == {
        "id": str(charged.pk),
        "number": 2,
        "kind": "charge",
        "amount": "-2.500000",
        "balance_before": "10.000000",
        "balance_after": "7.500000",
        "currency": "USD",
        "reference": "usage:1",
        "description": "VM web-1",
    }


def test_the_ledger_can_be_filtered_ordered_and_paged(client: APIClient, tenant: SimpleNamespace, credit: Credit):
    for number in range(3):
        credit(tenant.organization, "10")
        services.charge(organization=tenant.organization, reference=f"usage:{number}", amount=Decimal(1))
    charges = client.get("/api/v1/billing/ledger?kind=charge&ordering=number").json()
    assert [entry["number"] for entry in charges["results"]] == [2, 4, 6]
    page = client.get("/api/v1/billing/ledger?page_size=4&page=2").json()
    assert [entry["number"] for entry in page["results"]] == [2, 1]
    assert client.get("/api/v1/billing/ledger?kind=gift").status_code == 400
    assert client.get("/api/v1/billing/ledger?page=9").status_code == 404


def test_holds_are_listed_with_what_they_are_for(client: APIClient, tenant: SimpleNamespace, credit: Credit):
    credit(tenant.organization, "10")
    hold(tenant.organization)
    hold(tenant.organization, "resource:2", "1")
    services.release_hold(organization=tenant.organization, reference="resource:1")
    results = client.get("/api/v1/billing/holds?status=open").json()["results"]
    assert [(row["reference"], row["description"], row["amount"]) for row in results] == [
        ("resource:2", "VM web-1", "1.000000")
    ]
    assert client.get("/api/v1/billing/holds").json()["count"] == 2


def test_a_stranger_sees_nothing_of_it(tenant: SimpleNamespace, stranger: User, api: Api, credit: Credit):
    credit(tenant.organization, "10")
    hold(tenant.organization)
    other = api(stranger)
    assert other.get("/api/v1/billing/balance").json()["balance"] == "0.000000"
    assert other.get("/api/v1/billing/ledger").json()["count"] == 0
    assert other.get("/api/v1/billing/holds").json()["count"] == 0


@pytest.mark.parametrize("path", ["balance", "ledger", "holds"])
def test_nobody_is_asked_to_sign_in_and_nothing_can_be_written(client: APIClient, tenant: SimpleNamespace, path: str):
    assert APIClient().get(f"/api/v1/billing/{path}").status_code == 401
    assert client.post(f"/api/v1/billing/{path}", {}).status_code == 403  # a viewer may not write anything


def test_money_cannot_be_posted_by_an_owner_either(tenant: SimpleNamespace, api: Api):
    for path in ("balance", "ledger", "holds"):
        assert api(tenant.owner).post(f"/api/v1/billing/{path}", {"amount": "100"}).status_code == 405


@pytest.mark.parametrize("path", ["ledger", "holds"])
def test_lists_cost_the_same_queries_for_one_row_and_for_three(
    client: APIClient, tenant: SimpleNamespace, credit: Credit, path: str
):
    counts = []
    for number in range(3):
        credit(tenant.organization, "10")
        hold(tenant.organization, f"resource:{number}", "1")
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(f"/api/v1/billing/{path}").json()["count"] == number + 1
        counts.append(len(captured))
    assert counts[0] == counts[1] == counts[2]
