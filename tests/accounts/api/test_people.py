from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Invitation, Membership, Role, User
from tests.accounts.services.test_invitations import mailed_secret
from tests.conftest import make_user, membership_of

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]


def test_me_lists_organizations_with_roles(tenant: SimpleNamespace, api: Api, token_for: Callable[..., str]) -> None:
    me = api(tenant.admin).get("/api/v1/me").json()
    assert me["user"] == {"id": str(tenant.admin.pk), "email": "admin@acme.test", "name": ""}
    assert [(one["slug"], one["role"], one["is_suspended"]) for one in me["organizations"]] == [
        ("acme", "admin", False)
    ]
    header = {"authorization": f"Token {token_for(tenant.admin, Role.VIEWER)}"}
    of_token = APIClient().get("/api/v1/me", headers=header).json()
    assert [(one["slug"], one["role"]) for one in of_token["organizations"]] == [("acme", "viewer")]


def test_members_are_listed_with_people_and_roles(tenant: SimpleNamespace, api: Api) -> None:
    page = api(tenant.viewer).get("/api/v1/members", {"ordering": "user__email"}).json()
    assert [(row["user"]["email"], row["role"]) for row in page["results"]] == [
        ("admin@acme.test", "admin"),
        ("member@acme.test", "member"),
        ("owner@acme.test", "owner"),
        ("viewer@acme.test", "viewer"),
    ]
    assert api(tenant.viewer).get("/api/v1/members", {"role": "owner"}).json()["count"] == 1
    assert api(tenant.viewer).get("/api/v1/members", {"role": "king"}).status_code == 400


@pytest.mark.parametrize("path", ["members", "invitations", "tokens", "audit"])
def test_lists_take_as_many_queries_for_many_rows_as_for_one(
    tenant: SimpleNamespace,
    api: Api,
    actor_for: Callable[..., Any],
    path: str,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = api(tenant.owner)
    for number in range(3):
        client.post("/api/v1/invitations", {"email": f"new{number}@acme.test", "role": "viewer"})
        client.post("/api/v1/tokens", {"name": f"ci{number}"})
    with django_assert_num_queries(4):  # user, memberships; count, rows
        client.get(f"/api/v1/{path}", {"page_size": 1})
    with django_assert_num_queries(4):
        client.get(f"/api/v1/{path}")


def test_a_role_is_changed(tenant: SimpleNamespace, api: Api) -> None:
    path = f"/api/v1/members/{membership_of(tenant.member).pk}"
    answer = api(tenant.owner).patch(path, {"role": "admin"})
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    assert api(tenant.owner).patch(path, {"role": "king"}).json()["errors"][0]["field"] == "role"


def test_refusals_are_403_or_409(tenant: SimpleNamespace, api: Api) -> None:
    owner = f"/api/v1/members/{membership_of(tenant.owner).pk}"
    answers = [
        api(tenant.owner).patch(owner, {"role": "member"}),
        api(tenant.owner).delete(owner),
        api(tenant.admin).patch(owner, {"role": "member"}),
        api(tenant.admin).delete(owner),
        api(tenant.member).patch(owner, {"role": "member"}),
        api(tenant.member).delete(owner),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "last_owner"),
        (409, "last_owner"),
        (403, "role_too_high"),
        (403, "role_too_high"),
        (403, "permission_denied"),
        (403, "permission_denied"),
    ]
    assert Membership.objects.count() == 4


def test_a_viewer_may_leave(tenant: SimpleNamespace, api: Api) -> None:
    assert api(tenant.viewer).delete(f"/api/v1/members/{membership_of(tenant.viewer).pk}").status_code == 204
    assert not tenant.viewer.memberships.exists()


def test_a_token_of_a_viewer_does_not_take_its_user_out(tenant: SimpleNamespace, token_for: Callable[..., str]) -> None:
    header = {"authorization": f"Token {token_for(tenant.viewer)}"}
    answer = APIClient().delete(f"/api/v1/members/{membership_of(tenant.viewer).pk}", headers=header)
    assert answer.status_code == 403


def test_a_stranger_finds_nobody(tenant: SimpleNamespace, stranger: User, api: Api) -> None:
    path = f"/api/v1/members/{membership_of(tenant.member).pk}"
    client = api(stranger)
    assert [call(path).status_code for call in (client.get, client.patch, client.delete)] == [404, 404, 404]
    assert client.get("/api/v1/members").json()["count"] == 1


@pytest.mark.parametrize("path", ["/api/v1/members", "/api/v1/invitations"])
def test_inviting_is_posting(
    tenant: SimpleNamespace, api: Api, path: str, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = api(tenant.admin).post(path, {"email": "New@acme.test", "role": "viewer"})
    assert answer.status_code == 201
    assert (answer.json()["email"], answer.json()["invited_by"]) == ("new@acme.test", "admin@acme.test")
    assert mailed_secret() not in answer.content.decode()
    again = api(tenant.admin).post(path, {"email": "new@acme.test"})
    assert (again.status_code, again.json()["code"]) == (409, "already_invited")


def test_an_invitation_is_accepted_by_its_addressee_only(
    tenant: SimpleNamespace, stranger: User, api: Api, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        api(tenant.admin).post("/api/v1/invitations", {"email": "new@elsewhere.test", "role": "viewer"})
    wrong = api(stranger).post("/api/v1/invitations/accept", {"secret": mailed_secret()})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_email")
    invited = make_user("new@elsewhere.test", stranger.organization)  # type: ignore[attr-defined]
    right = api(invited).post("/api/v1/invitations/accept", {"secret": mailed_secret()})
    assert (right.status_code, right.json()["role"]) == (200, "viewer")
    assert api(invited, tenant.organization).get("/api/v1/members").json()["count"] == 5


def test_an_invitation_is_changed_sent_again_and_revoked(tenant: SimpleNamespace, stranger: User, api: Api) -> None:
    client = api(tenant.admin)
    path = f"/api/v1/invitations/{client.post('/api/v1/invitations', {'email': 'new@acme.test'}).json()['id']}"
    assert client.patch(path, {"role": "admin"}).json()["role"] == "admin"
    assert client.patch(path, {"role": "owner"}).status_code == 403
    assert client.post(f"{path}/resend").status_code == 200
    assert api(stranger).delete(path).status_code == 404
    assert api(tenant.member).delete(path).status_code == 403
    assert client.delete(path).status_code == 204
    assert client.get(path).json()["is_open"] is False
    assert client.post(f"{path}/resend").json()["code"] == "invitation_closed"
    assert Invitation.objects.count() == 1
