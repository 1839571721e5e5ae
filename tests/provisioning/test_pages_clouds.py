"""Another cloud: switching it in the form, comparing prices, ordering elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.test import Client

from accounts.models import User
from clouds.models import OfferingVersion
from provisioning.models import Run
from tests.provisioning.conftest import activate

Order = Callable[..., Run]
SignIn = Callable[[User], Client]
HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db


def test_switching_the_cloud_keeps_what_was_entered_and_says_what_changed(
    sign_in: SignIn, tenant: SimpleNamespace, shelf: dict[str, OfferingVersion]
) -> None:
    query = {"offering": "azure/vm", "name": "web-1", "region": "us-east-1", "size": "large", "disk_gb": "64"}

    page = sign_in(tenant.member).get("/resources/new/vm/", query)

    fields = page.context["inputs_form"].initial
    assert (fields["region"], fields["size"], fields["disk_gb"]) == ("eastus", "large", 64)
    assert page.context["form"].initial["name"] == "web-1"
    assert "Region: us-east-1 → eastus" in page.content.decode()


def test_the_form_compares_the_clouds_and_marks_the_cheapest(
    sign_in: SignIn, tenant: SimpleNamespace, shelf: dict[str, OfferingVersion]
) -> None:
    page = sign_in(tenant.member).get("/resources/new/vm/", {"offering": "aws/vm", "region": "eu-west-1"})

    compared = {each.version.offering_id: each for each in page.context["compared"]}
    assert sorted(compared) == ["aws/vm", "azure/vm", "gcp/vm"]
    assert compared["aws/vm"].is_chosen
    assert compared["azure/vm"].machine_type == "Standard_B1ms"
    cheapest = min(compared.values(), key=lambda each: each.quoted.monthly)
    assert [name for name, each in compared.items() if each.is_cheapest] == [cheapest.version.offering_id]
    assert "Standard_B1ms westeurope" in page.content.decode()


def test_the_same_is_ordered_on_another_cloud_from_a_resource(
    sign_in: SignIn, tenant: SimpleNamespace, stranger: User, order: Order
) -> None:
    resource = activate(order("web-1"))
    url = f"/resources/new/vm/?from={resource.pk}&offering=azure/vm"

    page = sign_in(tenant.member).get(url)

    assert page.context["inputs_form"].initial["region"] == "westeurope"
    assert sign_in(stranger).get(url).status_code == 404
    assert sign_in(tenant.member).get("/resources/new/vm/?from=nonsense").status_code == 404
