from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import AuditEvent

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]


@pytest.mark.parametrize("path", ["members", "invitations", "tokens", "audit", "cloud-accounts", "billing/ledger"])
def test_an_order_that_is_not_offered_is_refused_with_what_is(api: Api, tenant: SimpleNamespace, path: str) -> None:
    answer = api(tenant.owner).get(f"/api/v1/{path}?ordering=colour")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, "ordering", "invalid_choice")
    assert error["detail"].startswith("Choose from: ")


def test_rows_that_are_equal_have_one_order(api: Api, tenant: SimpleNamespace) -> None:
    for index in range(5):
        AuditEvent.objects.create(organization=tenant.organization, action=f"test.{index}", actor_label="x")
    rows = api(tenant.owner).get("/api/v1/audit?action=test&ordering=-created_at").json()["results"]
    assert [row["action"] for row in rows] == [f"test.{index}" for index in (4, 3, 2, 1, 0)]


def test_a_filter_that_is_no_choice_names_the_choices(api: Api, tenant: SimpleNamespace) -> None:
    answer: Any = api(tenant.owner).get("/api/v1/members?role=king")
    detail = "Choose from: owner, admin, member, viewer."
    assert answer.json()["errors"] == [{"field": "role", "code": "invalid_choice", "detail": detail}]
