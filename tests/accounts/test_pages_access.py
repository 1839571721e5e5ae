"""Who may open and post what on the account pages."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import ApiToken, AuditEvent, Membership, Role, User
from accounts.services import invite, issue_token

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
Write = tuple[str, str, dict[str, str]]  # url name, which thing, form

READ = [
    ("accounts:team", {"owner": 200, "admin": 200, "member": 200, "viewer": 200}),
    ("accounts:token-list", {"owner": 200, "admin": 200, "member": 403, "viewer": 403}),
    ("accounts:audit-list", {"owner": 200, "admin": 200, "member": 403, "viewer": 403}),
    ("accounts:profile", {"owner": 200, "admin": 200, "member": 200, "viewer": 200}),
    ("accounts:organization-new", {"owner": 200, "admin": 200, "member": 200, "viewer": 200}),
]


@pytest.fixture
def things(tenant: SimpleNamespace, actor_for: Callable[..., Any]) -> dict[str, Any]:
    """One row of the tenant for every address with an id."""
    owner = actor_for(tenant.owner)
    token, _ = issue_token(actor=owner, name="ci", role=Role.VIEWER, expires_at=None)
    return {
        "member": Membership.objects.get(user=tenant.viewer),
        "invitation": invite(actor=owner, email="new@acme.test", role=Role.VIEWER),
        "token": token,
    }


WRITE: list[Write] = [
    ("accounts:member-role", "member", {"role": "member"}),
    ("accounts:invitation-resend", "invitation", {}),
    ("accounts:invitation-revoke", "invitation", {}),
    ("accounts:token-revoke", "token", {}),
]


@pytest.mark.parametrize(("name", "expected"), READ)
def test_each_role_reads_what_it_may(
    name: str, expected: dict[str, int], tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    seen = {role: sign_in(getattr(tenant, role)).get(reverse(name)).status_code for role in expected}
    assert seen == expected


@pytest.mark.parametrize("name", [name for name, _ in READ])
def test_nobody_is_sent_to_the_sign_in_page(name: str, client: Client, tenant: SimpleNamespace) -> None:
    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("write", WRITE, ids=lambda write: write[0])
def test_those_who_do_not_manage_may_not_write(
    write: Write, things: dict[str, Any], tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    name, thing, data = write
    before = AuditEvent.objects.count()
    url = reverse(name, args=[things[thing].pk])
    assert [sign_in(user).post(url, data).status_code for user in (tenant.member, tenant.viewer)] == [403, 403]
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("write", WRITE, ids=lambda write: write[0])
def test_a_stranger_finds_nothing(write: Write, things: dict[str, Any], stranger: User, sign_in: SignIn) -> None:
    name, thing, data = write
    before = AuditEvent.objects.count()
    assert sign_in(stranger).post(reverse(name, args=[things[thing].pk]), data).status_code == 404
    assert sign_in(stranger).post(reverse(name, args=[uuid.uuid4()]), data).status_code == 404
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("write", WRITE, ids=lambda write: write[0])
def test_an_admin_may_write(write: Write, things: dict[str, Any], tenant: SimpleNamespace, sign_in: SignIn) -> None:
    name, thing, data = write
    before = AuditEvent.objects.count()
    assert sign_in(tenant.admin).post(reverse(name, args=[things[thing].pk]), data).status_code == 302
    assert AuditEvent.objects.count() == before + 1


@pytest.mark.parametrize("name", [name for name, _, _ in WRITE])
def test_nothing_is_written_by_following_a_link(name: str, tenant: SimpleNamespace, sign_in: SignIn) -> None:
    assert sign_in(tenant.owner).get(reverse(name, args=[uuid.uuid4()])).status_code == 405


def test_a_user_without_an_organization_is_led_to_create_one(sign_in: SignIn) -> None:
    loner = User.objects.create_user("loner@example.org", "correct-horse-battery")
    answer = sign_in(loner).get(reverse("accounts:team"))
    assert answer.status_code == 302
    assert answer["Location"] == reverse("accounts:organization-new")
    page = sign_in(loner).get(reverse("accounts:organization-new"))
    assert "Create your organization" in page.content.decode()


def test_a_suspended_organization_can_be_read_but_not_changed(
    things: dict[str, Any], tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    type(tenant.organization).objects.update(suspended_at=things["token"].created_at)
    owner = sign_in(tenant.owner)
    page = owner.get(reverse("accounts:team"))
    assert page.status_code == 200
    assert "is suspended" in page.content.decode()
    assert "Invite somebody" not in page.content.decode()
    refused = owner.post(reverse("accounts:token-revoke", args=[things["token"].pk]))
    assert refused.status_code == 403
    assert "is suspended" in refused.content.decode()
    assert ApiToken.objects.live().count() == 1


@pytest.mark.parametrize("name", ["accounts:team", "accounts:token-list", "accounts:audit-list"])
def test_lists_cost_the_same_queries_at_one_and_at_three_rows(
    name: str, things: dict[str, Any], tenant: SimpleNamespace, sign_in: SignIn, actor_for: Callable[..., Any]
) -> None:
    client, counts = sign_in(tenant.owner), []
    client.get(reverse(name))
    for extra in (1, 2):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse(name)).status_code == 200
        counts.append(len(queries))
        for number in (1, 2):
            grow(tenant, actor_for(tenant.owner), f"{extra}{number}")
    assert counts[0] == counts[1]


def grow(tenant: SimpleNamespace, owner: Any, suffix: str) -> None:
    invite(actor=owner, email=f"more{suffix}@acme.test", role=Role.VIEWER)
    issue_token(actor=owner, name=f"more {suffix}", role=Role.VIEWER, expires_at=None)
    user = User.objects.create_user(f"extra{suffix}@acme.test", "correct-horse-battery")
    Membership.objects.create(user=user, organization=tenant.organization, role=Role.VIEWER)
