"""Doors of the pages. The API has the same rights behind ``accounts.api.permissions``."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from .actors import actor_of
from .models import Right

View = Callable[..., HttpResponseBase]


def requires(right: Right) -> Callable[[View], View]:
    """Let a page view run only for actors with ``right``.

    Nobody is sent to the sign-in page, a user without an organization to the page that creates one; whoever lacks
    the right gets ``PermissionDenied`` (403).
    """

    def decorator(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            actor = actor_of(request)
            if actor.organization is None:
                return redirect("accounts:organization-new")
            actor.require(right)
            return view(request, *args, **kwargs)

        return login_required(guarded)

    return decorator
