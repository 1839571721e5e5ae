"""Invitations: a link by mail whose secret is known to the mail only."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.actors import Actor, member_actor
from accounts.audit import record
from accounts.credentials import digest_of
from accounts.models import Invitation, Membership, Organization, Right, Role, User
from accounts.origins import RequestMeta

from .exceptions import AlreadyInvited, AlreadyMember, InvitationClosed, WrongEmail
from .members import check_reach

LIFETIME = timedelta(days=7)


@transaction.atomic
def invite(*, actor: Actor, email: str, role: Role) -> Invitation:
    """Invite somebody into the actor's organization by mail, which leaves after the commit.

    Raises ``PermissionDenied``, :class:`RoleTooHigh`, :class:`AlreadyMember`, :class:`AlreadyInvited`, or
    ``ValidationError`` for what is no e-mail address.
    """
    actor.require(Right.MANAGE)
    check_reach(actor, role)
    email = email.strip().lower()
    validate_email(email)
    organization = _lock_organization(actor)
    _require_new(organization, email)
    secret = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        organization=organization,
        email=email,
        role=role,
        digest=digest_of(secret),
        invited_by=actor.person,
        expires_at=timezone.now() + LIFETIME,
    )
    record(actor, "invitation.create", invitation, email=email, role=role)
    _mail(invitation, secret)
    return invitation


@transaction.atomic
def resend_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Mail a new link for an invitation that was not accepted yet; the old link stops working, time starts anew.

    Raises ``PermissionDenied``, :class:`RoleTooHigh`, :class:`InvitationClosed`.
    """
    actor.require(Right.MANAGE)
    locked = _lock_invitation(invitation)
    check_reach(actor, Role(locked.role))
    if locked.accepted_at or locked.revoked_at:
        raise InvitationClosed
    secret = secrets.token_urlsafe(32)
    locked.digest, locked.expires_at = digest_of(secret), timezone.now() + LIFETIME
    locked.save(update_fields=["digest", "expires_at"])
    record(actor, "invitation.resend", locked, email=locked.email)
    _mail(locked, secret)
    return locked


@transaction.atomic
def change_invited_role(*, actor: Actor, invitation: Invitation, role: Role) -> Invitation:
    """Change what an invitation that was not accepted yet will give.

    Raises ``PermissionDenied``, :class:`RoleTooHigh`, :class:`InvitationClosed`.
    """
    actor.require(Right.MANAGE)
    locked = _lock_invitation(invitation)
    check_reach(actor, Role(locked.role), role)
    if locked.accepted_at or locked.revoked_at:
        raise InvitationClosed
    before, locked.role = locked.role, role
    locked.save(update_fields=["role"])
    record(actor, "invitation.change-role", locked, email=locked.email, before=before, after=role)
    return locked


@transaction.atomic
def revoke_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Close an invitation; repeated without effect.

    Raises ``PermissionDenied``, :class:`RoleTooHigh`, :class:`InvitationClosed` when it was accepted already.
    """
    actor.require(Right.MANAGE)
    locked = _lock_invitation(invitation)
    check_reach(actor, Role(locked.role))
    if locked.accepted_at:
        raise InvitationClosed
    if locked.revoked_at is None:
        locked.revoked_at = timezone.now()
        locked.save(update_fields=["revoked_at"])
        record(actor, "invitation.revoke", locked, email=locked.email)
    return locked


@transaction.atomic
def accept_invitation(*, user: User, secret: str, request_meta: RequestMeta | None = None) -> Membership:
    """Make ``user`` a member by the secret of an open invitation to their address.

    Raises :class:`InvitationClosed`, :class:`WrongEmail`. Somebody who is a member already keeps their role.
    """
    invitation = Invitation.objects.open().select_for_update(of=("self",)).filter(digest=digest_of(secret)).first()
    if invitation is None:
        raise InvitationClosed
    if invitation.email.lower() != user.email.lower():
        raise WrongEmail(invitation.email)
    membership, _ = Membership.objects.get_or_create(
        organization=invitation.organization, user=user, defaults={"role": invitation.role}
    )
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    record(member_actor(user, membership, request_meta), "invitation.accept", invitation, role=membership.role)
    return membership


def _lock_organization(actor: Actor) -> Organization:
    return Organization.objects.select_for_update(no_key=True).get(pk=actor.tenant.pk)


def _lock_invitation(invitation: Invitation) -> Invitation:
    return Invitation.objects.select_for_update(of=("self",)).select_related("organization").get(pk=invitation.pk)


def _require_new(organization: Organization, email: str) -> None:
    if Membership.objects.filter(organization=organization, user__email=email).exists():
        raise AlreadyMember(email)
    waiting = Invitation.objects.filter(organization=organization, email=email, accepted_at=None, revoked_at=None)
    if waiting.filter(expires_at__gt=timezone.now()).exists():
        raise AlreadyInvited(email)
    waiting.update(revoked_at=timezone.now())  # expired ones make room


def _mail(invitation: Invitation, secret: str) -> None:
    link = settings.SITE_URL + reverse("accounts:invitation-accept", args=[secret])
    context = {"invitation": invitation, "organization": invitation.organization, "link": link}
    body = render_to_string("accounts/invitation_mail.txt", context)
    subject = f"Join {invitation.organization} on Skyvend"
    transaction.on_commit(lambda: send_mail(subject, body, None, [invitation.email]), robust=True)
