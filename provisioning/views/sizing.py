from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import Actor, actor_of
from accounts.guards import requires
from accounts.models import Right
from provisioning import reading, services
from provisioning.forms import DismissForm
from provisioning.models import SizingProposal


@require_safe
@requires(Right.VIEW)
def sizing(request: HttpRequest) -> HttpResponse:
    """Machines that another size would fit better, what that would save, and what every look found."""
    return render(request, "provisioning/sizing.html", _context(actor_of(request)))


@require_POST
@requires(Right.ORDER)
def look(request: HttpRequest) -> HttpResponse:
    """Have all machines looked at now."""
    services.look_again(actor=actor_of(request))
    messages.success(request, "Your clouds are being asked. What they say is here in a minute or two.")
    return redirect("provisioning:sizing")


@require_POST
@requires(Right.ORDER)
def dismiss(request: HttpRequest, pk: Any) -> HttpResponse:
    """Close a proposal with the reason given."""
    actor = actor_of(request)
    proposal = get_object_or_404(reading.proposals_of(actor), pk=pk)
    form = DismissForm(request.POST)
    if not form.is_valid():
        return render(request, "provisioning/sizing.html", {**_context(actor), "refused": (pk, form)}, status=422)
    try:
        services.dismiss_proposal(actor=actor, proposal=proposal, reason=form.cleaned_data["reason"])
    except services.NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"Dismissed. {proposal.resource.name} stays {proposal.from_machine}.")
    return redirect("provisioning:sizing")


def _context(actor: Actor) -> dict[str, Any]:
    proposals: list[SizingProposal] = list(reading.proposals_of(actor).open())
    return {
        "proposals": proposals,
        "total": sum((each.saving for each in proposals if each.saving > 0), Decimal(0)),
        "currency": proposals[0].currency if proposals else "USD",
        "readings": reading.sizing_readings_of(actor),
        "has_machines": reading.has_machines(actor),
    }
