"""Holds while usage eats into them: whatever ends a run, the books agree and nothing is reserved twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
import time_machine

from accounts.actors import Actor
from billing import metering
from billing import services as billing
from provisioning import services
from provisioning.models import Resource, Run
from tests.billing.usage import NOON

from .lives import succeed

HOUR = timedelta(hours=1)
Order = Callable[..., Run]
pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(order: Order) -> Resource:
    with time_machine.travel(NOON, tick=False):
        return succeed(order("web-1"))


def use_up(resource: Resource) -> None:
    """Spend what is free, so that nothing more can be reserved."""
    free = billing.account_of(resource.organization).available
    billing.charge(organization=resource.organization, reference="other", amount=free)


@pytest.mark.parametrize("change", ["request_update", "request_destroy", "detect_drift"])
def test_a_run_canceled_while_usage_ate_into_the_hold_needs_no_credit(
    machine: Resource, tenant: SimpleNamespace, actor_for: Callable[..., Actor], change: str
) -> None:
    actor = actor_for(tenant.member)
    more = {"inputs": services.merged_inputs(machine, {"size": "micro"})} if change == "request_update" else {}
    run = getattr(services, change)(actor=actor, resource=machine, **more)
    use_up(machine)
    metering.book_usage(until=NOON + 3 * HOUR)
    eaten = services.held_for(machine)
    services.cancel_run(actor=actor, run=run)
    assert services.held_for(machine) == eaten == billing.hold_amount(machine.hourly_cost) - spent(machine)


def spent(resource: Resource) -> Decimal:
    usage = billing.account_of(resource.organization).usage.filter(resource__reference=resource.hold_reference)
    return sum(usage.values_list("amount", flat=True), Decimal(0))


def test_a_dearer_change_that_is_canceled_gives_back_what_it_reserved(
    machine: Resource, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    actor, before = actor_for(tenant.member), services.held_for(machine)
    run = services.request_update(
        actor=actor, resource=machine, inputs=services.merged_inputs(machine, {"size": "large"})
    )
    assert services.held_for(machine) > before
    services.cancel_run(actor=actor, run=run)
    assert services.held_for(machine) == before
