from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.actors import actor_of
from accounts.credentials import digest_of
from accounts.forms import SESSION_INVITATION, InvitationForm
from accounts.guards import requires
from accounts.models import Invitation, Right, User
from accounts.origins import meta_of

from .team import team_context


@require_POST
@requires(Right.MANAGE)
def create(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    form = InvitationForm(request.POST, actor=actor)
    if form.is_valid():
        try:
            invitation = services.invite(actor=actor, email=form.cleaned_data["email"], role=form.cleaned_data["role"])
        except services.Refused as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(request, f"An invitation is on its way to {invitation.email}.")
            return redirect("accounts:team")
    return render(request, "accounts/team.html", team_context(actor, form), status=422)


@require_POST
@requires(Right.MANAGE)
def resend(request: HttpRequest, pk: Any) -> HttpResponse:
    actor = actor_of(request)
    invitation = get_object_or_404(Invitation.objects.visible_to(actor), pk=pk)
    try:
        services.resend_invitation(actor=actor, invitation=invitation)
    except services.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"A new link is on its way to {invitation.email}; the old one no longer works.")
    return redirect("accounts:team")


@require_POST
@requires(Right.MANAGE)
def revoke(request: HttpRequest, pk: Any) -> HttpResponse:
    actor = actor_of(request)
    invitation = get_object_or_404(Invitation.objects.visible_to(actor), pk=pk)
    try:
        services.revoke_invitation(actor=actor, invitation=invitation)
    except services.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The invitation of {invitation.email} has been revoked.")
    return redirect("accounts:team")


@require_safe
@never_cache
def arrive(request: HttpRequest, secret: str) -> HttpResponse:
    """The link in the mail: remember its secret in the session and leave it out of every later address."""
    request.session[SESSION_INVITATION] = secret
    return redirect("accounts:invitation-accept")


@require_http_methods(["GET", "POST"])
@never_cache
def accept(request: HttpRequest) -> HttpResponse:
    """Show the invitation somebody came with; POST joins the organization."""
    if request.method == "POST":
        return _join(request)
    invitation = _invitation_of(request)
    if invitation is None:
        return render(request, "accounts/invitation_closed.html", status=404)
    is_theirs = request.user.is_authenticated and request.user.email.lower() == invitation.email.lower()
    # signing out empties the session: the way back must carry the secret once more
    link = reverse("accounts:invitation-accept", args=[request.session[SESSION_INVITATION]])
    context = {"invitation": invitation, "is_theirs": is_theirs, "invitation_link": link}
    return render(request, "accounts/invitation.html", context)


@login_required
def _join(request: HttpRequest) -> HttpResponse:
    user = cast("User", request.user)
    secret = request.session.get(SESSION_INVITATION, "")
    try:
        membership = services.accept_invitation(user=user, secret=secret, request_meta=meta_of(request))
    except services.InvitationClosed:
        return render(request, "accounts/invitation_closed.html", status=404)
    except services.WrongEmail:
        return redirect("accounts:invitation-accept")  # the page explains
    del request.session[SESSION_INVITATION]
    services.switch_organization(user=user, session=request.session, organization_id=membership.organization_id)
    messages.success(request, f"Welcome to {membership.organization}.")
    return redirect("provisioning:dashboard")


def _invitation_of(request: HttpRequest) -> Invitation | None:
    secret = request.session.get(SESSION_INVITATION)
    if not secret:
        return None
    found = Invitation.objects.open().filter(digest=digest_of(secret))
    return found.select_related("organization", "invited_by").first()
