from types import SimpleNamespace

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEvent, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def actions() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("created_at").values_list("action", "actor_label"))


def post_login(client: Client, password: str, email: str = "owner@acme.test") -> int:
    return client.post("/accounts/login/", {"login": email, "password": password}).status_code


def test_signing_in_and_out_is_recorded(client: Client, tenant: SimpleNamespace) -> None:
    assert post_login(client, PASSWORD) == 302
    client.post("/accounts/logout/")
    assert actions() == [("user.sign-in", "owner@acme.test"), ("user.sign-out", "owner@acme.test")]
    assert {event.organization for event in AuditEvent.objects.all()} == {None}


def test_a_failure_is_recorded_without_what_was_typed(client: Client, tenant: SimpleNamespace) -> None:
    post_login(client, "wrong-password-typed")
    post_login(client, "wrong-password-typed", "hunter2-typed-in-the-wrong-field@x.test")
    known, unknown = AuditEvent.objects.order_by("created_at")
    assert (known.action, known.target_label, known.data) == (
        "user.sign-in-fail",
        "owner@acme.test",
        {"known_account": True},
    )
    assert (unknown.action, unknown.target_label, unknown.data) == ("user.sign-in-fail", "", {"known_account": False})
    assert "typed" not in str(list(AuditEvent.objects.values()))


def test_after_five_failures_even_the_right_password_waits(client: Client, tenant: SimpleNamespace) -> None:
    for _ in range(5):
        post_login(client, "wrong")
    assert post_login(client, PASSWORD) == 200  # the form again
    assert "_auth_user_id" not in client.session


def test_limits_count_the_address_that_the_trusted_proxy_saw(
    client: Client, tenant: SimpleNamespace, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = 1
    for number in range(10):  # ten accounts, one address: 10 a minute per address
        client.post(
            "/accounts/login/",
            {"login": f"user{number}@acme.test", "password": "wrong"},
            headers={"x-forwarded-for": f"6.6.6.{number}, 1.2.3.4"},
        )
    right = {"login": "owner@acme.test", "password": PASSWORD}
    assert client.post("/accounts/login/", right, headers={"x-forwarded-for": "1.2.3.4"}).status_code == 200
    assert client.post("/accounts/login/", right, headers={"x-forwarded-for": "1.2.3.5"}).status_code == 302


def test_signing_up_and_changing_the_password_are_recorded(client: Client, db: None) -> None:
    form = {"email": "new@corp.test", "password1": PASSWORD, "organization": "Corp"}
    assert client.post("/accounts/signup/", form).status_code == 302
    user = User.objects.get()
    assert user.memberships.get().organization.name == "Corp"
    change = {"oldpassword": PASSWORD, "password1": "another-long-password", "password2": "another-long-password"}
    client.post("/accounts/password/change/", change)
    assert [action for action, _ in actions()] == [
        "user.register",
        "organization.create",
        "user.sign-in",
        "user.change-password",
    ]
