"""A new resource: checked, paid for and queued in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.actors import Actor
from accounts.models import Organization, Right
from billing import quotes
from billing import services as billing
from billing.quotes import QuotedPrice
from clouds.inputs import InputError, InvalidInputs, validate_inputs, validate_name, validate_tags
from clouds.models import CloudAccount, CloudAccountStatus, OfferingVersion
from provisioning.models import Operation, Resource, Run

from .announcing import announce_after_commit
from .commitments import check_budgets
from .errors import CannotUseAccount, IdempotencyConflict, NameTaken, Refused, RunInProgress
from .shelf import price_of, version_by_id

USABLE = frozenset({CloudAccountStatus.VERIFIED, CloudAccountStatus.LIMITED})


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order whose every part has been checked; ``inputs`` are complete."""

    actor: Actor
    name: str
    version: OfferingVersion
    cloud_account: CloudAccount
    inputs: dict[str, Any]
    tags: dict[str, str]
    quoted: QuotedPrice
    idempotency_key: str | None
    fingerprint: str


def resource_id_of(organization: Organization, idempotency_key: str) -> UUID:
    """The id that an order with this key gives its resource: known before it is placed, so that names made of it can be
    shown, and never the same for two tenants.
    """
    return uuid5(organization.pk, idempotency_key)


def estimate(
    *,
    version: OfferingVersion,
    inputs: Mapping[str, Any],
    organization_id: UUID | None = None,
    cloud_account_id: UUID | None = None,
) -> QuotedPrice:
    """What ``inputs`` would cost the organization in the cloud account. Writes nothing.

    Raises ``InvalidInputs`` and ``PriceMissing``.
    """
    complete = validate_inputs(version, inputs)
    return price_of(version, complete, organization_id=organization_id, cloud_account_id=cloud_account_id)


def request_resource(
    *,
    actor: Actor,
    name: str,
    offering_version: OfferingVersion,
    cloud_account: CloudAccount,
    inputs: Mapping[str, Any],
    tags: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> Run:
    """Order a resource and return its queued run; a repeated ``idempotency_key`` returns the first order's run.

    Reserves the credit, writes Resource, Run and Quote, and wakes a worker after commit. Raises ``PermissionDenied``,
    ``InvalidInputs``, ``CannotUseAccount``, ``NotAffordable`` (credit or a budget), ``NameTaken``,
    ``IdempotencyConflict``, ``PriceMissing``; nothing is written then.
    """
    actor.require(Right.ORDER)
    tags = tags or {}
    fingerprint = _fingerprint(name, offering_version, cloud_account, inputs, tags) if idempotency_key else ""
    if first := _first_answer(actor, idempotency_key, fingerprint):
        return first
    check_account(actor, cloud_account, offering_version)
    complete = _checked(name, tags, offering_version, inputs)
    order = Order(
        actor=actor,
        name=name,
        version=offering_version,
        cloud_account=cloud_account,
        inputs=complete,
        tags=validate_tags(tags),
        quoted=price_of(
            offering_version,
            complete,
            organization_id=cloud_account.organization_id,
            cloud_account_id=cloud_account.pk,
        ),
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
    )
    try:
        return _place(order)
    except (Refused, billing.NotAffordable):
        # The same request may have been served at the same moment: then what stood in our way is its own first answer.
        if first := _first_answer(actor, idempotency_key, fingerprint):
            return first
        raise


def check_account(actor: Actor, account: CloudAccount, version: OfferingVersion) -> None:
    """Raise ``CannotUseAccount`` unless ``account`` is the actor's, of the offering's provider, and verified."""
    if actor.organization is None or account.organization_id != actor.organization.pk:
        raise CannotUseAccount("There is no such cloud account.")
    if not version.offering_id.startswith(f"{account.provider}/"):
        raise CannotUseAccount(f"“{account}” is an account on another cloud.")
    if account.status not in USABLE:
        raise CannotUseAccount(f"“{account}” cannot be used: {account.get_status_display().lower()}. Check its keys.")


def insert_run(run: Run) -> Run:
    """Insert ``run``; a live one of the same resource raises ``RunInProgress``."""
    try:
        with transaction.atomic(savepoint=False):
            run.save(force_insert=True)
    except IntegrityError as error:
        raise translated(error, "") from error
    return run


def translated(error: IntegrityError, name: str) -> Exception:
    """The refusal that a violated constraint stands for, or the error itself."""
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if constraint == "resource_name_once_among_live":
        return NameTaken(name)
    if constraint == "run_one_live_per_resource":
        return RunInProgress()
    if constraint in {"run_idempotency_key_once", "provisioning_resource_pkey"}:  # ids are made of keys
        return IdempotencyConflict()
    return error


def _checked(name: str, tags: Mapping[str, Any], version: OfferingVersion, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The complete inputs. Raises ``InvalidInputs`` with all that is wrong with the name, the tags and with them."""
    complete: dict[str, Any] = {}
    errors: list[InputError] = []
    checks = (
        partial(validate_name, name),
        partial(validate_tags, tags),
        lambda: complete.update(validate_inputs(version, inputs)),
    )
    for check in checks:
        try:
            check()
        except InvalidInputs as wrong:
            errors += wrong.errors
    if errors:
        raise InvalidInputs(errors)
    return complete


def _place(order: Order) -> Run:
    try:
        with transaction.atomic():
            run = _write(order)
    except IntegrityError as error:
        raise translated(error, order.name) from error
    return run


def _write(order: Order) -> Run:
    organization = order.cloud_account.organization_id
    resource = _new_resource(order)
    assert order.actor.organization is not None
    resource.save(force_insert=True)
    run = Run(
        organization_id=organization,
        resource=resource,
        operation=Operation.CREATE,
        inputs=order.inputs,
        tags=order.tags,
        previous={"status": None, "hold": None},
        created_by=order.actor.user,
        created_by_label=order.actor.label,
        request_id=order.actor.request_id,
        idempotency_key=order.idempotency_key,
        request_fingerprint=order.fingerprint,
    )
    run.save(force_insert=True)
    quotes.keep_quote(organization=order.actor.organization, reference=resource.hold_reference, quoted=order.quoted)
    audit.record(
        order.actor,
        "resource.create",
        resource,
        offering=str(order.version),
        cloud_account=str(order.cloud_account),
        inputs=order.inputs,
        tags=order.tags,
        monthly=str(order.quoted.monthly),
        run=str(run.pk),
    )
    # Last, because it locks the tenant's account until the commit: simultaneous orders queue only for this.
    hold = billing.hold_credit(
        organization=order.actor.organization,
        reference=resource.hold_reference,
        amount=billing.hold_amount(order.quoted.hourly),
        description=f"{version_by_id(order.version.pk).title}: {order.name}",
    )
    if hold.has_blocking_budgets:
        check_budgets(resource, order.quoted.hourly)
    announce_after_commit(run)
    return run


def _new_resource(order: Order) -> Resource:
    assert order.actor.organization is not None  # check_account compared it
    key = order.idempotency_key
    return Resource(
        id=resource_id_of(order.actor.organization, key) if key else uuid4(),
        organization=order.actor.organization,
        name=order.name,
        offering_version=order.version,
        cloud_account=order.cloud_account,
        provider=order.version.offering.provider,
        kind=order.version.offering.kind,
        region=order.inputs["region"],
        inputs=order.inputs,
        tags=order.tags,
        hourly_cost=order.quoted.hourly,
        monthly_cost=order.quoted.monthly,
        currency=order.quoted.currency,
        created_by=order.actor.user,
    )


def _first_answer(actor: Actor, key: str | None, fingerprint: str) -> Run | None:
    if not key or actor.organization is None:
        return None
    first = Run.objects.filter(organization=actor.organization, idempotency_key=key).select_related("resource").first()
    if first is not None and first.request_fingerprint != fingerprint:
        raise IdempotencyConflict
    return first


def _fingerprint(
    name: str, version: OfferingVersion, account: CloudAccount, inputs: Mapping[str, Any], tags: Mapping[str, Any]
) -> str:
    body = [name, version.offering_id, str(account.pk), dict(inputs), *([dict(tags)] if tags else [])]
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
