"""What clouds fetch to check the platform's tokens. Public: it holds public keys and names only."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from clouds import issuer

FRESH = 3600  # seconds; far below the time that a key is published before it signs


@require_safe
@cache_control(public=True, max_age=FRESH)
def configuration(request: HttpRequest) -> JsonResponse:
    return JsonResponse(issuer.configuration())


@require_safe
@cache_control(public=True, max_age=FRESH)
def key_set(request: HttpRequest) -> JsonResponse:
    return JsonResponse(issuer.key_set())
