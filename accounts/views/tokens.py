from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services
from accounts.actors import Actor, actor_of
from accounts.forms import TokenForm
from accounts.guards import requires
from accounts.models import ApiToken, Right, Role


@require_http_methods(["GET", "POST"])
@requires(Right.MANAGE)
@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """The organization's tokens; POST issues one and answers with its secret, this once."""
    actor = actor_of(request)
    if request.method != "POST":
        return render(request, "accounts/tokens.html", _context(actor))
    form = TokenForm(request.POST, actor=actor)
    if not form.is_valid():
        return render(request, "accounts/tokens.html", _context(actor, form), status=422)
    token, secret = services.issue_token(
        actor=actor, name=form.cleaned_data["name"], role=form.cleaned_data["role"], expires_at=form.expires_at()
    )
    context = {**_context(actor), "issued": token, "secret": secret}
    return render(request, "accounts/tokens.html", context, status=201)


@require_POST
@requires(Right.MANAGE)
def revoke(request: HttpRequest, pk: Any) -> HttpResponse:
    actor = actor_of(request)
    token = get_object_or_404(ApiToken.objects.visible_to(actor), pk=pk)
    try:
        services.revoke_token(actor=actor, token=token)
    except services.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The token {token.name} has been revoked: programs that use it are refused.")
    return redirect("accounts:token-list")


def _context(actor: Actor, form: TokenForm | None = None) -> dict[str, Any]:
    everything = ApiToken.objects.visible_to(actor).select_related("user")
    live = list(everything.live())
    return {
        "form": form or TokenForm(actor=actor, initial={"role": Role.MEMBER}),
        "live": live,
        "ended": everything.exclude(pk__in=[token.pk for token in live])[:20],
    }
