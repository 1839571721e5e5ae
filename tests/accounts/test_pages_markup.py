"""What the account pages send obeys the content security policy and can be used by keyboard and screen reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from accounts.services import invite, issue_token

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]

OPEN = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/done/",
    "/accounts/password/reset/key/1-abc-def/",
    "/accounts/confirm-email/",
    "/accounts/confirm-email/spent/",
    "/accounts/inactive/",
    "/invitations/accept/",
    "/no/such/page/",
]
SIGNED_IN = [
    "/accounts/logout/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/reauthenticate/",
    "/profile/",
    "/organizations/new/",
    "/team/",
    "/tokens/",
    "/audit/",
]
HANDLER = re.compile(r"<[^>]+\son[a-z]+\s*=", re.IGNORECASE)
STYLE = re.compile(r"<[^>]+\sstyle\s*=|<style", re.IGNORECASE)
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE)
LABELLED = re.compile(r'<(?:input|select|textarea)(?![^>]*type="hidden")[^>]*?\sid="([^"]+)"')
UNTITLED = re.compile(r"<(?:h1|title)>\s*(?:·[^<]*)?</")


def check(page: str) -> None:
    assert HANDLER.findall(page) == []
    assert STYLE.findall(page) == []
    assert INLINE_SCRIPT.findall(page) == []
    assert UNTITLED.findall(page) == []
    assert page.count("<h1") == 1
    assert 'href="#content"' in page
    for field in LABELLED.findall(page):
        assert f'for="{field}"' in page or '<label class="form-check">' in page, field


@pytest.mark.parametrize("path", OPEN)
def test_pages_for_everybody_are_clean(path: str, client: Client) -> None:
    answer = client.get(path, follow=True)
    assert "script-src 'self';" in answer["Content-Security-Policy"] + ";"
    assert "unsafe" not in answer["Content-Security-Policy"]
    check(answer.content.decode())


@pytest.mark.parametrize("path", SIGNED_IN)
def test_pages_for_members_are_clean(
    path: str, tenant: SimpleNamespace, sign_in: SignIn, actor_for: Callable[..., Any]
) -> None:
    owner = actor_for(tenant.owner)
    invite(actor=owner, email="new@acme.test", role=Role.VIEWER)
    issue_token(actor=owner, name="<b>ci</b>", role=Role.VIEWER, expires_at=None)
    answer = sign_in(tenant.owner).get(path, follow=True)
    assert answer.status_code == 200
    page = answer.content.decode()
    check(page)
    assert "<b>ci" not in page


def test_every_page_offers_the_organizations_one_belongs_to(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    page = sign_in(tenant.owner).get(reverse("accounts:team")).content.decode()
    assert f'name="organization" value="{tenant.organization.pk}"' in page


def test_pages_say_when_runs_are_not_isolated(tenant: SimpleNamespace, sign_in: SignIn, settings: Any) -> None:
    settings.RUNNER_ISOLATION = "none"
    warned = sign_in(tenant.owner).get(reverse("accounts:team")).content.decode()
    assert "Runs are not isolated on this machine" in warned
    settings.RUNNER_ISOLATION = "bubblewrap"
    calm = sign_in(tenant.owner).get(reverse("accounts:team")).content.decode()
    assert "Runs are not isolated on this machine" not in calm
