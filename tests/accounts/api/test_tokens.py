from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, User

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]


def test_the_secret_is_answered_once_and_works(tenant: SimpleNamespace, api: Api) -> None:
    client = api(tenant.owner)
    expires = (timezone.now() + timedelta(days=1)).isoformat()
    issued = client.post("/api/v1/tokens", {"name": "ci", "role": "member", "expires_at": expires})
    assert issued.status_code == 201
    secret = issued.json()["token"]
    header = {"authorization": f"Token {secret}"}
    assert APIClient().get("/api/v1/members", headers=header).status_code == 200
    for path in ("/api/v1/tokens", f"/api/v1/tokens/{issued.json()['id']}"):
        assert secret not in client.get(path).content.decode()
        assert "digest" not in client.get(path).content.decode()


def test_a_deleted_token_is_revoked_and_stays_listed(tenant: SimpleNamespace, api: Api) -> None:
    client = api(tenant.owner)
    issued = client.post("/api/v1/tokens", {"name": "ci"}).json()
    assert client.delete(f"/api/v1/tokens/{issued['id']}").status_code == 204
    header = {"authorization": f"Token {issued['token']}"}
    assert APIClient().get("/api/v1/members", headers=header).status_code == 401
    assert client.get("/api/v1/tokens").json()["results"][0]["revoked_at"] is not None


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        ({"name": ""}, 400),
        ({"name": "x", "role": "king"}, 400),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, 400),
        ({"name": "x", "expires_at": "soon"}, 400),
        ({"name": "x", "role": "owner"}, 403),
    ],
)
def test_what_an_admin_cannot_issue(tenant: SimpleNamespace, api: Api, form: dict[str, str], status: int) -> None:
    assert api(tenant.admin).post("/api/v1/tokens", form).status_code == status
    assert ApiToken.objects.count() == 0


def test_members_and_strangers_keep_out(
    tenant: SimpleNamespace, stranger: User, api: Api, token_for: Callable[..., str]
) -> None:
    token_for(tenant.owner)
    path = f"/api/v1/tokens/{ApiToken.objects.get().pk}"
    for user in (tenant.member, tenant.viewer):
        client = api(user)
        assert {client.get("/api/v1/tokens").status_code, client.post("/api/v1/tokens").status_code} == {403}
        assert client.delete(path).status_code == 403
    assert api(stranger).delete(path).status_code == 404
    assert api(stranger).get("/api/v1/tokens").json()["count"] == 0


def test_a_token_with_the_right_may_issue_no_more_than_its_own_role(
    tenant: SimpleNamespace, token_for: Callable[..., str]
) -> None:
    header = {"authorization": f"Token {token_for(tenant.owner, 'admin')}"}
    client = APIClient()
    assert client.post("/api/v1/tokens", {"name": "x", "role": "owner"}, headers=header).status_code == 403
    assert client.post("/api/v1/tokens", {"name": "x", "role": "admin"}, headers=header).status_code == 201
