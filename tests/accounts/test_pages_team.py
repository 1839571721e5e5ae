"""Team, invitations and what an invited person sees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Invitation, Membership, Role, User
from accounts.services import invite
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
HERE = "/invitations/accept/"


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def secret_in_mail() -> str:
    return str(mail.outbox[-1].body).split(HERE)[1].split("/")[0]


@pytest.fixture
def secret(
    tenant: SimpleNamespace, actor_for: Callable[..., Any], django_capture_on_commit_callbacks: Callable[..., Any]
) -> str:
    """What the mail to new@acme.test holds."""
    with django_capture_on_commit_callbacks(execute=True):
        invite(actor=actor_for(tenant.owner), email="new@acme.test", role=Role.MEMBER)
    return secret_in_mail()


def test_the_only_owner_reads_why_their_role_stays(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    page = text(sign_in(tenant.owner).get(reverse("accounts:team")))
    assert "The only owner: make somebody else owner before this can change." in page
    assert page.count("data-submit-on-change") == 3


def test_a_viewer_sees_members_but_no_controls_beside_leaving(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    page = text(sign_in(tenant.viewer).get(reverse("accounts:team")))
    assert "owner@acme.test" in page
    assert "Invite somebody" not in page
    assert "data-submit-on-change" not in page
    assert page.count(">Leave</button>") == 2  # the opener and the dialog's own


def test_a_role_is_changed(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    membership = Membership.objects.get(user=tenant.viewer)
    answer = sign_in(tenant.owner).post(
        reverse("accounts:member-role", args=[membership.pk]), {"role": "admin"}, follow=True
    )
    membership.refresh_from_db()
    assert membership.role == Role.ADMIN
    assert "is now admin." in text(answer)


def test_an_admin_cannot_make_an_owner_nor_touch_one(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(tenant.admin)
    owner, viewer = (Membership.objects.get(user=user) for user in (tenant.owner, tenant.viewer))
    for membership, role in ((viewer, "owner"), (owner, "viewer")):
        client.post(reverse("accounts:member-role", args=[membership.pk]), {"role": role})
        membership.refresh_from_db()
    client.post(reverse("accounts:member-remove", args=[owner.pk]))
    assert (owner.role, viewer.role) == (Role.OWNER, Role.VIEWER)
    assert Membership.objects.filter(pk=owner.pk).exists()


def test_a_member_is_removed(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    membership = Membership.objects.get(user=tenant.viewer)
    answer = sign_in(tenant.admin).post(reverse("accounts:member-remove", args=[membership.pk]), follow=True)
    assert "viewer@acme.test is no longer a member." in text(answer)
    assert not Membership.objects.filter(pk=membership.pk).exists()


def test_a_member_may_not_remove_another(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    membership = Membership.objects.get(user=tenant.viewer)
    assert sign_in(tenant.member).post(reverse("accounts:member-remove", args=[membership.pk])).status_code == 403


def test_everybody_may_leave_but_the_last_owner(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    for user, stays in ((tenant.viewer, False), (tenant.owner, True)):
        membership = Membership.objects.get(user=user)
        sign_in(user).post(reverse("accounts:member-remove", args=[membership.pk]))
        assert Membership.objects.filter(pk=membership.pk).exists() is stays


def test_an_invitation_is_sent(
    tenant: SimpleNamespace, sign_in: SignIn, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = sign_in(tenant.admin).post(
            reverse("accounts:invitation-create"), {"email": "New@Acme.test", "role": "viewer"}, follow=True
        )
    assert "An invitation is on its way to new@acme.test." in text(answer)
    assert [message.to for message in mail.outbox] == [["new@acme.test"]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"email": "nobody", "role": "viewer"}, "Enter a valid email address."),
        ({"email": "member@acme.test", "role": "viewer"}, "is already a member."),
        ({"email": "x@acme.test", "role": "owner"}, "Select a valid choice."),
        ({"email": "x\x00@acme.test", "role": "viewer"}, "Null characters are not allowed."),
    ],
)
def test_a_wrong_invitation_says_why_beside_the_field(
    data: dict[str, str], reason: str, tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    answer = sign_in(tenant.admin).post(reverse("accounts:invitation-create"), data)
    assert answer.status_code == 422
    assert reason in text(answer)
    assert Invitation.objects.count() == 0


def test_an_invitation_is_sent_again_with_a_new_link(
    secret: str, tenant: SimpleNamespace, sign_in: SignIn, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    invitation = Invitation.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        sign_in(tenant.owner).post(reverse("accounts:invitation-resend", args=[invitation.pk]))
    assert len(mail.outbox) == 2
    assert secret_in_mail() != secret


def test_a_link_hides_its_secret_from_later_addresses(secret: str, client: Client) -> None:
    answer = client.get(f"{HERE}{secret}/")
    assert answer.status_code == 302
    assert answer["Location"] == HERE


def test_an_invited_person_without_an_account_can_create_one_and_join(secret: str, client: Client) -> None:
    page = text(client.get(f"{HERE}{secret}/", follow=True))
    assert "Join Acme" in page
    assert "/accounts/signup/?next=/invitations/accept/&amp;email=new%40acme.test" in page
    form = text(client.get(f"/accounts/signup/?next={HERE}&email=new%40acme.test"))
    assert "Organization (optional)" in form
    answer = client.post("/accounts/signup/", {"email": "new@acme.test", "password1": PASSWORD, "next": HERE})
    assert answer.status_code == 302
    assert answer["Location"] == HERE
    joined = client.post(HERE)
    assert joined.status_code == 302
    assert [(m.organization.slug, m.role) for m in Membership.objects.filter(user__email="new@acme.test")] == [
        ("acme", Role.MEMBER)
    ]


def test_an_invited_user_joins_and_works_there_at_once(secret: str, stranger: User, sign_in: SignIn) -> None:
    User.objects.filter(pk=stranger.pk).update(email="new@acme.test")
    client = sign_in(stranger)
    client.get(f"{HERE}{secret}/")
    assert client.post(HERE).status_code == 302
    assert "Acme" in text(client.get(reverse("accounts:team")))
    assert client.get(reverse("accounts:team")).context["actor"].organization.slug == "acme"


def test_the_wrong_person_is_told_whom_it_is_for(secret: str, stranger: User, sign_in: SignIn) -> None:
    client = sign_in(stranger)
    page = text(client.get(f"{HERE}{secret}/", follow=True))
    assert "but the invitation is for another address" in page
    assert client.post(HERE).status_code == 302
    assert not Membership.objects.filter(user=stranger, organization__slug="acme").exists()
    out = client.post("/accounts/logout/", {"next": f"{HERE}{secret}/"}, follow=True)
    assert "Create an account" in text(out)


@pytest.mark.parametrize("closing", ["revoked_at", "accepted_at", "expires_at"])
def test_a_closed_invitation_says_so(closing: str, secret: str, client: Client) -> None:
    Invitation.objects.update(**{closing: timezone.now() - timedelta(seconds=1)})
    answer = client.get(f"{HERE}{secret}/", follow=True)
    assert answer.status_code == 404
    assert "not open any more" in text(answer)


def test_without_a_link_there_is_no_invitation(client: Client, tenant: SimpleNamespace, sign_in: SignIn) -> None:
    assert client.get(HERE).status_code == 404
    assert client.post(HERE).status_code == 302
    assert sign_in(tenant.owner).post(HERE).status_code == 404
