"""Pages of cloud accounts."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.actors import actor_of
from accounts.guards import requires
from accounts.models import Organization, Right
from clouds import drafts, issuer, permissions, services, trust
from clouds.credentials import CredentialMethod, method_of, offered_methods
from clouds.forms import ConnectForm, CredentialsForm, EditForm, ProblemForm
from clouds.models import CloudAccount, Provider
from clouds.providers import ADAPTERS

PAGE_SIZE = 50


@require_GET
@requires(Right.VIEW)
def account_list(request: HttpRequest) -> HttpResponse:
    accounts = CloudAccount.objects.visible_to(actor_of(request)).order_by("name")
    page = Paginator(accounts, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "clouds/account_list.html", {"page_obj": page})


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.MANAGE)
def account_new(request: HttpRequest) -> HttpResponse:
    provider = _provider(request.GET.get("provider"))
    method, draft = _method(request, provider), _draft(request)
    form = ConnectForm(request.POST or None, request.FILES or None, provider=provider, method=method)
    account = _attempt(
        form,
        lambda: services.connect_account(
            actor=actor_of(request),
            provider=provider,
            name=form.cleaned_data["name"],
            credentials=form.credentials(),
            default_region=form.cleaned_data["default_region"],
            draft=request.POST.get("draft", "") if method.is_keyless else "",
        ),
    )
    if account is not None:
        messages.success(request, f"{account} is connected.")
        return redirect("clouds:account-detail", account.pk)
    organization = _organization(request)
    wanted = trust.trust(provider, method.name, organization.pk, drafts.account_id(organization, draft))
    context = {"draft": draft, **_ways(provider, method, wanted)}
    return _form_page(request, "clouds/account_new.html", form, provider, **context)


@require_GET
@requires(Right.VIEW)
def account_detail(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = _account(request, account_id)
    method = method_of(account.provider, account.credential_method)
    context = {
        "account": account,
        **_guide(account.provider),
        **_ways(account.provider, method, trust.trust_of(account)),
    }
    return render(request, "clouds/account_detail.html", context)


@require_POST
@requires(Right.MANAGE)
def account_verify(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account, unreachable = _account(request, account_id), ""
    try:
        account = services.verify_account(actor=actor_of(request), account=account)
    except services.CloudError as error:
        unreachable = str(error)
    if getattr(request, "htmx", False):
        method = method_of(account.provider, account.credential_method)
        context = {"account": account, "unreachable": unreachable, "method": method}
        return render(request, "clouds/_account_status.html", context)
    if unreachable:
        messages.error(request, unreachable)
    return redirect("clouds:account-detail", account.pk)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.MANAGE)
def account_credentials(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = _account(request, account_id)
    method = _method(request, account.provider, account.credential_method)
    form = CredentialsForm(request.POST or None, request.FILES or None, provider=account.provider, method=method)
    changed = _attempt(
        form,
        lambda: services.replace_credentials(actor=actor_of(request), account=account, credentials=form.credentials()),
    )
    if changed is not None:
        messages.success(request, f"{changed} has new keys. The old ones can be deleted at the provider.")
        return redirect("clouds:account-detail", account.pk)
    wanted = trust.trust(account.provider, method.name, account.organization_id, account.pk)
    context = {"account": account, **_ways(account.provider, method, wanted)}
    return _form_page(request, "clouds/account_credentials.html", form, account.provider, **context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.MANAGE)
def account_edit(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = _account(request, account_id)
    form = EditForm(request.POST or None, account=account)
    changed = _attempt(
        form, lambda: services.rename_account(actor=actor_of(request), account=account, **form.cleaned_data)
    )
    if changed is not None:
        messages.success(request, "Saved.")
        return redirect("clouds:account-detail", account.pk)
    return _form_page(request, "clouds/account_edit.html", form, account.provider, account=account)


@require_POST
@requires(Right.MANAGE)
def account_delete(request: HttpRequest, account_id: UUID) -> HttpResponse:
    account = _account(request, account_id)
    try:
        services.delete_account(actor=actor_of(request), account=account)
    except services.AccountInUse as error:
        messages.error(request, f"{account} was not removed. {error}")
        return redirect("clouds:account-detail", account.pk)
    messages.success(request, f"{account} is removed, its keys are deleted here.")
    return redirect("clouds:account-list")


def _account(request: HttpRequest, account_id: UUID) -> CloudAccount:
    return get_object_or_404(CloudAccount.objects.visible_to(actor_of(request)), pk=account_id)


def _offered() -> list[Provider]:
    """The providers that accounts can be connected to."""
    return [Provider(name) for name in ADAPTERS]


def _provider(asked: str | None) -> Provider:
    offered = _offered()
    return Provider(asked) if asked in offered else offered[0]


def _method(request: HttpRequest, provider: str, usual: str = "") -> CredentialMethod:
    """The method that the address asks for, else the ``usual`` one."""
    offered = offered_methods(provider)
    asked = request.GET.get("method", usual)
    return next((method for method in offered if method.name == asked), offered[0])


def _draft(request: HttpRequest) -> str:
    """The account that the page is about to connect: the same one until it is, whatever is switched or reloaded."""
    organization = _organization(request)
    posted, name = request.POST.get("draft", ""), f"cloud-account-draft:{organization.pk}"
    for draft in (posted, request.session.get(name, "")):
        if drafts.is_good(organization, draft):
            return str(draft)
    draft = request.session[name] = drafts.new(organization)
    return draft


def _organization(request: HttpRequest) -> Organization:
    organization = actor_of(request).organization
    assert organization is not None  # `requires` lets nobody in without one
    return organization


def _attempt(form: ProblemForm, call: Callable[[], CloudAccount]) -> CloudAccount | None:
    """Make the change if the form is good; None when there is something to show instead."""
    if not form.is_bound or not form.is_valid():
        return None
    try:
        return call()
    except services.InvalidCredentials as error:
        form.add_problems(error.errors)
    except services.CloudError as error:
        form.add_error(None, str(error))
    return None


def _form_page(request: HttpRequest, template: str, form: ProblemForm, provider: str, **context: Any) -> HttpResponse:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    return render(request, template, {"form": form, **_guide(provider), **context}, status=status)


def _guide(provider: str) -> dict[str, Any]:
    """What the pages say about a provider: its name, the permissions needed, the policy that grants them."""
    return {
        "provider": Provider(provider),
        "providers": _offered(),
        "needs": permissions.needs(provider),
        "policy": permissions.policy(provider),
    }


def _ways(provider: str, method: CredentialMethod, wanted: trust.Trust | None) -> dict[str, Any]:
    """How one can be let in, which way was chosen, and what the other side must be told then."""
    return {
        "methods": offered_methods(provider),
        "method": method,
        "steps": f"clouds/_steps_{provider}_{method.name}.html",
        "trust": wanted,
        "is_issuer_reachable": issuer.is_reachable(),
    }
