"""The billing pages: what is left, what is set aside for what, and every movement."""

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.actors import Actor, actor_of
from accounts.guards import requires
from accounts.models import Right
from billing import services
from billing.models import Account, EntryKind, Hold, LedgerEntry

ENTRIES_PER_PAGE = 25
HOLDS_SHOWN = 100


@require_safe
@requires(Right.VIEW)
def overview(request: HttpRequest) -> HttpResponse:
    """Balance, held and available; open holds; the ledger with its running balance, filtered by ``?kind=``."""
    actor = actor_of(request)
    account = _account(actor)
    kind = request.GET.get("kind", "")
    entries = LedgerEntry.objects.visible_to(actor)
    if kind in EntryKind.values:
        entries = entries.filter(kind=kind)
    holds = Hold.objects.visible_to(actor).open()
    context = {
        "account": account,
        "hold_days": settings.HOLD_DAYS,
        "holds": holds.order_by("-created_at", "-id")[:HOLDS_SHOWN],
        "holds_count": holds.count(),
        "kind": kind,
        "kinds": EntryKind.choices,
        "page_obj": Paginator(entries, ENTRIES_PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "billing/overview.html", context)


@require_safe
@requires(Right.VIEW)
def balance_pill(request: HttpRequest) -> HttpResponse:
    """The fragment in the top bar: what can still be ordered."""
    return render(request, "billing/_balance_pill.html", {"account": _account(actor_of(request))})


def _account(actor: Actor) -> Account:
    assert actor.organization is not None  # requires() lets nobody in without one
    return services.account_of(actor.organization)
