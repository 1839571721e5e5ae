"""Stopping a machine, which then costs only its disk and address, and starting it again."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from accounts.actors import Actor
from billing import quotes
from billing import services as billing
from billing.money import rounded
from clouds.models import Kind
from provisioning import power
from provisioning.models import Operation, Resource, Run

from .announcing import announce_after_commit
from .changes import held_for, lock_idle
from .commitments import check_budgets
from .errors import NotPossible

WORDS = {Operation.STOP: "stopped", Operation.START: "started"}
HOURS_OF_CREDIT = 24  # a machine that would run out of credit within a day is not started


def request_stop(*, actor: Actor, resource: Resource) -> Run:
    """Queue a run that stops a machine. Raises ``NotPossible`` unless it is an active one, ``RunInProgress``."""
    return _request(actor, resource, Operation.STOP)


def request_start(*, actor: Actor, resource: Resource) -> Run:
    """Queue a run that starts a stopped machine.

    Raises ``NotPossible``, ``RunInProgress``, and ``NotAffordable``: without credit for a day of it, or where a
    budget forbids it.
    """
    return _request(actor, resource, Operation.START)


@transaction.atomic
def _request(actor: Actor, resource: Resource, operation: Operation) -> Run:
    resource = lock_idle(actor, resource)
    if resource.kind != Kind.VM:
        raise NotPossible(f"Only a virtual machine can be {WORDS[operation]}.")
    if resource.status != power.FROM[operation]:
        status = resource.get_status_display().lower()
        raise NotPossible(f"This machine is {status}: it cannot be {WORDS[operation]} now.")
    if operation is Operation.START:
        _check_credit(resource)
        check_budgets(resource, resource.hourly_cost)
    run = power.queue(actor=actor, resource=resource, operation=operation)
    announce_after_commit(run)
    return run


def _check_credit(resource: Resource) -> None:
    """Its own hold counts, and what is free beside it."""
    account = billing.account_of(resource.organization)
    usable = account.available + (held_for(resource) or Decimal(0))
    needed = rounded(resource.hourly_cost * HOURS_OF_CREDIT)
    if usable < needed:
        raise billing.InsufficientCredit(needed, usable, account.currency)


def stopped_monthly(resource: Resource) -> Decimal | None:
    """What a machine costs in a month while it is stopped; None for what cannot be stopped, or was never quoted."""
    if resource.kind != Kind.VM:
        return None
    quote = quotes.newest_quote(
        organization=resource.organization, reference=resource.hold_reference, hourly=resource.hourly_cost
    )
    return quotes.stopped_monthly(quote) if quote is not None else None
