from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.actors import actor_of
from accounts.models import Right

from .authentication import http_request

if TYPE_CHECKING:
    from rest_framework.views import APIView


class HasRight(BasePermission):
    """Lets in who has the right that the view asks for in its organization; nobody gets 401, the others 403.

    A view states ``rights: dict[str, Right]`` by HTTP method; what it leaves out is ``VIEW`` for reading methods and
    ``ORDER`` for the others.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        actor = actor_of(http_request(request))
        if actor.organization is None:
            raise PermissionDenied("You belong to no organization yet: create one or accept an invitation.")
        actor.require(right_for(view, str(request.method)))
        return True


def right_for(view: APIView, method: str) -> Right:
    """The right that ``view`` asks for ``method``."""
    rights: dict[str, Right] = getattr(view, "rights", {})
    return rights.get(method, Right.VIEW if method in SAFE_METHODS else Right.ORDER)
