"""The page that compares what was estimated, metered and billed."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.actors import actor_of
from accounts.guards import requires
from accounts.models import Right
from billing import comparing, services
from billing.costs import CostsForm

SHOWN = 200


@require_safe
@requires(Right.VIEW)
def comparing_page(request: HttpRequest) -> HttpResponse:
    """Every resource that ran in a period, narrowed by the query; HTMX refetches all below the heading."""
    account = services.account_of(actor_of(request).tenant)
    form = CostsForm(request.GET, account=account)
    found = comparing.compare(account, form.chosen, part=form.part)
    context = {"form": form, "comparison": found, "rows": found.rows[:SHOWN], "left_out": len(found.rows) - SHOWN}
    htmx: Any = getattr(request, "htmx", False)
    is_part = htmx and not htmx.history_restore_request
    template = "billing/_comparing.html" if is_part else "billing/comparing.html"
    response = render(request, template, context, status=422 if form.errors else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response
