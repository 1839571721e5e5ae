from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import services
from accounts.actors import actor_of
from accounts.forms import ProfileForm
from accounts.models import User


@require_http_methods(["GET", "POST"])
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """The signed-in person: name, e-mail, password."""
    user = cast("User", request.user)
    form = ProfileForm(request.POST if request.method == "POST" else None, initial={"name": user.name})
    if form.is_valid():
        services.rename_user(actor=actor_of(request), name=form.cleaned_data["name"])
        messages.success(request, "Your name has been changed.")
        return redirect("accounts:profile")
    return render(request, "accounts/profile.html", {"form": form}, status=422 if form.is_bound else 200)
