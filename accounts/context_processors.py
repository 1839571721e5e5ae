from typing import Any

from django.http import HttpRequest

from .actors import Actor, actor_of, anonymous_actor
from .models import Right


def actor(request: HttpRequest) -> dict[str, Any]:
    """Who is looking and what they may do, for every template; nothing is read until a template asks."""
    who: Actor = actor_of(request) if hasattr(request, "actor") else anonymous_actor()
    return {
        "actor": who,
        "memberships": getattr(request, "memberships", []),
        "may_order": lambda: who.may(Right.ORDER),
        "may_manage": lambda: who.may(Right.MANAGE),
        "may_own": lambda: who.may(Right.OWN),
    }
