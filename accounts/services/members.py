"""Members: their roles, and how they leave. There is always an owner left."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import record
from accounts.models import ApiToken, Membership, Organization, Right, Role

from .exceptions import LastOwner, NoMemberAnyMore, RoleTooHigh


@transaction.atomic
def change_role(*, actor: Actor, membership: Membership, role: Role) -> Membership:
    """Give a member another role.

    Raises ``PermissionDenied``, :class:`RoleTooHigh` when the present or the new role allows more than the actor's,
    :class:`LastOwner`, :class:`NoMemberAnyMore`.
    """
    actor.require(Right.MANAGE)
    locked = _lock(membership)
    check_reach(actor, Role(locked.role), role)
    if locked.role == role:
        return locked
    if locked.role == Role.OWNER:
        _require_another_owner(locked)
    before, locked.role = locked.role, role
    locked.save(update_fields=["role"])
    record(actor, "member.change-role", locked, member=locked.user.email, before=before, after=role)
    return locked


@transaction.atomic
def remove_member(*, actor: Actor, membership: Membership) -> Membership:
    """Take somebody out of the organization; their API tokens for it are revoked. Returns the deleted row.

    Raises ``PermissionDenied``, :class:`RoleTooHigh`, :class:`LastOwner`.
    """
    is_self = actor.user is not None and membership.user_id == actor.user.pk and actor.token is None
    actor.require(Right.VIEW if is_self and not _is_suspended(actor) else Right.MANAGE)
    locked = _lock(membership)
    if not is_self:
        check_reach(actor, Role(locked.role))
    if locked.role == Role.OWNER:
        _require_another_owner(locked)
    record(actor, "member.leave" if is_self else "member.remove", locked, member=locked.user.email, role=locked.role)
    _revoke_tokens(locked)
    locked.delete()
    return locked


def leave_organization(*, actor: Actor) -> Membership:
    """Take the actor out of its organization: :func:`remove_member` of oneself. Raises :class:`LastOwner`."""
    return remove_member(
        actor=actor, membership=Membership.objects.get(user=actor.user, organization=actor.organization)
    )


def check_reach(actor: Actor, *roles: Role) -> None:
    """Raise :class:`RoleTooHigh` unless the actor's role covers all of ``roles``."""
    if actor.role is None or not all(role.is_at_most(actor.role) for role in roles):
        raise RoleTooHigh


def _lock(membership: Membership) -> Membership:
    """The row as it is now, with its organization locked: changes of members of one organization take turns."""
    Organization.objects.select_for_update(no_key=True).get(pk=membership.organization_id)
    try:
        return Membership.objects.select_related("organization", "user").get(pk=membership.pk)
    except Membership.DoesNotExist:
        raise NoMemberAnyMore from None


def _require_another_owner(membership: Membership) -> None:
    owners = Membership.objects.filter(organization=membership.organization_id, role=Role.OWNER)
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwner


def _revoke_tokens(membership: Membership) -> None:
    tokens = ApiToken.objects.filter(organization=membership.organization_id, user=membership.user_id, revoked_at=None)
    tokens.update(revoked_at=timezone.now())


def _is_suspended(actor: Actor) -> bool:
    return actor.organization is not None and actor.organization.is_suspended
