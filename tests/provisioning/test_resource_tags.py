"""Tags: given with the order, changed without a run, found by, told to metering, and on the objects in the cloud."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.actors import Actor
from accounts.models import AuditEvent, User
from billing.models import BilledResource
from clouds.inputs import InvalidInputs
from clouds.models import CloudAccount, OfferingVersion
from provisioning import metered, services
from provisioning.execution.tags import search_tags, tags_of
from provisioning.models import Resource, Run
from tests.provisioning.conftest import VM, activate

Api = Callable[..., APIClient]
Order = Callable[..., Run]
SignIn = Callable[[User], Client]
URL = "/api/v1/resources"
TAGS = {"env": "prod", "team": "data"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def body(shelf: dict[str, OfferingVersion], cloud_account: CloudAccount) -> dict[str, Any]:
    return {"name": "web-1", "offering": "aws/vm", "cloud_account": str(cloud_account.pk), "inputs": VM, "tags": TAGS}


# --- API ------------------------------------------------------------------------------------------------------------


def test_an_order_keeps_its_tags(api: Api, tenant: SimpleNamespace, body: dict, credit: Callable) -> None:
    credit(tenant.organization)
    client = api(tenant.member)
    answer = client.post(URL, body)
    assert answer.status_code == 202
    resource = Resource.objects.get()
    assert (resource.tags, Run.objects.get().tags) == (TAGS, TAGS)
    assert client.get(f"{URL}/{resource.pk}").json()["tags"] == TAGS
    assert client.get(URL).json()["results"][0]["tags"] == TAGS
    assert AuditEvent.objects.get(action="resource.create").data["tags"] == TAGS


def test_an_order_without_tags_has_none(api: Api, tenant: SimpleNamespace, body: dict, credit: Callable) -> None:
    credit(tenant.organization)
    del body["tags"]
    assert api(tenant.member).post(URL, body).status_code == 202
    assert Resource.objects.get().tags == {}


@pytest.mark.parametrize(
    "tags", [{"Team": "data"}, {"team": "Data"}, {"team": None}, {"skyvend-run": "1"}, ["team"], "team=data", None]
)
def test_bad_tags_are_named_and_nothing_is_written(
    api: Api, tenant: SimpleNamespace, body: dict, credit: Callable, tags: Any
) -> None:
    credit(tenant.organization)
    answer = api(tenant.member).post(URL, {**body, "tags": tags})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["tags"]
    assert Resource.objects.count() == 0


def test_bad_tags_are_told_with_all_else_that_is_wrong(api: Api, tenant: SimpleNamespace, body: dict) -> None:
    answer = api(tenant.member).post(URL, {**body, "name": "Web", "tags": {"A": "b"}, "inputs": {"size": "small"}})
    assert [error["field"] for error in answer.json()["errors"]] == ["name", "tags", "inputs.region"]


def test_other_tags_are_another_request(api: Api, tenant: SimpleNamespace, body: dict, credit: Callable) -> None:
    credit(tenant.organization)
    client = api(tenant.member)
    codes = [
        client.post(URL, {**body, "tags": tags}, headers={"Idempotency-Key": "once"}).status_code
        for tags in (TAGS, TAGS, {"team": "web"})
    ]
    assert codes == [202, 202, 409]


def test_tags_change_without_a_run_and_metering_knows_at_once(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1", tags=TAGS))
    metered.start(resource)
    answer = api(tenant.member).patch(f"{URL}/{resource.pk}", {"tags": {"team": "web", "env": None, "app": "shop"}})
    wanted = {"app": "shop", "team": "web"}
    assert (answer.status_code, answer.json()["tags"], answer.json()["id"]) == (200, wanted, str(resource.pk))
    assert Run.objects.count() == 1
    assert BilledResource.objects.get().tags == wanted
    event = AuditEvent.objects.get(action="resource.tag")
    assert (event.data["tags"], event.data["before"]) == (wanted, TAGS)


def test_tags_may_be_changed_while_a_run_works(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1", tags=TAGS)
    assert api(tenant.member).patch(f"{URL}/{run.resource_id}", {"tags": {"env": "test"}}).status_code == 200
    run.refresh_from_db()
    assert (run.tags, Resource.objects.get().tags["env"]) == (TAGS, "test")


def test_the_same_tags_again_are_not_audited(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1", tags=TAGS)
    assert api(tenant.member).patch(f"{URL}/{run.resource_id}", {"tags": TAGS}).status_code == 200
    assert not AuditEvent.objects.filter(action="resource.tag").exists()


def test_tags_and_inputs_change_together_or_not_at_all(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1", tags=TAGS))
    client, url = api(tenant.member), f"{URL}/{resource.pk}"
    assert client.patch(url, {"tags": {"team": "web"}, "inputs": {"region": "us-east-1"}}).status_code == 409
    assert Resource.objects.get().tags == TAGS
    answer = client.patch(url, {"tags": {"team": "web"}, "inputs": {"size": "medium"}})
    assert answer.status_code == 202
    assert Run.objects.get(operation="update").tags == {"env": "prod", "team": "web"}


@pytest.mark.parametrize("change", [{}, {"tags": {}}, {"tags": {"team": "No"}}, {"tags": []}, {"tags": {"azure": "x"}}])
def test_a_bad_change_is_400(api: Api, tenant: SimpleNamespace, order: Order, change: dict) -> None:
    run = order("web-1", tags=TAGS)
    assert api(tenant.member).patch(f"{URL}/{run.resource_id}", change).status_code == 400
    assert Resource.objects.get().tags == TAGS


def test_who_may_not_order_may_not_tag(api: Api, tenant: SimpleNamespace, order: Order, stranger: User) -> None:
    url = f"{URL}/{order('web-1').resource_id}"
    assert api(tenant.viewer).patch(url, {"tags": TAGS}).status_code == 403
    assert api(stranger).patch(url, {"tags": TAGS}).status_code == 404
    assert Resource.objects.get().tags == {}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("team=data", ["one", "two"]),
        ("team=data,env=prod", ["one"]),
        ("env", ["one"]),
        ("team=dat", []),
        ("team=", []),
        ("nothing", []),
        ("", ["one", "three", "two"]),
    ],
)
def test_a_list_is_narrowed_by_tags(
    api: Api, sign_in: SignIn, tenant: SimpleNamespace, order: Order, query: str, names: list[str]
) -> None:
    order("one", tags=TAGS)
    order("two", tags={"team": "data"})
    order("three")
    found = api(tenant.viewer).get(URL, {"tag": query}).json()["results"]
    assert sorted(one["name"] for one in found) == names
    page = sign_in(tenant.viewer).get("/resources/", {"tag": query}).context["page_obj"]
    assert sorted(one.name for one in page) == names


# --- pages ----------------------------------------------------------------------------------------------------------


def test_the_order_form_takes_tags_and_keeps_them_when_the_cloud_is_switched(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable
) -> None:
    credit(tenant.organization)
    client = sign_in(tenant.member)
    typed = {**filled, "tags": "team=data, env=prod"}
    switched = client.get("/resources/new/vm/", {**typed, "offering": "gcp/vm"}, headers={"HX-Request": "true"})
    assert switched.context["form"]["tags"].value() == "team=data, env=prod"
    assert client.post("/resources/new/vm/", typed).status_code == 302
    assert Resource.objects.get().tags == TAGS


def test_the_order_form_says_what_is_wrong_with_tags_and_loses_nothing(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable
) -> None:
    credit(tenant.organization)
    answer = sign_in(tenant.member).post("/resources/new/vm/", {**filled, "tags": "Team=data urgent"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "“urgent” has no value: write name=value." in page
    assert 'value="Team=data urgent"' in page
    assert Resource.objects.count() == 0


def test_an_order_elsewhere_starts_with_the_same_tags(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    resource = order("web-1", tags=TAGS).resource
    page = sign_in(tenant.member).get(f"/resources/new/vm/?from={resource.pk}")
    assert page.context["form"]["tags"].value() == "env=prod, team=data"


def test_tags_are_seen_and_changed_on_the_page(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    resource = order("web-1", tags=TAGS).resource
    client, url = sign_in(tenant.member), f"/resources/{resource.pk}/"
    page = client.get(url).content.decode()
    assert "/resources/?status=all&amp;tag=team%3Ddata" in page
    assert 'value="env=prod, team=data"' in page
    assert client.post(f"{url}tags/", {"tags": "team=web"})["Location"] == url
    assert Resource.objects.get().tags == {"team": "web"}
    assert client.post(f"{url}tags/", {"tags": ""}).status_code == 302
    assert Resource.objects.get().tags == {}
    viewed = sign_in(tenant.viewer)
    assert "tags-edit" not in viewed.get(url).content.decode()
    assert viewed.post(f"{url}tags/", {"tags": "team=web"}).status_code == 403


def test_bad_tags_on_the_page_are_answered_beside_the_field(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order
) -> None:
    resource = order("web-1", tags=TAGS).resource
    answer = sign_in(tenant.member).post(f"/resources/{resource.pk}/tags/", {"tags": "skyvend-x=1"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "kept for the platforms" in page
    assert 'value="skyvend-x=1"' in page
    assert '<details id="tags-edit" class="advanced" hx-preserve open>' in page
    assert Resource.objects.get().tags == TAGS


# --- what the cloud's objects carry ---------------------------------------------------------------------------------


def test_objects_carry_the_tags_and_are_searched_by_ours_alone(order: Order) -> None:
    run = order("web-1", tags=TAGS)
    ours = {"skyvend-organization": str(run.organization_id), "skyvend-resource": str(run.resource_id)}
    assert search_tags(run.resource) == ours
    assert tags_of(run) == {**TAGS, **ours, "skyvend-run": str(run.pk)}
    run.tags = {"skyvend-resource": "somebody else's"}  # whatever a row may hold, ours win
    assert tags_of(run) == {**ours, "skyvend-run": str(run.pk)}


def test_a_change_puts_new_tags_on_the_objects_and_a_comparison_does_not(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    actor = actor_for(tenant.member)
    resource = activate(order("web-1", tags=TAGS))
    services.set_tags(actor=actor, resource=resource, tags={"team": "web"})
    compared = services.detect_drift(actor=actor, resource=resource)
    assert compared.tags == TAGS
    Run.objects.filter(pk=compared.pk).update(status="succeeded")
    stopped = services.request_stop(actor=actor, resource=resource)
    assert stopped.tags == TAGS
    Run.objects.filter(pk=stopped.pk).update(status="failed")
    Resource.objects.filter(pk=resource.pk).update(status="active")
    assert services.request_update(actor=actor, resource=resource, inputs={**VM, "size": "medium"}).tags == {
        "team": "web"
    }


def test_a_cluster_keeps_the_tags_it_was_made_with(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    actor = actor_for(tenant.member)
    inputs = {"region": "eu-west-1", "node_size": "medium", "allowed_cidrs": ["203.0.113.0/24"]}
    resource = activate(order("k-1", "aws/kubernetes", inputs=inputs, tags=TAGS))
    services.set_tags(actor=actor, resource=resource, tags={"team": "web"})
    assert services.request_update(actor=actor, resource=resource, inputs={**inputs, "max_nodes": 5}).tags == TAGS


def test_a_service_refuses_bad_tags(order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]) -> None:
    resource = order("web-1").resource
    with pytest.raises(InvalidInputs):
        services.set_tags(actor=actor_for(tenant.member), resource=resource, tags={"Team": "x"})
