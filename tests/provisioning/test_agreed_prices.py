"""What a tenant has agreed to pay, in the form, the comparison, the estimates, the hold and the meters."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from billing import services as billing
from billing.models import Hold, Meter, Quote
from clouds.models import CloudAccount, CloudAccountStatus, OfferingVersion
from provisioning import metered
from provisioning.models import Run
from tests.billing.agreeing import agree
from tests.provisioning.conftest import VM, activate

Api = Callable[..., APIClient]
Order = Callable[..., Run]
SignIn = Callable[[User], Client]
PANEL = "/resources/new/vm/price/"
ESTIMATES = "/api/v1/estimates"
pytestmark = pytest.mark.django_db


@pytest.fixture
def second(tenant: SimpleNamespace) -> CloudAccount:
    """Another account on the same cloud."""
    return CloudAccount.objects.create(
        organization=tenant.organization,
        provider="aws",
        name="Second AWS",
        credentials={"access_key_id": "AKIAEXAMPLE", "secret_access_key": "made-up"},
        status=CloudAccountStatus.VERIFIED,
    )


def test_an_order_is_quoted_held_and_metered_at_the_agreed_price(order: Order, tenant: SimpleNamespace) -> None:
    listed = order("listed").resource
    agree(tenant.organization, "-50")
    resource = activate(order("web-1"))
    assert resource.hourly_cost == pytest.approx(listed.hourly_cost / 2, abs=Decimal("0.000002"))
    held = dict(Hold.objects.values_list("reference", "amount"))
    assert held[resource.hold_reference] == billing.hold_amount(resource.hourly_cost) < held[listed.hold_reference]
    metered.start(resource)
    meters = list(Meter.objects.filter(resource__reference=resource.hold_reference))
    assert len(meters) == 3
    assert all(meter.unit_price == meter.list_price / 2 for meter in meters)


def test_an_agreement_adds_no_query_to_an_order(
    order: Order, tenant: SimpleNamespace, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    order("warm-up")
    with CaptureQueriesContext(connection) as without:
        order("web-1")
    agree(tenant.organization, "-50")
    order("warm-again")
    with CaptureQueriesContext(connection) as with_one:
        order("web-2")
    assert len(with_one) == len(without)


def test_the_form_shows_the_list_price_beside_yours_where_they_differ(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable
) -> None:
    credit(tenant.organization)
    client = sign_in(tenant.member)
    before = client.get(PANEL, filled)
    assert "Your price" not in before.content.decode()
    agree(tenant.organization, "-50", sku_prefix="aws:compute:")
    after = client.get(PANEL, filled)
    page = " ".join(after.content.decode().split())
    assert "Your price; list price" in page
    assert page.count('<span class="cell-note"> list ') == 1
    machine, *rest = after.context["quoted"].lines
    assert machine.unit_price == machine.list_price / 2
    assert not any(line.is_adjusted for line in rest)
    assert after.context["needed"] == billing.hold_amount(after.context["quoted"].hourly)


def test_the_price_is_that_of_the_account_chosen(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, second: CloudAccount
) -> None:
    agree(tenant.organization, "-50", cloud_account=str(second.pk))
    client = sign_in(tenant.member)
    panels = [client.get(PANEL, {**filled, "cloud_account": str(pk)}) for pk in (filled["cloud_account"], second.pk)]
    assert [panel.context["quoted"].is_adjusted for panel in panels] == [False, True]
    opened = client.get("/resources/new/vm/", {**filled, "cloud_account": str(second.pk)})
    assert opened.context["quoted"].is_adjusted


def test_the_comparison_uses_what_was_agreed_on_each_cloud(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict
) -> None:
    def cheapest() -> str:
        compared = sign_in(tenant.member).get(PANEL, filled).context["compared"]
        return next(str(each.version.offering.provider) for each in compared if each.is_cheapest)

    for loser in ("aws", "azure", "gcp"):
        if cheapest() == loser:
            agree(tenant.organization, "900", sku_prefix=f"{loser}:")
            assert cheapest() != loser


def test_an_order_through_the_form_costs_what_the_panel_said(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable, second: CloudAccount
) -> None:
    credit(tenant.organization)
    agree(tenant.organization, "-33.333", cloud_account=str(second.pk))
    client, wish = sign_in(tenant.member), {**filled, "cloud_account": str(second.pk)}
    shown = client.get(PANEL, wish).context["quoted"]
    client.post("/resources/new/vm/", wish)
    kept = Quote.objects.get()
    assert (kept.hourly, kept.monthly) == (shown.hourly, shown.monthly)
    assert kept.lines[0]["unit_price"] == str(shown.lines[0].unit_price)


def test_a_change_is_priced_by_what_is_agreed_now(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order, filled: dict
) -> None:
    resource = activate(order("web-1"))
    agree(tenant.organization, "-50", cloud_account=str(resource.cloud_account_id))
    panel = sign_in(tenant.member).get(f"/resources/{resource.pk}/price/", {**filled, "size": "medium"})
    assert panel.context["quoted"].is_adjusted


def test_an_estimate_names_both_prices(
    api: Api, tenant: SimpleNamespace, shelf: dict[str, OfferingVersion], second: CloudAccount, stranger: User
) -> None:
    agree(tenant.organization, "-12.345", sku_prefix="aws:compute:")
    agree(tenant.organization, "-50", sku_prefix="aws:ipv4", cloud_account=str(second.pk))
    client, wish = api(tenant.viewer), {"offering": "aws/vm", "inputs": VM}
    whole = client.post(ESTIMATES, wish).json()
    machine, _, address = whole["lines"]
    assert (machine["list_price"], machine["unit_price"]) == ("0.022800", "0.01998534")
    assert (address["list_price"], address["unit_price"]) == ("0.005000", "0.005000")
    assert Decimal(whole["list_monthly"]) > Decimal(whole["monthly"])
    account = client.post(ESTIMATES, {**wish, "cloud_account": str(second.pk)}).json()
    assert account["lines"][2]["unit_price"] == "0.002500"
    compared = client.post(ESTIMATES, {"kind": "vm", "inputs": VM, "cloud_account": str(second.pk)}).json()["results"]
    assert {each["provider"]: each["list_monthly"] != each["monthly"] for each in compared} == {
        "aws": True,
        "azure": False,
        "gcp": False,
    }
    assert api(stranger).post(ESTIMATES, wish).json()["list_monthly"] == whole["list_monthly"]
    refused = api(stranger).post(ESTIMATES, {**wish, "cloud_account": str(second.pk)})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "cloud_account")
