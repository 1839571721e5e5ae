from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services
from accounts.forms import OrganizationForm
from accounts.models import Membership, User
from accounts.origins import meta_of


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Create an organization, own it, and work in it from here on."""
    user = cast("User", request.user)
    form = OrganizationForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        created = services.create_organization(user=user, name=form.cleaned_data["name"], request_meta=meta_of(request))
        services.switch_organization(user=user, session=request.session, organization_id=created.pk)
        messages.success(request, f"{created.name} is ready. You are its owner.")
        return redirect("provisioning:dashboard")
    return render(request, "accounts/organization_new.html", {"form": form}, status=422 if form.is_bound else 200)


@require_POST
@login_required
def switch(request: HttpRequest) -> HttpResponse:
    """Work in another of one's organizations; 404 for any other."""
    user, chosen = cast("User", request.user), request.POST.get("organization", "")
    try:
        services.switch_organization(user=user, session=request.session, organization_id=chosen)
    except (Membership.DoesNotExist, ValidationError) as error:
        raise Http404 from error
    return redirect("provisioning:dashboard")
