from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.actors import Actor, actor_of
from accounts.guards import requires
from accounts.models import Right
from billing import charts, costs
from billing import services as billing
from billing.costs import Grouping
from billing.notices import notices
from clouds.models import CloudAccount
from provisioning import presenting, reading
from provisioning.models import Resource, ResourceStatus

SHOWN_RUNNING = 6
SHOWN_RECENT = 8
SHOWN_COSTLIEST = 5
CHART_DAYS = 30


@require_safe
@requires(Right.VIEW)
def dashboard(request: HttpRequest) -> HttpResponse:
    """What there is, what is happening, what it costs. HTMX refetches the part that changes; charts stay."""
    actor = actor_of(request)
    is_part = getattr(request, "htmx", False)
    context = _overview(actor) if is_part else {**_overview(actor), **_costs(actor)}
    return render(request, "provisioning/_dashboard.html" if is_part else "provisioning/dashboard.html", context)


def _overview(actor: Actor) -> dict[str, Any]:
    resources = Resource.objects.visible_to(actor)
    counts = dict(resources.order_by().values_list("status").annotate(Count("pk")))
    running = list(reading.runs_of(actor).live().order_by("queued_at")[: SHOWN_RUNNING + 1])
    account = billing.account_of(actor.tenant)
    figures = costs.figures(account)
    return {
        "counts": [(status, counts[status]) for status in ResourceStatus.values if counts.get(status)],
        "live_count": sum(number for status, number in counts.items() if status not in {"destroyed", "orphaned"}),
        "running": presenting.with_progress(running[:SHOWN_RUNNING]),
        "has_more_running": len(running) > SHOWN_RUNNING,
        "recent": reading.runs_of(actor)[:SHOWN_RECENT],
        "account": account,
        "figures": figures,
        "days_left": costs.days_left(account.balance, figures.hourly),
        "money_notices": notices(account, timezone.now().date()),
        "has_cloud_account": CloudAccount.objects.visible_to(actor).exists(),
        "newest": reading.resources_of(actor).live()[:6],
    }


def _costs(actor: Actor) -> dict[str, Any]:
    """Thirty whole days by cloud, and what costs most this month."""
    account = billing.account_of(actor.tenant)
    today = timezone.now().date()
    clouds = costs.break_down(account, costs.last_days(today - costs.DAY, CHART_DAYS), Grouping.PROVIDER)
    month = costs.Period(today.replace(day=1), today)
    top = costs.break_down(account, month, Grouping.RESOURCE, shown=SHOWN_COSTLIEST)
    return {
        "clouds": clouds,
        "clouds_area": charts.area(clouds),
        "cloud_rows": [(group, charts.tone(group, number)) for number, group in enumerate(clouds.groups)],
        "costliest": top,
    }
