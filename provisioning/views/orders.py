from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actors import Actor, actor_of
from accounts.guards import requires
from accounts.models import Right
from billing.quotes import PriceMissing
from billing.services import NotAffordable
from clouds import mapping
from clouds.inputs import InvalidInputs, form_for, tags_as_text
from clouds.models import CloudAccount, Kind, OfferingVersion
from provisioning import pricing, reading, services
from provisioning.forms import OrderForm
from provisioning.models import Resource, Run, SizingProposal

ORDER_KEY = re.compile(r"form-[0-9a-f-]{36}")


@require_safe
@requires(Right.ORDER)
def choose_kind(request: HttpRequest) -> HttpResponse:
    """What is on the shelf."""
    shelf = [(kind, services.current_versions(kind.value)) for kind in Kind]
    return render(request, "provisioning/choose_kind.html", {"shelf": [(k, found) for k, found in shelf if found]})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.ORDER)
def order(request: HttpRequest, kind: str) -> HttpResponse:
    """The order form of a kind; switching the provider refetches it with what was typed so far."""
    versions = _versions(kind)
    if not versions:
        return render(request, "provisioning/order.html", {"kind": Kind(kind), "versions": []})
    version = _chosen(versions, request.POST or request.GET)
    actor = actor_of(request)
    context: dict[str, Any] = {"kind": Kind(kind), "versions": versions, "version": version}
    context["order_key"] = key = _order_key(request.POST or request.GET)
    if request.method == "POST":
        form, inputs_form = OrderForm(request.POST, actor=actor, version=version), form_for(version, data=request.POST)
        run = _placed(request, form, inputs_form, version)
        if run is not None:
            return redirect("provisioning:run-detail", run.pk)
    else:
        typed = {"region": _first_region(actor, version), **_entered(actor, request)}
        translated = mapping.translate(version, {name: typed[name] for name in typed if name in _known(versions)})
        form = OrderForm(initial={**typed, **translated.inputs}, actor=actor, version=version)
        inputs_form = form_for(version, initial=translated.inputs)
        context["notes"] = translated.notes
    context |= {"form": form, "inputs_form": inputs_form}
    context |= pricing.order_panel(actor, version, form, inputs_form)
    context["compared"] = pricing.compared(actor, versions, version, form, inputs_form)
    context["global_name"] = pricing.global_name(actor, version, name=str(form["name"].value() or ""), key=key)
    return _answer(request, "order", context, is_invalid=form.is_bound)


@require_safe
@requires(Right.ORDER)
def price(request: HttpRequest, kind: str) -> HttpResponse:
    """The price panel for what the form holds now, with the button to order it or the reason why not."""
    versions = _versions(kind)
    if not versions:
        raise Http404("Nothing of this kind is on offer.")
    version = _chosen(versions, request.GET)
    actor = actor_of(request)
    form = OrderForm(initial=request.GET.dict(), actor=actor, version=version)
    inputs_form = form_for(version, data=request.GET)
    context = pricing.order_panel(actor, version, form, inputs_form)
    context["compared"] = pricing.compared(actor, versions, version, form, inputs_form)
    name, key = request.GET.get("name", ""), _order_key(request.GET)
    context["global_name"] = pricing.global_name(actor, version, name=name, key=key)
    return render(request, "provisioning/_price.html", {**context, "kind": Kind(kind)})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.ORDER)
def update(request: HttpRequest, pk: Any) -> HttpResponse:
    """Change a resource's inputs, where the module can do so in place."""
    actor = actor_of(request)
    resource = get_object_or_404(reading.resources_of(actor), pk=pk)
    version = services.version_by_id(resource.offering_version_id)
    proposal = _proposal(request, resource)
    initial = proposal.applied_to(resource.inputs) if proposal is not None else resource.inputs
    form = form_for(version, data=request.POST or None, initial=initial)
    if request.method == "POST":
        run = _changed(request, form, resource)
        if run is not None:
            return redirect("provisioning:run-detail", run.pk)
    context = {"resource": resource, "version": version, "inputs_form": form, "proposal": proposal}
    context |= pricing.change_panel(actor, resource, version, form)
    return _answer(request, "update", context, is_invalid=form.is_bound)


@require_safe
@requires(Right.ORDER)
def update_price(request: HttpRequest, pk: Any) -> HttpResponse:
    """The price panel of a change: what would change, what it would cost, and the button or the reason why not."""
    actor = actor_of(request)
    resource = get_object_or_404(reading.resources_of(actor), pk=pk)
    version = services.version_by_id(resource.offering_version_id)
    form = form_for(version, data=request.GET)
    panel = pricing.change_panel(actor, resource, version, form)
    return render(request, "provisioning/_price.html", {**panel, "resource": resource})


def _proposal(request: HttpRequest, resource: Resource) -> SizingProposal | None:
    """The proposal that the form is opened to follow; one that is closed meanwhile is said to be."""
    given = request.GET.get("proposal", "")
    if not given:
        return None
    found = services.open_proposal(resource, _uuid(given))
    if found is None:
        messages.info(request, "This proposal is not open any more, so the form shows the resource as it is.")
    return found


def _versions(kind: str) -> list[OfferingVersion]:
    if kind not in Kind.values:
        raise Http404("There is no such kind.")
    return services.current_versions(kind)


def _order_key(given: QueryDict) -> str:
    """The key that makes sending the same form twice order once, and of which the resource's id is made."""
    key = given.get("order_key", "")
    return key if ORDER_KEY.fullmatch(key) else f"form-{uuid4()}"


def _entered(actor: Actor, request: HttpRequest) -> dict[str, Any]:
    """What the address holds, over what the resource was ordered with that it is made ``from``."""
    given = request.GET.dict()
    source = given.pop("from", "")
    if not source:
        return given
    resource = get_object_or_404(Resource.objects.visible_to(actor), pk=_uuid(source))
    return {**resource.inputs, "tags": tags_as_text(resource.tags), **given}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404("There is no such resource.") from None


def _known(versions: list[OfferingVersion]) -> set[str]:
    """Every input that some provider's offering of this kind asks for."""
    return {name for version in versions for name in version.schema["properties"]}


def _chosen(versions: list[OfferingVersion], given: QueryDict) -> OfferingVersion:
    return next((version for version in versions if version.offering_id == given.get("offering")), versions[0])


def _first_region(actor: Actor, version: OfferingVersion) -> str:
    """The region a new form starts with: an account's own default where the offering has it."""
    accounts = CloudAccount.objects.visible_to(actor).filter(provider=version.offering.provider)
    preferred = accounts.exclude(default_region="").values_list("default_region", flat=True).first()
    return preferred if preferred in version.regions else version.regions[0]


def _answer(request: HttpRequest, name: str, context: dict[str, Any], *, is_invalid: bool) -> HttpResponse:
    is_part = getattr(request, "htmx", False) and request.method == "GET"
    template = f"provisioning/_{name}_form.html" if is_part else f"provisioning/{name}.html"
    return render(request, template, context, status=422 if is_invalid else 200)


def _placed(request: HttpRequest, form: OrderForm, inputs_form: Form, version: OfferingVersion) -> Run | None:
    """The run of a valid order; None with the errors put next to the fields."""
    if not (form.is_valid() & inputs_form.is_valid()):
        return None
    try:
        return services.request_resource(
            actor=actor_of(request),
            name=form.cleaned_data["name"],
            offering_version=version,
            cloud_account=form.cleaned_data["cloud_account"],
            inputs=inputs_form.inputs(),  # type: ignore[attr-defined]
            tags=form.cleaned_data["tags"],
            idempotency_key=_order_key(request.POST),
        )
    except services.NameTaken as refusal:
        form.add_error("name", str(refusal))
    except services.CannotUseAccount as refusal:
        form.add_error("cloud_account", str(refusal))
    except InvalidInputs as refusal:
        _add_errors(refusal, form, inputs_form)
    except (services.Refused, NotAffordable, PriceMissing) as refusal:
        form.add_error(None, str(refusal))
    return None


def _changed(request: HttpRequest, form: Form, resource: Resource) -> Run | None:
    if not form.is_valid():
        return None
    try:
        inputs = form.inputs()  # type: ignore[attr-defined]
        return services.request_update(actor=actor_of(request), resource=resource, inputs=inputs)
    except InvalidInputs as refusal:
        _add_errors(refusal, form)
    except (services.Refused, NotAffordable, PriceMissing, PermissionDenied) as refusal:
        form.add_error(None, str(refusal))
    return None


def _add_errors(refusal: InvalidInputs, *forms: Form) -> None:
    """Each error at its field; what belongs to no field of any form stands above the first."""
    for error in refusal.errors:
        field = str(error.field).split(".")[0]
        owner = next((form for form in forms if field in form.fields), None)
        if owner is not None:
            owner.add_error(field, error.detail)
        else:
            forms[0].add_error(None, f"{error.field}: {error.detail}")
