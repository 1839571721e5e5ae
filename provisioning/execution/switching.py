"""Stopping and starting a machine: the cloud is asked, then Terraform looks at what it made of it.

No attribute of the module says whether its machine runs, so neither is drift; the addresses that come and go with it
are taken into the state by the refresh that follows.
"""

from __future__ import annotations

import time

from clouds import services as clouds
from provisioning import state
from provisioning.models import Operation, RunStatus
from provisioning.terraform.diagnostics import Explanation
from provisioning.terraform.messages import EventKind

from .job import Canceled, Failed, Job

MACHINES = frozenset({"aws_instance", "azurerm_linux_virtual_machine", "google_compute_instance"})
WANTED = {Operation.START: True, Operation.STOP: False}
ROUNDS = 120  # looks until a machine that does not change is an error: ten minutes
PAUSE = 5.0  # seconds between


def switch_power(job: Job) -> None:
    """For a start or a stop: ask the cloud for it and wait until the machine is as wanted. Raises :class:`Failed`."""
    operation = Operation(job.run.operation)
    if operation not in WANTED:
        return
    is_on = WANTED[operation]
    machines = [each.id for each in state.objects_in(job.state_before or "") if each.type in MACHINES]
    if not machines:
        raise Failed(Explanation("There is no machine in what this resource made.", "Destroy it.", code="no_machine"))
    job.enter(RunStatus.APPLYING)
    for machine in machines:
        job.recorder.say(EventKind.LOG, f"{'Starting' if is_on else 'Stopping'} {_short(machine)}", id=machine)
        _ask(job, machine, is_on=is_on)
    for machine in machines:
        _wait(job, machine, is_on=is_on)
        job.is_on = is_on
        job.recorder.say(EventKind.LOG, f"{_short(machine)} {'runs' if is_on else 'is stopped'}", id=machine)


def _wait(job: Job, machine: str, *, is_on: bool) -> None:
    """What the cloud was asked for cannot be canceled any more: a cancel counts once it is known what came of it."""
    seen: bool | None = None
    for attempt in range(ROUNDS):
        if attempt:
            time.sleep(PAUSE)
        job.lease.require()
        if job.is_stopping():
            raise Canceled("The worker was stopped.")
        seen = _has_power(job, machine)
        if seen is is_on:
            return
    job.is_on = seen
    word = "start" if is_on else "stop"
    text = f"{_short(machine)} did not {word} within {int(ROUNDS * PAUSE / 60)} minutes."
    raise Failed(Explanation(text, f"Look at it in the cloud's console, then {word} it again.", code="timeout"))


def _ask(job: Job, machine: str, *, is_on: bool) -> None:
    resource = job.run.resource
    assert resource.cloud_account_id is not None  # the first step opened its keys
    try:
        clouds.switch_power(
            cloud_account_id=resource.cloud_account_id,
            region=resource.region,
            machine=machine,
            is_on=is_on,
            purpose=job.purpose,
        )
    except clouds.CloudError as problem:
        job.has_changed_something |= isinstance(problem, clouds.CloudUnreachable)  # it may have heard us
        raise Failed(_refused(problem)) from None
    job.has_changed_something = True


def _has_power(job: Job, machine: str) -> bool | None:
    resource = job.run.resource
    assert resource.cloud_account_id is not None
    try:
        return clouds.has_power(
            cloud_account_id=resource.cloud_account_id, region=resource.region, machine=machine, purpose=job.purpose
        )
    except clouds.CloudUnreachable:
        return None  # asked again in the next round
    except clouds.CloudError as problem:
        raise Failed(_refused(problem)) from None


def _refused(problem: clouds.CloudError) -> Explanation:
    advice = "The account's keys must be allowed to start and stop machines. Nothing else was changed."
    return Explanation(str(problem), advice, code="account")


def _short(machine: str) -> str:
    return machine.rpartition("/")[2]
