"""/resources and /estimates as programs use them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from billing.models import Hold
from clouds.models import CloudAccount, OfferingVersion
from provisioning.models import Resource, Run, RunStatus
from tests.provisioning.conftest import VM

Api = Callable[..., APIClient]
Order = Callable[..., Run]
URL = "/api/v1/resources"
pytestmark = pytest.mark.django_db


@pytest.fixture
def body(shelf: dict[str, OfferingVersion], cloud_account: CloudAccount) -> dict[str, Any]:
    return {"name": "web-1", "offering": "aws/vm", "cloud_account": str(cloud_account.pk), "inputs": VM}


def activate(run: Run, **fields: Any) -> Resource:
    Run.objects.filter(pk=run.pk).update(status=RunStatus.SUCCEEDED, finished_at=timezone.now())
    Resource.objects.filter(pk=run.resource_id).update(status="active", activated_at=timezone.now())
    resource = Resource.objects.get(pk=run.resource_id)
    for name, value in fields.items():
        setattr(resource, name, value)
    resource.save()
    return resource


def test_an_order_answers_202_pending(api: Api, tenant: SimpleNamespace, body: dict, credit: Callable) -> None:
    credit(tenant.organization)
    answer = api(tenant.member).post(URL, body)
    run = Run.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {
        "id": str(run.resource_id),
        "name": "web-1",
        "status": "pending",
        "run": {"id": str(run.pk), "operation": "create", "status": "queued"},
    }


def test_an_order_without_credit_is_402_and_writes_nothing(api: Api, tenant: SimpleNamespace, body: dict) -> None:
    answer = api(tenant.member).post(URL, body)
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (402, 402, "insufficient_credit")
    assert answer["Content-Type"] == "application/problem+json"
    assert Resource.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Not A Name"}, "name"),
        ({"name": "nul\x00"}, "name"),
        ({"name": None}, "name"),
        ({"offering": "aws/moon"}, "offering"),
        ({"offering": 7}, "offering"),
        ({"cloud_account": str(uuid.uuid4())}, "cloud_account"),
        ({"cloud_account": "none"}, "cloud_account"),
        ({"inputs": {"size": "small"}}, "inputs.region"),
        ({"inputs": {**VM, "size": "enormous"}}, "inputs.size"),
        ({"inputs": {**VM, "endpoint_url": "http://169.254.169.254"}}, "inputs.endpoint_url"),
        ({"inputs": {**VM, "disk_gb": 10**400}}, "inputs.disk_gb"),
        ({"inputs": []}, "inputs"),
    ],
)
def test_a_bad_order_names_the_field(
    api: Api, tenant: SimpleNamespace, body: dict, credit: Callable, changes: dict, field: str
) -> None:
    credit(tenant.organization)
    answer = api(tenant.member).post(URL, {**body, **changes})
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert Resource.objects.count() == 0


def test_everything_that_is_wrong_is_told_at_once(api: Api, tenant: SimpleNamespace, body: dict) -> None:
    answer = api(tenant.member).post(URL, {**body, "name": "Web", "inputs": {"size": "enormous"}})
    assert [error["field"] for error in answer.json()["errors"]] == ["name", "inputs.size", "inputs.region"]


def test_an_order_with_a_taken_name_is_409(api: Api, tenant: SimpleNamespace, body: dict, order: Order) -> None:
    order("web-1")
    answer = api(tenant.member).post(URL, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_the_idempotency_key_is_honoured(api: Api, tenant: SimpleNamespace, body: dict, credit: Callable) -> None:
    credit(tenant.organization)
    client = api(tenant.member)
    answers = [client.post(URL, body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    other = client.post(URL, {**body, "name": "web-2"}, headers={"Idempotency-Key": "once"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert client.post(URL, body, headers={"Idempotency-Key": "x" * 121}).status_code == 400


def test_a_viewer_reads_and_does_not_write(api: Api, tenant: SimpleNamespace, body: dict, order: Order) -> None:
    resource = order("web-1").resource
    viewer = api(tenant.viewer)
    assert viewer.get(f"{URL}/{resource.pk}").status_code == 200
    assert viewer.post(URL, body).status_code == 403
    assert viewer.patch(f"{URL}/{resource.pk}", {"inputs": {}}).status_code == 403
    assert viewer.delete(f"{URL}/{resource.pk}").status_code == 403
    assert viewer.get(f"{URL}/{resource.pk}/outputs").status_code == 403
    assert viewer.post(f"{URL}/{resource.pk}/actions/retry").status_code == 403


def test_a_stranger_finds_nothing(api: Api, stranger: Any, order: Order) -> None:
    resource = order("web-1").resource
    client = api(stranger)
    assert client.get(URL).json()["results"] == []
    for method, path in [("get", ""), ("patch", ""), ("delete", ""), ("get", "/outputs"), ("post", "/actions/retry")]:
        assert getattr(client, method)(f"{URL}/{resource.pk}{path}").status_code == 404


def test_a_resource_shows_outputs_cost_and_its_current_run(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1")
    resource = activate(run, outputs={"public_ip": "203.0.113.7"}, sealed_outputs={"password": "hush"})
    shown = api(tenant.viewer).get(f"{URL}/{resource.pk}")
    assert shown.json()["outputs"] == {"public_ip": "203.0.113.7"}
    assert shown.json()["current_run"] == {"id": str(run.pk), "operation": "create", "status": "succeeded"}
    assert Decimal(shown.json()["monthly_cost"]) == resource.monthly_cost > 0
    assert (shown.json()["offering"], shown.json()["version"]) == ("aws/vm", "1.0.1")
    assert "hush" not in shown.content.decode()


def test_sensitive_outputs_are_for_those_who_may_order_and_the_reading_is_audited(
    api: Api, tenant: SimpleNamespace, order: Order
) -> None:
    resource = activate(order("web-1"), outputs={"user": "admin"}, sealed_outputs={"password": "hush"})
    shown = api(tenant.member).get(f"{URL}/{resource.pk}/outputs")
    assert shown.json() == {"outputs": {"user": "admin", "password": "hush"}}
    assert AuditEvent.objects.get(action="resource.read_outputs").data == {"names": ["password"]}


def test_a_list_takes_the_same_queries_for_one_row_as_for_three(
    api: Api, tenant: SimpleNamespace, order: Order, django_assert_num_queries: Any
) -> None:
    client = api(tenant.member)
    order("web-1")
    with django_assert_num_queries(5) as one:
        assert client.get(URL).json()["count"] == 1
    for name in ("web-2", "web-3"):
        order(name)
    with django_assert_num_queries(len(one.captured_queries)):
        assert client.get(URL).json()["count"] == 3


def test_a_list_is_filtered_searched_and_ordered(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    activate(order("web-1"), outputs={"public_ip": "203.0.113.7"})
    order("web-2")
    order("store-1", "aws/bucket")
    client = api(tenant.member)

    def names(query: str) -> list[str]:
        return [row["name"] for row in client.get(f"{URL}?{query}").json()["results"]]

    assert names("ordering=name") == ["store-1", "web-1", "web-2"]
    assert names("kind=bucket") == ["store-1"]
    assert names("provider=aws&status=active") == ["web-1"]
    assert names("search=203.0.113") == ["web-1"]
    assert names("search=web&ordering=-name") == ["web-2", "web-1"]
    assert names("region=us-east-1") == []
    assert client.get(f"{URL}?kind=boat").status_code == 400


def test_pages_of_rows_that_are_equal_repeat_none(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    for name in ("web-1", "web-2", "web-3"):
        order(name)
    client = api(tenant.member)
    pages = [client.get(f"{URL}?ordering=-monthly_cost&page_size=1&page={page}").json() for page in (1, 2, 3)]
    ids = [page["results"][0]["id"] for page in pages]
    assert ids == sorted(set(ids))
    refused = client.get(f"{URL}?ordering=colour").json()["errors"]
    assert [error["field"] for error in refused] == ["ordering"]
    assert "-monthly_cost" in refused[0]["detail"]


def test_a_patch_changes_what_it_names(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))
    answer = api(tenant.member).patch(f"{URL}/{resource.pk}", {"inputs": {"size": "micro"}})
    shown = answer.json()
    assert (answer.status_code, shown["status"], shown["run"]["operation"]) == (202, "updating", "update")
    assert Run.objects.get(operation="update").inputs == {**resource.inputs, "size": "micro"}


def test_a_patch_that_needs_a_new_one_is_409_with_the_reason(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))
    answer = api(tenant.member).patch(f"{URL}/{resource.pk}", {"inputs": {"region": "us-east-1"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_change")
    assert "Region" in answer.json()["detail"]
    assert api(tenant.member).patch(f"{URL}/{resource.pk}", {"inputs": {"size": 5}}).status_code == 400
    assert api(tenant.member).patch(f"{URL}/{resource.pk}", {"inputs": {}}).status_code == 400


def test_a_delete_queues_a_destroy_and_a_second_one_is_409(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))
    answer = api(tenant.member).delete(f"{URL}/{resource.pk}")
    assert (answer.status_code, answer.json()["status"]) == (202, "destroying")
    again = api(tenant.member).delete(f"{URL}/{resource.pk}")
    assert (again.status_code, again.json()["code"]) == (409, "run_in_progress")


def test_forgetting_answers_200_with_what_stays(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))
    answer = api(tenant.member).delete(f"{URL}/{resource.pk}?forget=true")
    assert answer.status_code == 200
    assert answer.json() == {"id": str(resource.pk), "status": "orphaned", "left_objects": []}
    assert api(tenant.member).delete(f"{URL}/{resource.pk}?forget=maybe").status_code == 400


def test_actions_of_later_versions_are_not_offered_yet(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))
    client = api(tenant.member)
    assert client.post(f"{URL}/{resource.pk}/actions/upgrade").json()["code"] == "not_offered"
    assert client.post(f"{URL}/{resource.pk}/actions/dance").status_code == 404
    assert client.post(f"{URL}/{resource.pk}/actions/retry").status_code == 409
    Resource.objects.filter(pk=resource.pk).update(status="failed")
    assert client.post(f"{URL}/{resource.pk}/actions/retry").status_code == 202


def test_a_resource_is_compared_with_the_cloud_by_a_program(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))

    answer = api(tenant.member).post(f"{URL}/{resource.pk}/actions/detect-drift")

    assert answer.status_code == 202
    assert answer.json()["run"]["operation"] == "detect_drift"
    assert (answer.json()["status"], Hold.objects.count()) == ("active", 1)


def test_an_estimate_of_an_offering_has_lines_with_their_source(api: Api, tenant: SimpleNamespace, shelf: dict) -> None:
    answer = api(tenant.viewer).post("/api/v1/estimates", {"offering": "aws/vm", "inputs": VM})
    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["offering"], shown["currency"]) == ("aws/vm", "USD")
    assert sum(Decimal(line["monthly"]) for line in shown["lines"]) == Decimal(shown["monthly"]) > 0
    assert all(line["source"] and line["as_of"] for line in shown["lines"])


def test_an_estimate_of_a_kind_has_one_per_provider_cheapest_first(
    api: Api, tenant: SimpleNamespace, shelf: dict
) -> None:
    answer = api(tenant.viewer).post(
        "/api/v1/estimates", {"kind": "vm", "region": "eu-west-1", "inputs": {"size": "small"}}
    )
    results = answer.json()["results"]
    assert sorted(result["provider"] for result in results) == ["aws", "azure", "gcp"]
    assert [Decimal(one["monthly"]) for one in results] == sorted(Decimal(one["monthly"]) for one in results)
    azure = next(result for result in results if result["provider"] == "azure")
    assert "Region: eu-west-1 → westeurope" in azure["notes"]
    assert {line["region"] for line in azure["lines"]} == {"westeurope"}


def test_an_estimate_names_what_a_provider_cannot_do_last(api: Api, tenant: SimpleNamespace, shelf: dict) -> None:
    inputs = {"region": "eu-west-1", "machine_type": "m7g.medium"}  # one processor on ARM: Azure sells none
    results = api(tenant.viewer).post("/api/v1/estimates", {"kind": "vm", "inputs": inputs}).json()["results"]
    assert [(one["provider"], one["monthly"] is None, bool(one["unavailable"])) for one in results] == [
        ("aws", False, False),
        ("azure", True, True),
        ("gcp", True, True),
    ]


@pytest.mark.parametrize(
    "body", [{}, {"offering": "aws/moon"}, {"kind": "teapot"}, {"kind": "kubernetes"}, {"offering": "aws/vm"}, []]
)
def test_an_estimate_of_nothing_is_400(api: Api, tenant: SimpleNamespace, shelf: dict, body: Any) -> None:
    assert api(tenant.viewer).post("/api/v1/estimates", body).status_code == 400
