from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from clouds.models import Offering

from . import shelf

pytestmark = pytest.mark.django_db

Api = Callable[..., APIClient]


@pytest.fixture(autouse=True)
def _shelf() -> None:
    shelf.load()


def test_the_list_names_what_can_be_ordered(tenant: SimpleNamespace, api: Api) -> None:
    answer = api(tenant.viewer).get("/api/v1/offerings")

    assert answer.status_code == 200
    found = {row["id"]: row for row in answer.json()["results"]}
    assert answer.json()["count"] == len(found) == Offering.objects.available().count()
    vm = found["aws/vm"]
    assert {key: vm[key] for key in ("kind", "provider", "version", "title", "regions")} == {
        "kind": "vm",
        "provider": "aws",
        "version": "1.0.1",
        "title": "Virtual machine",
        "regions": ["eu-west-1", "us-east-1", "ap-southeast-1"],
    }
    assert vm["inputs"]["required"] == ["region"]
    assert vm["inputs"]["additionalProperties"] is False
    assert vm["inputs"]["properties"]["region"]["oneOf"][0] == {
        "const": "eu-west-1",
        "title": "Ireland · eu-west-1",
        "geography": "Europe",
    }


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("kind=vm&provider=aws", ["aws/vm"]),
        ("kind=kubernetes&provider=aws", ["aws/kubernetes"]),
        ("provider=aws", ["aws/bucket", "aws/kubernetes", "aws/vm"]),
    ],
)
def test_the_list_is_filtered(tenant: SimpleNamespace, api: Api, query: str, ids: list[str]) -> None:
    answer = api(tenant.member).get(f"/api/v1/offerings?{query}")

    assert [row["id"] for row in answer.json()["results"]] == ids


@pytest.mark.parametrize("query", ["kind=teapot", "provider=%00"])
def test_a_filter_that_does_not_exist_is_refused(tenant: SimpleNamespace, api: Api, query: str) -> None:
    answer = api(tenant.member).get(f"/api/v1/offerings?{query}")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_one_offering_has_its_own_address(tenant: SimpleNamespace, api: Api) -> None:
    answer = api(tenant.member).get("/api/v1/offerings/aws/bucket")

    assert (answer.status_code, answer.json()["id"]) == (200, "aws/bucket")


def test_what_is_not_on_the_shelf_is_not_found(tenant: SimpleNamespace, api: Api) -> None:
    Offering.objects.filter(pk="aws/vm").update(is_available=False)

    for path in ("aws/vm", "aws/teapot", "cloud/vm"):
        assert api(tenant.member).get(f"/api/v1/offerings/{path}").status_code == 404
    assert "aws/vm" not in [row["id"] for row in api(tenant.member).get("/api/v1/offerings").json()["results"]]


def test_nobody_reads_the_shelf_without_signing_in(db: None) -> None:
    assert APIClient().get("/api/v1/offerings").status_code == 401
    assert APIClient().get("/api/v1/offerings/aws/vm").status_code == 401


def test_every_organization_sees_the_same_shelf(stranger: User, api: Api) -> None:
    assert api(stranger).get("/api/v1/offerings").json()["count"] == Offering.objects.available().count() > 2


def test_the_list_takes_as_many_queries_for_two_as_for_one(tenant: SimpleNamespace, api: Api) -> None:
    client = api(tenant.member)
    client.get("/api/v1/offerings")
    counts = []
    for query in ("?kind=vm", ""):
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/api/v1/offerings{query}")
        counts.append(len(queries))

    assert counts[0] == counts[1]
