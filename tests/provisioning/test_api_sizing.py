"""/api/v1/sizing: what the page shows, as data."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from clouds.models import CloudAccount
from provisioning import services
from provisioning.models import Resource, SizingProposal

Api = Callable[..., APIClient]


@pytest.fixture
def proposed(machine: Callable[..., Resource], cloud_account: CloudAccount) -> SizingProposal:
    machine("web-1")
    services.look_at_account(cloud_account)
    return SizingProposal.objects.get()


def test_a_proposal_has_everything_the_page_shows(proposed: SizingProposal, tenant: SimpleNamespace, api: Api) -> None:
    listed = api(tenant.viewer).get("/api/v1/sizing?status=open").json()

    assert listed["count"] == 1
    found = listed["results"][0]
    assert (found["from"], found["to"]) == ({"size": "large"}, {"size": "medium"})
    assert (found["resource_name"], found["from_machine"], found["to_machine"]) == ("web-1", "t3.large", "t3.medium")
    assert Decimal(found["monthly_saving"]) == proposed.saving
    assert found["figures"]["expected"] == {"cpu_p95": 6.0, "memory_p95": 60.0}
    assert found["reason"] == proposed.reason
    assert api(tenant.viewer).get(f"/api/v1/sizing/{proposed.pk}").json() == found


def test_to_is_what_a_patch_of_the_resource_takes(proposed: SizingProposal, tenant: SimpleNamespace, api: Api) -> None:
    client = api(tenant.member)
    found = client.get("/api/v1/sizing").json()["results"][0]

    answer = client.patch(f"/api/v1/resources/{found['resource']}", {"inputs": found["to"]}, format="json")

    assert (answer.status_code, answer.json()["run"]["operation"]) == (202, "update")


def test_the_readings_say_how_busy_each_machine_was(
    proposed: SizingProposal, tenant: SimpleNamespace, api: Api
) -> None:
    found = api(tenant.viewer).get("/api/v1/sizing/readings").json()["results"]

    assert [(each["resource_name"], each["verdict"]) for each in found] == [("web-1", "proposed")]
    assert found[0]["figures"]["cpu"] == {"mean": 6.0, "p95": 6.0, "max": 6.0, "hours": 336}


def test_dismissing_answers_with_the_closed_proposal_and_then_409(
    proposed: SizingProposal, tenant: SimpleNamespace, api: Api
) -> None:
    client, address = api(tenant.member), f"/api/v1/sizing/{proposed.pk}/dismiss"

    answer = client.post(address, {"reason": "Load test"}, format="json")
    assert (answer.status_code, answer.json()["status"], answer.json()["dismissal"]) == (200, "dismissed", "Load test")

    again = client.post(address, {}, format="json")
    assert (again.status_code, again.headers["Content-Type"]) == (409, "application/problem+json")
    assert client.get("/api/v1/sizing?status=open").json()["count"] == 0


def test_a_reason_that_is_too_long_is_refused_with_its_field(
    proposed: SizingProposal, tenant: SimpleNamespace, api: Api
) -> None:
    answer = api(tenant.member).post(f"/api/v1/sizing/{proposed.pk}/dismiss", {"reason": "x" * 301}, format="json")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["reason"]


def test_who_may_not_order_may_not_dismiss_and_a_stranger_finds_nothing(
    proposed: SizingProposal, tenant: SimpleNamespace, stranger: User, api: Api
) -> None:
    address = f"/api/v1/sizing/{proposed.pk}"

    assert api(tenant.viewer).post(f"{address}/dismiss", {}, format="json").status_code == 403
    assert api(stranger).get(address).status_code == 404
    assert api(stranger).get("/api/v1/sizing").json()["count"] == 0
    assert api(stranger).get("/api/v1/sizing/readings").json()["count"] == 0
