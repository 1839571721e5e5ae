"""Looking at machines: what is kept of it, and what a later change does to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import AuditEvent
from clouds.models import CloudAccount
from clouds.providers import NotPermitted
from provisioning import services, sizing, tasks
from provisioning.execution.finishing import Outcome, finish
from provisioning.models import (
    Operation,
    Resource,
    Run,
    RunStatus,
    SizingProposal,
    SizingReading,
    SizingStatus,
    SizingVerdict,
)

from .conftest import VM
from .utilisation import Recorded

Make = Callable[..., Resource]


def look(account: CloudAccount) -> dict[str, int]:
    return services.look_at_account(account).verdicts


def proposal_of(resource: Resource) -> SizingProposal:
    return SizingProposal.objects.get(resource=resource, status=SizingStatus.OPEN)


def test_a_proposal_says_what_would_change_what_it_saves_and_why(machine: Make, cloud_account: CloudAccount) -> None:
    resource = machine(cpu=6, memory=30)

    assert look(cloud_account) == {"proposed": 1}

    made = proposal_of(resource)
    version = resource.offering_version
    before, after = (
        services.price_of(version, {**resource.inputs, "size": size}).monthly for size in ("large", "medium")
    )
    assert (made.from_inputs, made.to_inputs) == ({"size": "large"}, {"size": "medium"})
    assert (made.from_machine, made.to_machine, made.direction) == ("t3.large", "t3.medium", "smaller")
    assert (made.monthly_before, made.monthly_after, made.saving) == (before, after, before - after)
    assert made.saving > Decimal(20)
    assert made.reason == "p95 CPU 6 % and memory 30 % over 14 days; medium would run at 6 % and 60 % of its memory."
    assert made.figures["cpu"] == {"mean": 6.0, "p95": 6.0, "max": 6.0, "hours": 336}
    assert made.figures["expected"] == {"cpu_p95": 6.0, "memory_p95": 60.0}
    assert made.last - made.first == timedelta(days=14)
    reading = SizingReading.objects.get(resource=resource)
    assert (reading.verdict, reading.figures["memory"]["p95"]) == ("proposed", 30.0)


def test_looking_again_replaces_and_doubles_nothing(
    machine: Make, cloud_account: CloudAccount, recorded: Recorded
) -> None:
    resource = machine(cpu=6, memory=30)
    look(cloud_account)
    first = proposal_of(resource)
    recorded.record("i-web-1", cpu=5, memory=31)

    look(cloud_account)

    again = proposal_of(resource)
    assert (again.pk, again.figures["cpu"]["p95"]) == (first.pk, 5.0)
    assert again.made_at > first.made_at
    assert (SizingProposal.objects.count(), SizingReading.objects.count()) == (1, 1)


def test_another_proposal_takes_the_place_of_the_one_before(
    machine: Make, cloud_account: CloudAccount, recorded: Recorded
) -> None:
    resource = machine(cpu=6, memory=30)
    look(cloud_account)
    recorded.record("i-web-1", cpu=6, memory=8)  # 0.64 GiB: a micro would do

    look(cloud_account)

    statuses = dict(SizingProposal.objects.values_list("to_machine", "status"))
    assert statuses == {"t3.medium": "stale", "t3.micro": "open"}
    assert proposal_of(resource).to_inputs == {"size": "micro"}


def test_a_machine_that_has_become_busy_takes_its_proposal_back(
    machine: Make, cloud_account: CloudAccount, recorded: Recorded
) -> None:
    machine(cpu=6, memory=30)
    look(cloud_account)
    recorded.record("i-web-1", cpu=28, memory=60)

    assert look(cloud_account) == {"fits": 1}
    assert SizingProposal.objects.get().status == SizingStatus.STALE


def test_a_larger_machine_costs_more_and_says_so(machine: Make, cloud_account: CloudAccount) -> None:
    resource = machine(size="small", cpu=95, memory=None)

    look(cloud_account)

    made = proposal_of(resource)
    assert (made.direction, made.to_machine) == ("larger", "t3.2xlarge")  # the only one that sustains 1.9 vCPU
    assert made.saving < 0
    assert "how much is used is unknown" in made.caution


@pytest.mark.parametrize(
    ("figures", "days", "verdict", "said"),
    [
        ({"cpu": 6, "memory": 30}, 5, SizingVerdict.TOO_LITTLE, "figures of 5 of the 7 days"),
        ({"cpu": 6, "memory": None}, 14, SizingVerdict.NO_MEMORY, "nothing in the machine reports"),
        ({"cpu": 28, "memory": 60}, 14, SizingVerdict.FITS, "p95 CPU 28 % and memory 60 %"),
    ],
)
def test_what_is_not_proposed_is_explained(
    machine: Make,
    cloud_account: CloudAccount,
    recorded: Recorded,
    figures: dict[str, Any],
    days: int,
    verdict: SizingVerdict,
    said: str,
) -> None:
    resource = machine(**figures)
    recorded.days = days

    assert look(cloud_account) == {verdict: 1}

    assert said in SizingReading.objects.get(resource=resource).detail
    assert not SizingProposal.objects.exists()


def test_an_account_that_cannot_be_read_is_said_to_be_and_keeps_its_proposals(
    machine: Make, cloud_account: CloudAccount, recorded: Recorded
) -> None:
    resource = machine()
    look(cloud_account)
    recorded.error = NotPermitted("AWS does not allow these keys to call GetMetricData.")

    assert look(cloud_account) == {"unreadable": 1}

    assert "GetMetricData" in SizingReading.objects.get(resource=resource).detail
    assert proposal_of(resource).status == SizingStatus.OPEN


def test_machines_of_one_region_are_one_question(
    machine: Make, cloud_account: CloudAccount, recorded: Recorded
) -> None:
    for number in range(3):
        machine(f"web-{number}")
    other = machine("far", size="small")
    Resource.objects.filter(pk=other.pk).update(region="us-east-1")

    look(cloud_account)

    assert sorted(len(each["machines"]) for each in recorded.asked) == [1, 3]


def test_figures_of_the_machine_it_was_before_do_not_count(
    machine: Make, cloud_account: CloudAccount, recorded: Recorded, tenant: SimpleNamespace
) -> None:
    resource = machine()
    resized = timezone.now() - timedelta(days=3)
    Run.objects.create(
        organization=tenant.organization,
        resource=resource,
        operation=Operation.UPDATE,
        status=RunStatus.SUCCEEDED,
        inputs=resource.inputs,
        previous={"inputs": {**resource.inputs, "size": "xlarge"}},
        finished_at=resized,
    )

    assert look(cloud_account) == {"too_little": 1}
    assert recorded.asked[0]["first"] == resized


def test_only_running_machines_are_looked_at(
    machine: Make, order: Callable[..., Run], cloud_account: CloudAccount
) -> None:
    Resource.objects.filter(pk=machine("web-1").pk).update(status="stopped")
    order("logs", offering="aws/bucket")

    assert look(cloud_account) == {}


def test_what_is_dismissed_is_not_proposed_again_for_ninety_days(
    machine: Make, cloud_account: CloudAccount, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = machine()
    look(cloud_account)

    services.dismiss_proposal(actor=actor_for(tenant.member), proposal=proposal_of(resource), reason="Load test in May")

    assert look(cloud_account) == {"dismissed": 1}
    closed = SizingProposal.objects.get()
    assert (closed.status, closed.dismissal, closed.closed_by) == ("dismissed", "Load test in May", tenant.member)
    assert AuditEvent.objects.filter(action="sizing.dismiss").count() == 1
    SizingProposal.objects.update(closed_at=timezone.now() - timedelta(days=91))
    assert look(cloud_account) == {"proposed": 1}


def test_a_proposal_is_dismissed_once_and_only_by_who_may_order(
    machine: Make, cloud_account: CloudAccount, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = machine()
    look(cloud_account)
    made = proposal_of(resource)

    with pytest.raises(PermissionDenied):
        services.dismiss_proposal(actor=actor_for(tenant.viewer), proposal=made)
    services.dismiss_proposal(actor=actor_for(tenant.member), proposal=made)
    with pytest.raises(services.NotPossible, match="not open any more: dismissed"):
        services.dismiss_proposal(actor=actor_for(tenant.member), proposal=made)


def changed(resource: Resource, actor: Actor, **inputs: Any) -> None:
    """Change ``resource`` through the service, and let its run succeed."""
    wanted = services.merged_inputs(resource, inputs)
    run = services.request_update(actor=actor, resource=resource, inputs=wanted)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.APPLYING, started_at=timezone.now())
    finish(Run.objects.get(pk=run.pk), Outcome(RunStatus.SUCCEEDED))


@pytest.mark.parametrize(
    ("inputs", "status"),
    [({"size": "medium"}, "applied"), ({"size": "xlarge"}, "stale"), ({"disk_gb": 40}, "open")],
    ids=["to what was proposed", "to something else", "not of the machine"],
)
def test_a_change_that_succeeds_settles_the_proposal(
    machine: Make,
    cloud_account: CloudAccount,
    tenant: SimpleNamespace,
    actor_for: Callable[..., Actor],
    inputs: dict[str, Any],
    status: str,
) -> None:
    resource = machine()
    look(cloud_account)

    changed(resource, actor_for(tenant.member), **inputs)

    assert SizingProposal.objects.get().status == status


def test_forgetting_a_machine_closes_its_proposal(
    machine: Make, cloud_account: CloudAccount, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = machine()
    look(cloud_account)

    services.forget(actor=actor_for(tenant.member), resource=resource)

    assert SizingProposal.objects.get().status == SizingStatus.STALE


def test_an_account_is_due_once_a_day_or_when_somebody_asks(
    machine: Make,
    cloud_account: CloudAccount,
    tenant: SimpleNamespace,
    actor_for: Callable[..., Actor],
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[bool] = []
    monkeypatch.setattr(tasks.propose_sizes, "send", lambda: rung.append(True))
    machine()
    now = timezone.now()
    assert list(sizing.accounts_due(now)) == [cloud_account]
    look(cloud_account)
    assert list(sizing.accounts_due(now)) == []
    assert list(sizing.accounts_due(now + timedelta(hours=21))) == [cloud_account]

    with django_capture_on_commit_callbacks(execute=True):
        services.look_again(actor=actor_for(tenant.member))

    assert (list(sizing.accounts_due(now)), rung) == ([cloud_account], [True])


def test_the_command_looks_at_every_account_or_those_due(machine: Make, tenant: SimpleNamespace) -> None:
    machine()
    machine("busy", cpu=28, memory=60)
    said = StringIO()

    call_command("propose_sizes", "--organization", "acme", stdout=said, stderr=StringIO())
    call_command("propose_sizes", "--due", stdout=said, stderr=StringIO())

    first, second = said.getvalue().splitlines()
    assert first.startswith("2 machines. ")
    assert "another size fits better: 1" in first
    assert second == "0 machines."
    with pytest.raises(CommandError, match="no organization nobody"):
        call_command("propose_sizes", "--organization", "nobody")


def test_an_account_that_breaks_the_look_does_not_keep_others_from_being_looked_at(
    machine: Make, recorded: Recorded, tenant: SimpleNamespace
) -> None:
    resource = machine()
    second = CloudAccount.objects.create(
        organization=tenant.organization, provider="aws", name="Second", credentials={}, status="verified"
    )
    other = machine("web-2")
    Resource.objects.filter(pk=other.pk).update(cloud_account=second)
    broken = [KeyError("instance_id"), None]
    plain = recorded.__class__.__call__

    def once(self: Recorded, **asked: Any) -> Any:
        self.error = broken.pop(0)
        return plain(self, **asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recorded, "__call__", once)
        call_command("propose_sizes", "--due", stdout=StringIO(), stderr=StringIO())

    verdicts = dict(SizingReading.objects.values_list("resource", "verdict"))
    assert sorted(verdicts.values()) == ["proposed", "unreadable"]
    assert verdicts.keys() == {resource.pk, other.pk}
    assert not sizing.accounts_due(timezone.now()).exists()


def test_an_exact_machine_type_is_proposed_as_one(
    machine: Make, cloud_account: CloudAccount, order: Callable[..., Run], recorded: Recorded
) -> None:
    resource = machine()
    inputs = {name: value for name, value in resource.inputs.items() if name != "size"}
    Resource.objects.filter(pk=resource.pk).update(inputs={**inputs, "machine_type": "m5.2xlarge"}, monthly_cost=300)
    recorded.record("i-web-1", cpu=6, memory=10)

    look(cloud_account)

    made = proposal_of(resource)
    assert (made.to_inputs, made.applied_to(resource.inputs)["machine_type"]) == (
        {"machine_type": "m5.large"},
        "m5.large",
    )
    assert VM["region"] == made.applied_to(resource.inputs)["region"]
