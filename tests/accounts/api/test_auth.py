from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts.api import auth
from accounts.models import AuditEvent, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    return APIClient()


def login(client: APIClient, email: str = "owner@acme.test", password: str = PASSWORD) -> Any:
    return client.post("/api/v1/auth/login", {"email": email, "password": password})


def refresh(client: APIClient, token: str) -> Any:
    return client.post("/api/v1/auth/refresh", {"refresh": token})


def test_registering_gives_a_user_with_an_organization_who_can_log_in(client: APIClient) -> None:
    form = {"email": "New@Corp.test", "password": PASSWORD, "organization": "Corp"}
    answer = client.post("/api/v1/auth/register", form)
    assert answer.status_code == 201
    assert answer.json()["user"]["email"] == "new@corp.test"
    assert answer.json()["organization"]["slug"] == "corp"
    assert mail.outbox[0].to == ["new@corp.test"]
    access = login(client, "new@corp.test").json()["access"]
    me = client.get("/api/v1/me", headers={"authorization": f"Bearer {access}"}).json()
    assert [(one["slug"], one["role"]) for one in me["organizations"]] == [("corp", "owner")]


def test_registering_a_taken_address_is_a_conflict(client: APIClient, tenant: SimpleNamespace) -> None:
    form = {"email": "owner@acme.test", "password": PASSWORD, "organization": "Corp"}
    answer = client.post("/api/v1/auth/register", form)
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"email": "x"}, ["email"]),
        ({"password": "12345678901"}, ["password"]),
        ({"organization": ""}, ["organization"]),
        ({"email": None, "password": ["x"], "organization": {"a": 1}}, ["email", "organization", "password"]),
        ({"organization": "nul\x00"}, ["organization"]),
    ],
)
def test_registering_with_bad_input_names_the_fields(
    client: APIClient, changes: dict[str, Any], fields: list[str]
) -> None:
    form = {"email": "new@corp.test", "password": PASSWORD, "organization": "Corp"} | changes
    answer = client.post("/api/v1/auth/register", form)
    assert answer.status_code == 400
    assert sorted({error["field"] for error in answer.json()["errors"]}) == fields
    assert User.objects.count() == 0


def test_registering_is_limited(client: APIClient) -> None:
    form = {"email": "x", "password": PASSWORD, "organization": "Corp"}
    answers = [client.post("/api/v1/auth/register", form).status_code for _ in range(21)]
    assert answers == [400] * 20 + [429]


def test_logging_in_gives_tokens_and_is_recorded(client: APIClient, tenant: SimpleNamespace) -> None:
    answer = login(client, " OWNER@acme.test")
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.ip) == ("user.sign-in", tenant.owner, "127.0.0.1")


def test_the_database_keeps_no_refresh_token(client: APIClient, tenant: SimpleNamespace) -> None:
    first = login(client).json()["refresh"]
    refresh(client, first)
    assert set(OutstandingToken.objects.values_list("token", flat=True)) == {""}


@pytest.mark.parametrize(
    ("email", "password"), [("owner@acme.test", "wrong"), ("nobody@acme.test", PASSWORD), ("not an address", "x")]
)
def test_wrong_credentials_are_401_and_recorded(
    client: APIClient, tenant: SimpleNamespace, email: str, password: str
) -> None:
    answer = login(client, email, password)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credentials")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert AuditEvent.objects.get().action == "user.sign-in-fail"


def test_a_deactivated_user_is_told_no_more_than_a_wrong_password(client: APIClient, tenant: SimpleNamespace) -> None:
    User.objects.update(is_active=False)
    assert login(client).json() | {"request_id": ""} == login(client, password="wrong").json() | {"request_id": ""}


def test_many_failures_are_429_even_with_the_right_password(client: APIClient, tenant: SimpleNamespace) -> None:
    assert [login(client, password="wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    answer = login(client)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert answer["Retry-After"] == "300"
    assert login(client, "member@acme.test").status_code == 200


def test_many_logins_are_not_failures(client: APIClient, tenant: SimpleNamespace) -> None:
    assert {login(client).status_code for _ in range(12)} == {200}


def test_an_unconfirmed_address_waits_where_confirmation_is_mandatory(
    client: APIClient, tenant: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "EMAIL_VERIFICATION", "mandatory")
    assert login(client).json()["code"] == "email_not_verified"


def test_a_refresh_token_works_once(client: APIClient, tenant: SimpleNamespace) -> None:
    first = login(client).json()["refresh"]
    second = refresh(client, first)
    assert second.status_code == 200
    assert refresh(client, first).status_code == 401
    assert refresh(client, second.json()["refresh"]).status_code == 200


def test_logging_out_ends_the_refresh_token(client: APIClient, tenant: SimpleNamespace) -> None:
    token = login(client).json()["refresh"]
    answer = client.post("/api/v1/auth/logout", {"refresh": token})
    assert (answer.status_code, answer.content) == (204, b"")
    assert refresh(client, token).status_code == 401
    assert client.post("/api/v1/auth/logout", {"refresh": token}).status_code == 401
    assert AuditEvent.objects.first().action == "user.sign-out"  # type: ignore[union-attr]


def test_a_new_password_ends_refresh_tokens(client: APIClient, tenant: SimpleNamespace) -> None:
    token = login(client).json()["refresh"]
    tenant.owner.set_password("another-long-password")
    tenant.owner.save()
    assert refresh(client, token).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", 7, None, ["x"], "é" * 5000])
def test_nonsense_is_no_refresh_token(client: APIClient, token: Any) -> None:
    assert refresh(client, token).status_code in {400, 401}


def test_an_access_token_cannot_be_refreshed(client: APIClient, tenant: SimpleNamespace) -> None:
    assert refresh(client, login(client).json()["access"]).status_code == 401


def test_a_stale_authorization_header_does_not_stand_in_the_way(client: APIClient, tenant: SimpleNamespace) -> None:
    client.credentials(HTTP_AUTHORIZATION="Bearer expired")
    assert login(client).status_code == 200
