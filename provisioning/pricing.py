"""The price panel: what an order or a change would cost, and whether it may be made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.forms import Form

from accounts.actors import Actor
from accounts.models import Right
from billing import limits
from billing import services as billing
from billing.limits import Breach, Load
from billing.metering import Facts
from billing.models import Account
from billing.quotes import PriceMissing, QuotedPrice
from clouds import catalogue, mapping
from clouds import inputs as cloud_inputs
from clouds.inputs import InvalidInputs, validate_name
from clouds.models import OfferingVersion

from . import metered, presenting, services
from .forms import OrderForm
from .models import Resource


def order_panel(actor: Actor, version: OfferingVersion, order: OrderForm, form: Form) -> dict[str, Any]:
    """Context of ``_price.html`` for a new resource; ``order`` need not be valid yet."""
    wanted, problem = _wanted(version, form)
    cloud_account_id = order.cloud_account_ids.get(version.offering.provider)
    quoted, problem = _quoted(actor, version, wanted, problem, cloud_account_id=cloud_account_id)
    account = Account.objects.visible_to(actor).first()
    needed = billing.hold_amount(quoted.hourly) if quoted else Decimal(0)
    breaches = _breaches(account, _facts(version, order, str(cloud_account_id or "")), quoted)
    reason = _reason(actor, account, needed) or _forbidden(breaches)
    if not order.has_usable_account:
        reason = reason or "Connect a cloud account first: what you order is made there."
    return {**_panel(account, quoted, needed, reason, problem), "breaches": breaches}


def _facts(version: OfferingVersion, order: OrderForm, cloud_account_id: str) -> Facts:
    """What is about to be ordered, as budgets see it."""
    return Facts(
        reference="",
        name="",
        provider=version.offering.provider,
        kind=version.offering.kind,
        region="",
        cloud_account=cloud_account_id,
        tags=order.typed_tags(),
    )


def _breaches(account: Account | None, facts: Facts, quoted: QuotedPrice | None) -> list[Breach]:
    """The budgets that this would break."""
    if account is None or quoted is None:
        return []
    return limits.foreseen(
        account,
        order=Load(facts, quoted.hourly),
        coming=partial(services.coming, account.organization_id),
    )


def _forbidden(breaches: list[Breach]) -> str:
    forbidding = [breach.budget.name for breach in breaches if breach.budget.is_blocking]
    if not forbidding:
        return ""
    names = ", ".join(f"“{name}”" for name in forbidding)
    return f"The budget {names} does not allow this. {limits.ADVICE}"


def global_name(actor: Actor, version: OfferingVersion, *, name: str, key: str) -> catalogue.GlobalName | None:
    """What an order with this key would be called in its cloud's global namespace; None while it has no valid name."""
    if actor.organization is None:
        return None
    try:
        valid = validate_name(name.strip())
    except InvalidInputs:
        return None
    resource_id = services.resource_id_of(actor.organization, key)
    return catalogue.global_name(version, name=valid, resource_id=resource_id)


@dataclass(frozen=True, slots=True)
class Compared:
    """The same wish on one cloud. ``quoted`` is None where it is not to be had; ``reason`` says why."""

    version: OfferingVersion
    is_chosen: bool
    inputs: dict[str, Any]
    notes: list[str]
    machine_type: str = ""
    quoted: QuotedPrice | None = None
    is_cheapest: bool = False
    reason: str = ""


def compared(
    actor: Actor, versions: list[OfferingVersion], chosen: OfferingVersion, order: OrderForm, form: Form
) -> list[Compared]:
    """What the form's inputs cost on each cloud, in the order of ``versions``; none where there is only one."""
    wanted, _ = _wanted(chosen, form)
    if wanted is None or len(versions) < 2:
        return []
    known = [_translated(version, wanted, is_chosen=version is chosen) for version in versions]
    accounts = order.cloud_account_ids
    found = [_compared(actor, each, accounts.get(each.version.offering.provider)) for each in known]
    prices = [each.quoted.monthly for each in found if each.quoted is not None]
    return [replace(each, is_cheapest=each.quoted is not None and each.quoted.monthly == min(prices)) for each in found]


def _translated(version: OfferingVersion, wanted: dict[str, Any], *, is_chosen: bool) -> Compared:
    translated = mapping.translate(version, wanted)
    return Compared(version, is_chosen, translated.inputs, translated.notes)


def _compared(actor: Actor, known: Compared, cloud_account_id: UUID | None) -> Compared:
    version = known.version
    try:
        complete = cloud_inputs.validate_inputs(version, known.inputs)
        quoted = _price(actor, version, complete, cloud_account_id)
    except InvalidInputs as error:
        return replace(known, reason="; ".join(one.detail for one in error.errors[:2]))
    except PriceMissing as error:
        return replace(known, reason=str(error))
    machine = str(catalogue.resolved(version, complete).get("machine_type") or "")
    return replace(known, inputs=complete, quoted=quoted, machine_type=machine)


def change_panel(actor: Actor, resource: Resource, version: OfferingVersion, form: Form) -> dict[str, Any]:
    """Context of ``_price.html`` for a change: only what more it would reserve counts against the credit."""
    wanted, problem = _wanted(version, form)
    quoted, problem = _quoted(actor, version, wanted, problem, cloud_account_id=resource.cloud_account_id)
    account = Account.objects.visible_to(actor).first()
    held = services.held_for(resource) or Decimal(0)
    needed = max(Decimal(0), billing.hold_amount(quoted.hourly) - held) if quoted else Decimal(0)
    changes = cloud_inputs.changes(version, resource.inputs, wanted) if wanted is not None else []
    breaches = _breaches(account, metered.facts_of(resource), quoted)
    reason = _reason(actor, account, needed) or _forbidden(breaches)
    if any(not change.in_place for change in changes) and resource.activated_at is not None:
        reason = reason or "Some of this cannot be changed on something that exists."
    if wanted is not None and not changes:
        reason = reason or "Nothing would change yet."
    panel = _panel(account, quoted, needed, reason, problem)
    return {
        **panel,
        "breaches": breaches,
        "changes": [_in_words(version, each) for each in changes],
        "is_change": True,
        "monthly_before": resource.monthly_cost,
    }


def _in_words(version: OfferingVersion, change: cloud_inputs.Change) -> cloud_inputs.Change:
    """The change with its values as the form shows them: "Yes", "Medium · 2 vCPU, 4 GiB", "40 GB"."""
    old, new = (presenting.shown_input(version, change.field, value) for value in (change.old, change.new))
    return replace(change, old=old, new=new)


def _panel(
    account: Account | None, quoted: QuotedPrice | None, needed: Decimal, reason: str, problem: str
) -> dict[str, Any]:
    available = account.available if account is not None else Decimal(0)
    return {
        "quoted": quoted,
        "needed": needed,
        "available": available,
        "left": available - needed,
        "currency": account.currency if account is not None else "USD",
        "reason": reason,
        "problem": problem,
    }


def _wanted(version: OfferingVersion, form: Form) -> tuple[dict[str, Any] | None, str]:
    """The complete inputs a form holds, or why there are none. An untouched form is priced by its initial values."""
    try:
        if form.is_bound:
            if not form.is_valid():
                return None, _first_problem(form)
            return cloud_inputs.validate_inputs(version, form.inputs()), ""  # type: ignore[attr-defined]
        return cloud_inputs.validate_inputs(version, _initial(version, form)), ""
    except InvalidInputs as error:
        return None, "; ".join(f"{one.field}: {one.detail}" for one in error.errors[:2])


def _initial(version: OfferingVersion, form: Form) -> dict[str, Any]:
    known = version.schema.get("properties", {})
    given = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: value for name, value in given.items() if name in known and value not in (None, "")}


def _first_problem(form: Form) -> str:
    for name, errors in form.errors.items():
        field = form.fields.get(name)
        return f"{field.label}: {errors[0]}" if field is not None else str(errors[0])
    return ""


def _quoted(
    actor: Actor,
    version: OfferingVersion,
    wanted: dict[str, Any] | None,
    problem: str,
    *,
    cloud_account_id: UUID | None,
) -> tuple[QuotedPrice | None, str]:
    if wanted is None:
        return None, problem
    try:
        return _price(actor, version, wanted, cloud_account_id), ""
    except PriceMissing as error:
        return None, str(error)


def _price(
    actor: Actor, version: OfferingVersion, complete: dict[str, Any], cloud_account_id: UUID | None
) -> QuotedPrice:
    buyer = actor.organization.pk if actor.organization is not None else None
    return services.price_of(version, complete, organization_id=buyer, cloud_account_id=cloud_account_id)


def _reason(actor: Actor, account: Account | None, needed: Decimal) -> str:
    """Why the button is off, or ""."""
    if not actor.may(Right.ORDER):
        return "Your role may look but not order. An owner or admin can change that."
    if account is None or needed > account.available:
        return "Not enough credit. Choose something smaller, destroy what you no longer need, or ask your operator."
    return ""
