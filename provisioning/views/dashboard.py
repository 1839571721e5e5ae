from __future__ import annotations

from typing import Any

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.actors import Actor, actor_of
from accounts.guards import requires
from accounts.models import Right
from billing.models import Account
from billing.notices import notices
from clouds.models import CloudAccount
from provisioning import presenting, reading
from provisioning.models import Resource, ResourceStatus

SHOWN_RUNNING = 6
SHOWN_RECENT = 8


@require_safe
@requires(Right.VIEW)
def dashboard(request: HttpRequest) -> HttpResponse:
    """What there is, what is happening, what it costs. HTMX refetches the part that changes."""
    context = _overview(actor_of(request))
    is_part = getattr(request, "htmx", False)
    return render(request, "provisioning/_dashboard.html" if is_part else "provisioning/dashboard.html", context)


def _overview(actor: Actor) -> dict[str, Any]:
    resources = Resource.objects.visible_to(actor)
    counts = dict(resources.order_by().values_list("status").annotate(Count("pk")))
    running = list(reading.runs_of(actor).live().order_by("queued_at")[: SHOWN_RUNNING + 1])
    live = resources.live()
    account = Account.objects.visible_to(actor).select_related("organization").first()
    return {
        "counts": [(status, counts[status]) for status in ResourceStatus.values if counts.get(status)],
        "live_count": sum(number for status, number in counts.items() if status not in {"destroyed", "orphaned"}),
        "running": presenting.with_progress(running[:SHOWN_RUNNING]),
        "has_more_running": len(running) > SHOWN_RUNNING,
        "recent": reading.runs_of(actor)[:SHOWN_RECENT],
        "account": account,
        "money_notices": notices(account, timezone.now().date()) if account is not None else [],
        "monthly": live.aggregate(total=Sum("monthly_cost"))["total"] or 0,
        "has_cloud_account": CloudAccount.objects.visible_to(actor).exists(),
        "newest": reading.resources_of(actor).live()[:6],
    }
