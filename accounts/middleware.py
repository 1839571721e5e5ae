"""Who is asking, for every request; and what the browser may load in answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from .actors import Actor, anonymous_actor, member_actor
from .models import Membership, User
from .origins import meta_of

SESSION_ORGANIZATION = "organization"  # session key: id of the organization that the user works in
ADMIN_PREFIX = "/admin/"
ADMIN_POLICY = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}  # unfold: Alpine, inline styles


class ActorMiddleware:
    """Puts ``request.actor`` and ``request.memberships`` on every request, both read from the database on first use.

    The organization is the one remembered in the session, else that of the user's first membership.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        attach_actor(request)
        return self.get_response(request)


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """django-csp's policy; only the operators' admin is allowed what its theme needs."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts: PolicyParts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(ADMIN_PREFIX):
            parts.replace = {**(parts.replace or {}), **ADMIN_POLICY}
        return parts


def attach_actor(request: HttpRequest) -> None:
    """(Re)compute ``request.actor`` lazily; call it again after the session's user or organization changed."""
    setattr(request, "memberships", SimpleLazyObject(lambda: memberships_of(request)))  # noqa: B010
    setattr(request, "actor", SimpleLazyObject(lambda: session_actor(request)))  # noqa: B010


def memberships_of(request: HttpRequest) -> list[Membership]:
    """The user's memberships with their organizations, oldest first. One query; none for nobody."""
    if not isinstance(request.user, User):
        return []
    return list(request.user.memberships.select_related("organization").order_by("created_at", "id"))


def session_actor(request: HttpRequest) -> Actor:
    """The actor of a browser session."""
    meta = meta_of(request)
    if not request.user.is_authenticated:
        return anonymous_actor(meta)
    memberships: list[Membership] = getattr(request, "memberships")  # noqa: B009
    chosen = pick_membership(memberships, request.session.get(SESSION_ORGANIZATION))
    return member_actor(request.user, chosen, meta)


def pick_membership(memberships: list[Membership], organization_id: str | UUID | None) -> Membership | None:
    """The membership in ``organization_id`` if there is one, else the first, else None."""
    for membership in memberships:
        if str(membership.organization_id) == str(organization_id):
            return membership
    return memberships[0] if memberships else None
