"""Stopping and starting machines, on request and by the operator's policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.actors import Actor, system_actor
from accounts.models import Organization, Role
from billing import credit, quotes
from billing import services as billing
from billing.models import Account, Hold, Meter
from billing.quotes import QuotedLine, QuotedPrice
from clouds.services import CloudError, CloudUnreachable
from provisioning import execution, metered, power, services
from provisioning.execution import claim_next, end_as, switching
from provisioning.models import Operation, Resource, ResourceStatus, Run, RunStatus
from provisioning.recovery import LOST

from .engine import hold, make_account, make_resource, make_run, make_version, make_worker, modules, work

__all__ = ["modules", "work"]
pytestmark = pytest.mark.django_db(transaction=True)


class Cloud:
    """One machine that takes some looks to change."""

    def __init__(self) -> None:
        self.is_on, self.looks_needed = True, 1
        self.wanted: bool | None = None
        self.problem: CloudError | None = None

    def switch_power(self, *, machine: str, is_on: bool, **_: Any) -> None:
        if self.problem:
            raise self.problem
        self.wanted = is_on

    def has_power(self, **_: Any) -> bool | None:
        self.looks_needed -= 1
        if self.looks_needed == 1:
            raise CloudUnreachable("The cloud could not be reached.")
        if self.looks_needed >= 0:
            return None
        assert self.wanted is not None
        self.is_on = self.wanted
        return self.is_on


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    monkeypatch.setattr(switching, "PAUSE", 0)
    monkeypatch.setattr(switching, "MACHINES", {"terraform_data"})
    monkeypatch.setattr(switching.clouds, "switch_power", cloud.switch_power)
    monkeypatch.setattr(switching.clouds, "has_power", cloud.has_power)
    return cloud


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(name="Acme", slug="acme")


@pytest.fixture
def actor(organization: Organization) -> Actor:
    return system_actor(organization)


@pytest.fixture
def machine(modules: Path, organization: Organization, work: Callable[[Run], Run]) -> Resource:
    """An active machine at 0.01 an hour, of which 0.002 is its disk."""
    resource = make_resource(make_version(modules), make_account(organization), name="web")
    hold(resource)
    agree(resource, "0.008", "0.002")
    assert work(make_run(resource)).status == RunStatus.SUCCEEDED
    resource.refresh_from_db()
    return resource


def agree(resource: Resource, computing: str, disk: str) -> None:
    lines = [line("aws:compute:t3.small", computing, is_paused_by_stop=True), line("aws:disk:gp3", disk)]
    hourly = Decimal(computing) + Decimal(disk)
    quoted = QuotedPrice(hourly, hourly * 730, "USD", lines, "test", is_approximate=False)
    quotes.keep_quote(organization=resource.organization, reference=resource.hold_reference, quoted=quoted)


def line(sku: str, price: str, **more: Any) -> QuotedLine:
    amount = Decimal(price)
    return QuotedLine(
        label=sku,
        sku=sku,
        region="eu-west-1",
        unit="hour",
        quantity=Decimal(1),
        list_price=amount,
        unit_price=amount,
        hourly=amount,
        monthly=amount * 730,
        currency="USD",
        source="test",
        as_of="2026-11-01",
        is_approximate=False,
        **more,
    )


def running(resource: Resource) -> dict[str, Decimal]:
    meters = Meter.objects.running().filter(resource__reference=resource.hold_reference)
    return dict(meters.values_list("sku", "unit_price"))


def test_a_stopped_machine_costs_only_its_disk_until_it_is_started(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any
) -> None:
    assert running(machine) == {"aws:compute:t3.small": Decimal("0.008"), "aws:disk:gp3": Decimal("0.002")}
    cloud.looks_needed = 3

    stopped = work(services.request_stop(actor=actor, resource=machine))

    assert (stopped.error, stopped.status, stopped.resource.status) == (None, "succeeded", ResourceStatus.STOPPED)
    assert (cloud.is_on, running(machine)) == (False, {"aws:disk:gp3": Decimal("0.002")})
    assert services.stopped_monthly(machine) == Decimal("1.46")
    assert Hold.objects.open().filter(reference=machine.hold_reference).count() == 1

    started = work(services.request_start(actor=actor, resource=machine))

    assert (started.error, started.status, started.resource.status) == (None, "succeeded", ResourceStatus.ACTIVE)
    assert (cloud.is_on, len(running(machine))) == (True, 2)
    assert {"Stopping", "Starting"} <= {text.split()[0] for text in said(stopped) + said(started)}


def said(run: Run) -> list[str]:
    return list(run.events.values_list("message", flat=True))


def test_a_start_costs_what_was_agreed_and_not_what_a_canceled_change_was_quoted_at(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any
) -> None:
    agree(machine, "0.9", "0.1")
    work(services.request_stop(actor=actor, resource=machine))

    work(services.request_start(actor=actor, resource=machine))

    assert sum(running(machine).values()) == Decimal("0.01")


def test_repricing_a_stopped_machine_does_not_make_it_run(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any
) -> None:
    work(services.request_stop(actor=actor, resource=machine))
    machine.refresh_from_db()

    metered.start(machine)

    assert running(machine) == {"aws:disk:gp3": Decimal("0.002")}


@pytest.mark.parametrize("problem", [CloudError("It may not."), None])
def test_a_stop_that_fails_leaves_the_machine_active_and_paid_for(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any, problem: CloudError | None, monkeypatch: Any
) -> None:
    cloud.problem = problem
    monkeypatch.setattr(switching, "ROUNDS", 2)
    cloud.looks_needed = 50

    run = work(services.request_stop(actor=actor, resource=machine))

    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "account" if problem else "timeout")
    assert (run.resource.status, run.resource.needs_adoption) == (ResourceStatus.ACTIVE, False)
    assert len(running(machine)) == 2


def test_a_start_that_is_canceled_once_the_cloud_was_asked_is_paid_for(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any, monkeypatch: Any
) -> None:
    work(services.request_stop(actor=actor, resource=machine))
    ask = switching._ask

    def ask_and_cancel(job: Any, machine: str, *, is_on: bool) -> None:
        ask(job, machine, is_on=is_on)
        job.lease.is_cancel_requested = True

    monkeypatch.setattr(switching, "_ask", ask_and_cancel)

    run = work(services.request_start(actor=actor, resource=machine))

    assert (run.status, run.resource.status, len(running(machine))) == (RunStatus.CANCELED, ResourceStatus.ACTIVE, 2)


def test_a_start_whose_end_nobody_saw_counts_as_running(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any
) -> None:
    work(services.request_stop(actor=actor, resource=machine))
    services.request_start(actor=actor, resource=machine)
    run = claim_next(make_worker().row.pk)
    assert run is not None
    run.advance(RunStatus.APPLYING)

    end_as(run, RunStatus.LOST, LOST)

    machine.refresh_from_db()
    assert (machine.status, len(running(machine))) == (ResourceStatus.ACTIVE, 2)


def test_a_stop_that_is_seen_not_to_have_worked_goes_on_being_paid_for_and_one_that_did_does_not(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(execution.steps, "APPLY", {**execution.steps.APPLY, Operation.STOP: ("no-such-command",)})

    run = work(services.request_stop(actor=actor, resource=machine))

    assert (run.status, run.resource.status) == (RunStatus.FAILED, ResourceStatus.STOPPED)
    assert running(machine) == {"aws:disk:gp3": Decimal("0.002")}


def test_a_stop_whose_worker_is_lost_can_be_asked_for_again(machine: Resource, actor: Actor, cloud: Cloud) -> None:
    services.request_stop(actor=actor, resource=machine)
    run = claim_next(make_worker().row.pk)
    assert run is not None

    end_as(run, RunStatus.LOST, LOST)

    machine.refresh_from_db()
    assert (machine.status, machine.needs_adoption) == (ResourceStatus.ACTIVE, False)
    assert services.request_stop(actor=actor, resource=machine).status == RunStatus.QUEUED


def test_what_makes_no_sense_is_refused_with_the_reason(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any
) -> None:
    with pytest.raises(services.NotPossible, match="is active: it cannot be started"):
        services.request_start(actor=actor, resource=machine)
    work(services.request_stop(actor=actor, resource=machine))
    with pytest.raises(services.NotPossible, match="is stopped: it cannot be stopped"):
        services.request_stop(actor=actor, resource=machine)
    with pytest.raises(services.NotPossible, match="Start it first"):
        services.request_update(actor=actor, resource=machine, inputs={"region": "eu-west-1", "size": "medium"})
    Resource.objects.filter(pk=machine.pk).update(kind="bucket")
    with pytest.raises(services.NotPossible, match="Only a virtual machine"):
        services.request_start(actor=actor, resource=machine)


def test_a_viewer_may_not(machine: Resource, organization: Organization) -> None:
    viewer = Actor(user=None, organization=organization, role=Role.VIEWER)

    with pytest.raises(PermissionDenied):
        services.request_stop(actor=viewer, resource=machine)


def test_a_machine_that_credit_does_not_last_a_day_for_is_not_started(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any, organization: Organization
) -> None:
    work(services.request_stop(actor=actor, resource=machine))
    use_up(organization)

    with pytest.raises(billing.InsufficientCredit, match=r"0\.24 USD"):
        services.request_start(actor=actor, resource=machine)


def use_up(organization: Organization) -> Account:
    account = billing.account_of(organization)
    billing.charge(organization=organization, reference="everything", amount=account.balance + 1)
    return billing.account_of(organization)


def test_by_policy_machines_stop_once_the_credit_was_gone_for_the_grace_period(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any, organization: Organization
) -> None:
    account = use_up(organization)
    later = timezone.now() + timedelta(hours=25)
    assert power.stop_without_credit(later) == 0  # no policy

    credit.set_policy(account=account, stops_machines=True, actor=actor, reason="as agreed")
    assert power.stop_without_credit() == 0  # still within the grace period
    assert power.stop_without_credit(later) == 1
    assert power.stop_without_credit(later) == 0  # one is on its way

    run = work(Run.objects.get(operation=Operation.STOP))
    assert (run.status, run.resource.status, run.created_by_label) == ("succeeded", "stopped", "system")
    assert power.stop_without_credit(later) == 0


def test_by_policy_a_stop_that_failed_is_tried_again_after_an_hour_not_by_every_tick(
    machine: Resource, actor: Actor, cloud: Cloud, work: Any, organization: Organization
) -> None:
    credit.set_policy(account=use_up(organization), stops_machines=True, actor=actor)
    cloud.problem = CloudError("You may not stop this.")
    later = timezone.now() + timedelta(hours=25)
    assert power.stop_without_credit(later) == 1
    assert work(Run.objects.get(operation=Operation.STOP)).status == RunStatus.FAILED

    Run.objects.update(finished_at=later)
    assert power.stop_without_credit(later + timedelta(seconds=10)) == 0
    assert power.stop_without_credit(later + timedelta(minutes=61)) == 1


def test_the_grace_period_begins_anew_after_a_top_up(organization: Organization, actor: Actor) -> None:
    account = billing.account_of(organization)
    assert credit.used_up_since(account) == account.created_at  # there never was any
    billing.top_up(organization=organization, amount=Decimal(5), reference="a", actor=actor)
    assert credit.used_up_since(billing.account_of(organization)) is None
    billing.charge(organization=organization, reference="b", amount=Decimal(5))
    first = credit.used_up_since(billing.account_of(organization))
    billing.charge(organization=organization, reference="c", amount=Decimal(5))
    assert credit.used_up_since(billing.account_of(organization)) == first
    billing.top_up(organization=organization, amount=Decimal(6), reference="d", actor=actor)
    billing.charge(organization=organization, reference="e", amount=Decimal(2))
    again = credit.used_up_since(billing.account_of(organization))
    assert first is not None
    assert again is not None
    assert again > first
