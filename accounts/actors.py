"""Whoever is asking: the person or program behind a request, in one organization, with one role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.core.exceptions import PermissionDenied

from .models import ApiToken, Membership, Organization, Right, Role, User
from .origins import RequestMeta

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Passed to every service and to ``visible_to()``.

    ``organization`` and ``role`` are None for a user who belongs to no organization yet; such an actor sees nothing
    and may do nothing. ``user`` is None for the platform itself (see :func:`system_actor`) and for nobody
    (:func:`anonymous_actor`).
    """

    user: User | None
    organization: Organization | None
    role: Role | None
    token: ApiToken | None = None
    is_operator: bool = False  # platform staff, acting on a tenant from the admin
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""

    def may(self, right: Right) -> bool:
        """Whether this actor has ``right`` in its organization.

        A suspended organization can only be read, unless by an operator.
        """
        if self.organization is None or self.role is None:
            return False
        if self.is_operator:
            return True
        if self.organization.is_suspended and right is not Right.VIEW:
            return False
        return self.role.allows(right)

    def require(self, right: Right) -> None:
        """Raise ``PermissionDenied`` (403) with a reason in words unless :meth:`may`."""
        if self.may(right):
            return
        if self.organization is not None and self.organization.is_suspended:
            raise PermissionDenied(f"{self.organization} is suspended: nothing can be changed. Ask your operator.")
        roles = ", ".join(role for role in Role if role.allows(right))
        raise PermissionDenied(f"Your role ({self.role or 'none'}) does not allow this; these do: {roles}.")

    @property
    def tenant(self) -> Organization:
        """The organization; raises ``PermissionDenied`` for an actor without one."""
        if self.organization is None:
            raise PermissionDenied("You belong to no organization yet.")
        return self.organization

    @property
    def person(self) -> User:
        """The user; raises ``PermissionDenied`` for the platform itself and for nobody."""
        if self.user is None:
            raise PermissionDenied("Only a person can do this.")
        return self.user

    @property
    def label(self) -> str:
        if self.token is not None:
            return f"token {self.token.name}"
        if self.user is not None:
            return f"operator {self.user.email}" if self.is_operator else self.user.email
        return "system" if self.role else "anonymous"


def anonymous_actor(meta: RequestMeta | None = None) -> Actor:
    """Nobody: sees nothing and may do nothing."""
    return member_actor(None, None, meta)


def member_actor(user: User | None, membership: Membership | None, meta: RequestMeta | None = None) -> Actor:
    """A person in one of their organizations; without a membership, a person who may do nothing yet."""
    meta = meta or RequestMeta()
    return Actor(
        user=user,
        organization=membership.organization if membership else None,
        role=Role(membership.role) if membership else None,
        ip=meta.ip,
        user_agent=meta.user_agent,
        request_id=meta.request_id,
    )


def operator_actor(user: User, organization: Organization | None, meta: RequestMeta) -> Actor:
    """Platform staff acting in a tenant they need not belong to. Only the admin makes such actors."""
    return Actor(
        user=user,
        organization=organization,
        role=Role.OWNER,
        is_operator=True,
        ip=meta.ip,
        user_agent=meta.user_agent,
        request_id=meta.request_id,
    )


def system_actor(organization: Organization | None = None) -> Actor:
    """The platform acting on its own: scheduler, recovery, seeds."""
    return Actor(user=None, organization=organization, role=Role.OWNER)


def actor_of(request: HttpRequest | Request) -> Actor:
    """The actor that the middleware (pages) or the authentication class (API) put on the request."""
    return cast("Actor", getattr(request, "actor"))  # noqa: B009  - the stubs do not know the attribute
