from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, Role, User
from accounts.services import issue_token

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
ISSUE = {"name": "ci", "role": "member", "days": "30"}


def test_a_secret_is_shown_once(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(tenant.owner)
    answer = client.post(reverse("accounts:token-list"), ISSUE)
    assert answer.status_code == 201
    secret = answer.context["secret"]
    assert answer.content.decode().count(secret) == 2  # to read and to copy
    assert "no-store" in answer["Cache-Control"]
    assert secret not in client.get(reverse("accounts:token-list")).content.decode()


def test_an_issued_token_opens_the_api(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    secret = sign_in(tenant.owner).post(reverse("accounts:token-list"), ISSUE).context["secret"]
    token = ApiToken.objects.get()
    assert secret.startswith(token.prefix)
    assert (token.role, token.organization) == (Role.MEMBER, tenant.organization)


def test_a_role_above_ones_own_is_refused(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    answer = sign_in(tenant.admin).post(reverse("accounts:token-list"), {**ISSUE, "role": "owner"})
    assert answer.status_code == 422
    assert ApiToken.objects.count() == 0


def test_a_token_is_revoked(tenant: SimpleNamespace, sign_in: SignIn, actor_for: Callable[..., Any]) -> None:
    token, _ = issue_token(actor=actor_for(tenant.owner), name="old", role=Role.VIEWER, expires_at=None)
    answer = sign_in(tenant.admin).post(reverse("accounts:token-revoke", args=[token.pk]), follow=True)
    assert "The token old has been revoked" in answer.content.decode()
    assert not ApiToken.objects.live().exists()


def test_an_admin_cannot_revoke_an_owners_token(
    tenant: SimpleNamespace, sign_in: SignIn, actor_for: Callable[..., Any]
) -> None:
    token, _ = issue_token(actor=actor_for(tenant.owner), name="root", role=Role.OWNER, expires_at=None)
    answer = sign_in(tenant.admin).post(reverse("accounts:token-revoke", args=[token.pk]), follow=True)
    assert "allows more than your own" in answer.content.decode()
    assert ApiToken.objects.live().count() == 1


def test_an_empty_list_says_what_a_token_is_for(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    assert "No program has a key yet" in sign_in(tenant.owner).get(reverse("accounts:token-list")).content.decode()
