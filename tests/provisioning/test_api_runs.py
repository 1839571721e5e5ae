"""/runs and their events as programs use them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rest_framework.test import APIClient

from provisioning import events
from provisioning.models import Run

Api = Callable[..., APIClient]
Order = Callable[..., Run]
URL = "/api/v1/runs"
pytestmark = pytest.mark.django_db


def write(run: Run, count: int) -> None:
    for number in range(count):
        events.append_event(run, "info", "log", f"line {number + 1}", {})


def test_a_run_shows_what_it_does_and_what_went_wrong(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1")
    error = {"summary": "The key was refused.", "advice": "Check it.", "cloud_message": "", "raw": "", "address": ""}
    Run.objects.filter(pk=run.pk).update(plan={"adds": 2, "changes": 0, "destroys": 0}, error=error)
    shown = api(tenant.viewer).get(f"{URL}/{run.pk}").json()
    assert (shown["operation"], shown["status"], shown["resource_name"]) == ("create", "queued", "web-1")
    assert (shown["plan"], shown["error"]) == ({"adds": 2, "changes": 0, "destroys": 0}, error)
    assert (shown["started_at"], shown["created_by"]) == (None, "member@acme.test")


def test_a_list_takes_the_same_queries_for_one_row_as_for_three(
    api: Api, tenant: SimpleNamespace, order: Order, django_assert_num_queries: Any
) -> None:
    client = api(tenant.member)
    order("web-1")
    with django_assert_num_queries(4) as one:
        assert client.get(URL).json()["count"] == 1
    for name in ("web-2", "web-3"):
        order(name)
    with django_assert_num_queries(len(one.captured_queries)):
        assert client.get(URL).json()["count"] == 3


def test_a_list_is_filtered(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    run, _ = order("web-1"), order("web-2")
    client = api(tenant.member)
    assert client.get(f"{URL}?resource={run.resource_id}").json()["count"] == 1
    assert client.get(f"{URL}?status=failed").json()["count"] == 0
    assert client.get(f"{URL}?operation=create").json()["count"] == 2


def test_events_come_after_the_cursor_in_order_without_gaps(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1")
    write(run, 7)
    client = api(tenant.viewer)

    def seqs(query: str) -> list[int]:
        return [event["seq"] for event in client.get(f"{URL}/{run.pk}/events?{query}").json()["results"]]

    assert seqs("") == [1, 2, 3, 4, 5, 6, 7]
    assert seqs("after=2&limit=3") == [3, 4, 5]
    assert seqs("after=7") == []
    first = client.get(f"{URL}/{run.pk}/events?limit=1").json()["results"][0]
    assert set(first) == {"seq", "time", "level", "kind", "message", "data"}
    assert first["time"].endswith("Z")


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001", f"after={10**30}"])
def test_a_bad_cursor_is_400(api: Api, tenant: SimpleNamespace, order: Order, query: str) -> None:
    assert api(tenant.viewer).get(f"{URL}/{order('web-1').pk}/events?{query}").status_code == 400


def test_a_run_is_canceled_once(api: Api, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1")
    client = api(tenant.member)
    answer = client.post(f"{URL}/{run.pk}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "canceled")
    assert client.post(f"{URL}/{run.pk}/cancel").status_code == 409


@pytest.mark.parametrize("decision", ["approve", "discard"])
def test_a_run_that_waits_for_nobody_cannot_be_decided(
    api: Api, tenant: SimpleNamespace, order: Order, decision: str
) -> None:
    assert api(tenant.member).post(f"{URL}/{order('web-1').pk}/{decision}").status_code == 409


def test_a_viewer_watches_and_a_stranger_finds_nothing(
    api: Api, tenant: SimpleNamespace, stranger: Any, order: Order
) -> None:
    run = order("web-1")
    assert api(tenant.viewer).get(f"{URL}/{run.pk}/events").status_code == 200
    assert api(tenant.viewer).post(f"{URL}/{run.pk}/cancel").status_code == 403
    for method, path in [("get", ""), ("get", "/events"), ("post", "/cancel"), ("post", "/approve")]:
        assert getattr(api(stranger), method)(f"{URL}/{run.pk}{path}").status_code == 404
