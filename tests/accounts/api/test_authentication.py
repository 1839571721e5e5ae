from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts import services
from accounts.models import Organization, Role, User

pytestmark = pytest.mark.django_db


def members(**headers: str) -> tuple[int, int | str]:
    answer = APIClient().get(
        "/api/v1/members", headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    return answer.status_code, answer.json().get("count", answer.json().get("code"))


def test_each_credential_opens_the_door(tenant: SimpleNamespace, token_for: Callable[..., str]) -> None:
    assert members(authorization=f"Token {token_for(tenant.viewer)}") == (200, 4)
    assert members(authorization=f"token  {token_for(tenant.viewer)}") == (200, 4)
    assert members(authorization=f"Bearer {AccessToken.for_user(tenant.viewer)}") == (200, 4)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Token sky_wrong", "token_not_valid"),
        ("Token", "token_not_valid"),
        ("Bearer wrong", "token_not_valid"),
        ("Bearer a.b.c", "token_not_valid"),
        ("Basic eDp4", "not_authenticated"),
        ("", "not_authenticated"),
    ],
)
def test_nobody_gets_401_with_a_challenge(db: None, header: str, code: str) -> None:
    answer = APIClient().get("/api/v1/members", headers={"authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", Token realm="api"'
    assert answer["Content-Type"] == "application/problem+json"


def test_a_user_in_several_organizations_names_one(tenant: SimpleNamespace, stranger: User) -> None:
    services.create_organization(user=tenant.member, name="Second")
    bearer = f"Bearer {AccessToken.for_user(tenant.member)}"
    assert members(authorization=bearer) == (400, "organization_unclear")
    assert members(authorization=bearer, x_organization="acme") == (200, 4)
    assert members(authorization=bearer, x_organization="second") == (200, 1)
    assert members(authorization=bearer, x_organization="elsewhere") == (404, "not_found")
    assert members(authorization=bearer, x_organization="nowhere") == (404, "not_found")


def test_the_problem_says_which_organizations_there_are(tenant: SimpleNamespace) -> None:
    services.create_organization(user=tenant.member, name="Second")
    answer = APIClient().get(
        "/api/v1/members", headers={"authorization": f"Bearer {AccessToken.for_user(tenant.member)}"}
    )
    assert answer.json()["detail"].endswith("X-Organization header (acme, second).")


def test_a_token_of_a_user_in_several_needs_no_header(tenant: SimpleNamespace, token_for: Callable[..., str]) -> None:
    secret = token_for(tenant.member)
    services.create_organization(user=tenant.member, name="Second")
    assert members(authorization=f"Token {secret}") == (200, 4)


def test_a_token_does_not_work_in_the_name_of_another_organization(
    tenant: SimpleNamespace, token_for: Callable[..., str]
) -> None:
    token = f"Token {token_for(tenant.member)}"
    services.create_organization(user=tenant.member, name="Second")
    assert members(authorization=token, x_organization="acme") == (200, 4)
    assert members(authorization=token, x_organization="second") == (404, "not_found")


def test_a_user_without_an_organization_sees_themselves_and_nothing_else(tenant: SimpleNamespace) -> None:
    bearer = {"authorization": f"Bearer {AccessToken.for_user(tenant.member)}"}
    Organization.objects.all().delete()
    assert members(**bearer) == (403, "permission_denied")
    assert APIClient().get("/api/v1/me", headers=bearer).json()["organizations"] == []


def test_a_browser_session_works_and_its_writes_need_a_csrf_token(
    tenant: SimpleNamespace, sign_in: Callable[[User], Client]
) -> None:
    session = sign_in(tenant.owner).cookies
    client = APIClient(enforce_csrf_checks=True)
    client.cookies = session
    assert client.get("/api/v1/members").json()["count"] == 4
    assert client.post("/api/v1/tokens", {"name": "x"}).status_code == 403


def test_a_session_works_where_it_was_switched_to_or_where_the_header_says(
    tenant: SimpleNamespace, sign_in: Callable[[User], Client]
) -> None:
    second = services.create_organization(user=tenant.member, name="Second")
    client = sign_in(tenant.member)
    session = client.session
    session["organization"] = str(second.pk)
    session.save()
    assert client.get("/api/v1/members").json()["count"] == 1
    assert client.get("/api/v1/members", headers={"x-organization": "acme"}).json()["count"] == 4


def test_a_token_request_costs_one_query_beside_its_work(
    tenant: SimpleNamespace, token_for: Callable[..., str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    header = {"authorization": f"Token {token_for(tenant.owner)}"}
    APIClient().get("/api/v1/members", headers=header)
    with django_assert_num_queries(3):  # the token; count and rows of the page
        APIClient().get("/api/v1/members", headers=header)


@pytest.mark.parametrize("role", Role)
def test_a_suspended_organization_can_be_read_and_not_written(
    tenant: SimpleNamespace, api: Callable[..., APIClient], role: Role
) -> None:
    Organization.objects.update(suspended_at=timezone.now())
    client = api(getattr(tenant, role))
    assert client.get("/api/v1/members").status_code == 200
    answer = client.post("/api/v1/tokens", {"name": "x", "role": "viewer"})
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "Acme is suspended: nothing can be changed. Ask your operator.",
    )
