import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts import services
from accounts.actors import Actor
from accounts.credentials import digest_of
from accounts.models import AuditEvent, Invitation, Membership, Role
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
ActorFor = Callable[..., Actor]


def mailed_secret(index: int = -1) -> str:
    found = re.search(r"/invitations/accept/([^/\s]+)/", mail.outbox[index].body)
    assert found is not None
    return found.group(1)


@pytest.fixture
def invitation(
    tenant: SimpleNamespace, actor_for: ActorFor, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> Invitation:
    with django_capture_on_commit_callbacks(execute=True):
        return services.invite(actor=actor_for(tenant.owner), email="New@Acme.test", role=Role.MEMBER)


def test_an_invitation_is_mailed_and_only_its_digest_is_kept(invitation: Invitation) -> None:
    assert mail.outbox[0].to == ["new@acme.test"]
    assert mail.outbox[0].subject == "Join Acme on Skyvend"
    assert invitation.digest == digest_of(mailed_secret())
    assert mailed_secret() not in str(Invitation.objects.values().get())
    assert mailed_secret() not in str(AuditEvent.objects.values())


def test_accepting_makes_a_member_once(invitation: Invitation) -> None:
    user = make_user("new@acme.test")
    membership = services.accept_invitation(user=user, secret=mailed_secret())
    assert (membership.organization, membership.role) == (invitation.organization, Role.MEMBER)
    assert AuditEvent.objects.first().action == "invitation.accept"  # type: ignore[union-attr]
    with pytest.raises(services.InvitationClosed):
        services.accept_invitation(user=user, secret=mailed_secret())


def test_somebody_else_cannot_accept_it(invitation: Invitation) -> None:
    with pytest.raises(services.WrongEmail, match=r"new@acme\.test"):
        services.accept_invitation(user=make_user("thief@else.test"), secret=mailed_secret())
    assert invitation.organization.memberships.count() == 4


def test_an_expired_or_revoked_or_made_up_secret_opens_nothing(
    tenant: SimpleNamespace, actor_for: ActorFor, invitation: Invitation
) -> None:
    user = make_user("new@acme.test")
    with pytest.raises(services.InvitationClosed):
        services.accept_invitation(user=user, secret="made-up")
    with time_machine.travel(timezone.now() + timedelta(days=8)), pytest.raises(services.InvitationClosed):
        services.accept_invitation(user=user, secret=mailed_secret())
    services.revoke_invitation(actor=actor_for(tenant.owner), invitation=invitation)
    with pytest.raises(services.InvitationClosed):
        services.accept_invitation(user=user, secret=mailed_secret())


def test_sending_again_replaces_the_secret(
    tenant: SimpleNamespace,
    actor_for: ActorFor,
    invitation: Invitation,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    old, user = mailed_secret(), make_user("new@acme.test")
    with django_capture_on_commit_callbacks(execute=True):
        services.resend_invitation(actor=actor_for(tenant.owner), invitation=invitation)
    with pytest.raises(services.InvitationClosed):
        services.accept_invitation(user=user, secret=old)
    assert services.accept_invitation(user=user, secret=mailed_secret()).user == user


def test_one_open_invitation_per_address_and_none_for_members(
    tenant: SimpleNamespace, actor_for: ActorFor, invitation: Invitation
) -> None:
    actor = actor_for(tenant.owner)
    with pytest.raises(services.AlreadyInvited):
        services.invite(actor=actor, email="NEW@acme.test", role=Role.VIEWER)
    with pytest.raises(services.AlreadyMember):
        services.invite(actor=actor, email="member@ACME.test", role=Role.VIEWER)
    with pytest.raises(ValidationError):
        services.invite(actor=actor, email="not an address", role=Role.VIEWER)


def test_an_expired_invitation_makes_room_for_a_new_one(
    tenant: SimpleNamespace, actor_for: ActorFor, invitation: Invitation
) -> None:
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    services.invite(actor=actor_for(tenant.owner), email="new@acme.test", role=Role.VIEWER)
    assert Invitation.objects.open().get().role == Role.VIEWER


def test_nobody_invites_above_their_own_role(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    with pytest.raises(services.RoleTooHigh):
        services.invite(actor=actor_for(tenant.admin), email="x@acme.test", role=Role.OWNER)
    with pytest.raises(PermissionDenied):
        services.invite(actor=actor_for(tenant.member), email="x@acme.test", role=Role.VIEWER)


def test_the_role_can_be_changed_until_it_is_accepted(
    tenant: SimpleNamespace, actor_for: ActorFor, invitation: Invitation
) -> None:
    actor = actor_for(tenant.owner)
    services.change_invited_role(actor=actor, invitation=invitation, role=Role.ADMIN)
    assert services.accept_invitation(user=make_user("new@acme.test"), secret=mailed_secret()).role == Role.ADMIN
    for act in (services.revoke_invitation, services.resend_invitation):
        with pytest.raises(services.InvitationClosed):
            act(actor=actor, invitation=invitation)


def test_accepting_does_not_change_the_role_of_somebody_who_is_in(invitation: Invitation) -> None:
    user = make_user("new@acme.test", invitation.organization, Role.VIEWER)
    assert services.accept_invitation(user=user, secret=mailed_secret()).role == Role.VIEWER
    assert Membership.objects.filter(user=user).count() == 1
