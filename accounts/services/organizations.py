"""Organizations: made, chosen, suspended."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.actors import Actor, member_actor
from accounts.audit import record
from accounts.middleware import SESSION_ORGANIZATION
from accounts.models import Membership, Organization, Role, User
from accounts.origins import RequestMeta

from .exceptions import EmailTaken

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

SLUG_LENGTH = 50  # leaves room for the suffix that makes it unique


@transaction.atomic
def register(*, email: str, password: str, organization: str, request_meta: RequestMeta) -> tuple[User, Organization]:
    """Create a user and their first organization, which they own.

    Raises :class:`EmailTaken`, or ``ValidationError`` with the field ``password`` or ``organization``.
    """
    email = email.strip().lower()
    _check_password(password, User(email=email))
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password)
            EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
    except IntegrityError as error:
        raise EmailTaken from error
    record(member_actor(user, None, request_meta), "user.register", user)
    return user, create_organization(user=user, name=organization, request_meta=request_meta)


@transaction.atomic
def create_organization(*, user: User, name: str, request_meta: RequestMeta | None = None) -> Organization:
    """Create an organization owned by ``user``. Raises ``ValidationError`` with the field ``organization``."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= 120:
        raise ValidationError({"organization": "Give a name of up to 120 characters."})
    organization = _insert_with_free_slug(name)
    membership = Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
    record(member_actor(user, membership, request_meta), "organization.create", organization, organization)
    return organization


def switch_organization(*, user: User, session: SessionBase, organization_id: UUID | str) -> Organization:
    """Make the session work in another of the user's organizations.

    Raises ``Membership.DoesNotExist`` when the user is not in it. Call ``accounts.middleware.attach_actor(request)``
    if the same request goes on to use its actor.
    """
    membership = user.memberships.select_related("organization").get(organization_id=organization_id)
    session[SESSION_ORGANIZATION] = str(membership.organization_id)
    return membership.organization


@transaction.atomic
def suspend_organization(*, actor: Actor, organization: Organization) -> Organization:
    """Stop every change in an organization; reading goes on. An operator's act, repeated without effect."""
    locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if locked.suspended_at is None:
        locked.suspended_at = timezone.now()
        locked.save(update_fields=["suspended_at"])
        record(actor, "organization.suspend", locked, locked)
    return locked


@transaction.atomic
def reinstate_organization(*, actor: Actor, organization: Organization) -> Organization:
    """Undo :func:`suspend_organization`; repeated without effect."""
    locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if locked.suspended_at is not None:
        locked.suspended_at = None
        locked.save(update_fields=["suspended_at"])
        record(actor, "organization.reinstate", locked, locked)
    return locked


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error


def _insert_with_free_slug(name: str) -> Organization:
    base = slugify(name)[:SLUG_LENGTH].strip("-") or "organization"
    slug = base
    while True:
        try:
            with transaction.atomic():
                return Organization.objects.create(name=name, slug=slug)
        except IntegrityError:
            slug = f"{base}-{secrets.token_hex(3)}"
