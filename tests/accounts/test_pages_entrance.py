"""Sign-in, sign-up, password reset: allauth's flows on our pages; profile and organizations."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, Membership, Organization, Role, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def no_earlier_attempts() -> None:
    """Rate limits count in the cache, which outlives a test."""
    cache.clear()


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_a_user_signs_in_by_email(tenant: SimpleNamespace, client: Client) -> None:
    answer = client.post("/accounts/login/", {"login": "Owner@acme.test", "password": PASSWORD})
    assert answer.status_code == 302
    assert answer["Location"] == "/"


def test_a_wrong_password_says_no_more_than_an_unknown_address(tenant: SimpleNamespace, client: Client) -> None:
    wrong = client.post("/accounts/login/", {"login": "owner@acme.test", "password": "x"})
    unknown = client.post("/accounts/login/", {"login": "nobody@acme.test", "password": "x"})
    reasons = [list(answer.context["form"].non_field_errors()) for answer in (wrong, unknown)]
    assert reasons[0] == reasons[1]
    assert len(reasons[0]) == 1


def test_sign_in_is_rate_limited(tenant: SimpleNamespace, client: Client) -> None:
    for _ in range(6):
        client.post("/accounts/login/", {"login": "owner@acme.test", "password": "x"})
    refused = client.post("/accounts/login/", {"login": "owner@acme.test", "password": PASSWORD})
    assert refused.status_code in {200, 429}
    assert "_auth_user_id" not in client.session


def test_signing_up_creates_an_organization_that_one_owns(client: Client, db: None) -> None:
    data = {"email": "new@acme.test", "password1": PASSWORD, "organization": "New Works"}
    assert client.post("/accounts/signup/", data).status_code == 302
    membership = Membership.objects.get(user__email="new@acme.test")
    assert (membership.organization.name, membership.role) == ("New Works", Role.OWNER)
    assert client.get(reverse("accounts:team")).status_code == 200


@pytest.mark.parametrize("missing", ["email", "password1", "organization"])
def test_signing_up_needs_everything(missing: str, client: Client, db: None) -> None:
    data = {"email": "new@acme.test", "password1": PASSWORD, "organization": "New Works"}
    del data[missing]
    answer = client.post("/accounts/signup/", data)
    assert list(answer.context["form"].errors) == [missing]
    assert not User.objects.filter(email="new@acme.test").exists()


def test_a_password_is_reset_by_mail(tenant: SimpleNamespace, client: Client) -> None:
    sent = client.post("/accounts/password/reset/", {"email": "owner@acme.test"}, follow=True)
    assert "Look into your mail" in text(sent)
    link = re.search(r"/accounts/password/reset/key/\S+/", str(mail.outbox[-1].body))
    assert link is not None
    page = client.get(link[0], follow=True)
    assert "Choose a new password" in text(page)
    done = client.post(page.request["PATH_INFO"], {"password1": "another-good-one", "password2": "another-good-one"})
    assert done.status_code == 302
    tenant.owner.refresh_from_db()
    assert tenant.owner.check_password("another-good-one")


def test_a_reset_link_that_is_spent_says_so(client: Client, db: None) -> None:
    assert "This link no longer works" in text(client.get("/accounts/password/reset/key/1-abc-def/", follow=True))


def test_a_confirmation_link_that_is_spent_says_so(client: Client, db: None) -> None:
    assert "This link no longer works" in text(client.get("/accounts/confirm-email/spent/", follow=True))


def test_signing_out_needs_a_post(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(tenant.owner)
    assert "Sign out?" in text(client.get("/accounts/logout/"))
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get(reverse("accounts:team")).status_code == 302


def test_one_changes_ones_name_and_it_is_audited(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(tenant.viewer)
    answer = client.post(reverse("accounts:profile"), {"name": "  Vera  "}, follow=True)
    assert "Your name has been changed." in text(answer)
    tenant.viewer.refresh_from_db()
    assert tenant.viewer.name == "Vera"
    assert AuditEvent.objects.get(action="user.rename").data == {"before": "", "after": "Vera"}
    assert client.post(reverse("accounts:profile"), {"name": "Vera"}).status_code == 302
    assert AuditEvent.objects.filter(action="user.rename").count() == 1


def test_a_name_must_be_given(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    assert sign_in(tenant.viewer).post(reverse("accounts:profile"), {"name": " "}).status_code == 422


def test_a_password_is_changed(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    new = "another-good-one"
    data = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert sign_in(tenant.viewer).post("/accounts/password/change/", data).status_code == 302
    tenant.viewer.refresh_from_db()
    assert tenant.viewer.check_password(new)


def test_a_new_organization_becomes_the_current_one(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(tenant.viewer)
    assert client.post(reverse("accounts:organization-new"), {"name": "Mine"}).status_code == 302
    actor = client.get(reverse("accounts:team")).context["actor"]
    assert (actor.organization.name, actor.role) == ("Mine", Role.OWNER)


def test_an_organization_needs_a_name(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    before = Organization.objects.count()
    answer = sign_in(tenant.viewer).post(reverse("accounts:organization-new"), {"name": ""})
    assert answer.status_code == 422
    assert Organization.objects.count() == before


def test_one_switches_between_ones_organizations(tenant: SimpleNamespace, stranger: User, sign_in: SignIn) -> None:
    elsewhere = Organization.objects.get(slug="elsewhere")
    Membership.objects.create(user=tenant.owner, organization=elsewhere, role=Role.VIEWER)
    client = sign_in(tenant.owner)
    assert client.post(reverse("accounts:organization-switch"), {"organization": elsewhere.pk}).status_code == 302
    actor = client.get(reverse("accounts:team")).context["actor"]
    assert (actor.organization, actor.role) == (elsewhere, Role.VIEWER)


@pytest.mark.parametrize("organization", ["", "elsewhere", "00000000-0000-0000-0000-000000000000"])
def test_one_cannot_switch_to_another_organization(organization: str, tenant: SimpleNamespace, sign_in: SignIn) -> None:
    answer = sign_in(tenant.owner).post(reverse("accounts:organization-switch"), {"organization": organization})
    assert answer.status_code == 404
