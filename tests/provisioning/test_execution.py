import threading
import time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent, Organization
from billing.models import Hold
from provisioning import execution
from provisioning.execution import claim_next
from provisioning.models import (
    IllegalTransition,
    Operation,
    Resource,
    ResourceStatus,
    Run,
    RunEvent,
    RunStatus,
    StateVersion,
)
from provisioning.terraform.process import Ended
from provisioning.terraform.redaction import Redactor

from .engine import PLAIN, hold, make_account, make_resource, make_run, make_version, make_worker, modules, running

__all__ = ["modules"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shelf(modules: Path, organization: Organization) -> SimpleNamespace:
    return SimpleNamespace(
        modules=modules, organization=organization, account=make_account(organization), worker=make_worker()
    )


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(name="Acme", slug="acme")


def work(run: Run, worker: Any) -> Run:
    """Claim ``run`` and work it to its end in this thread."""
    claimed = claim_next(worker.row.pk)
    assert claimed == run
    execution.execute(claimed, worker)
    return Run.objects.select_related("resource").get(pk=run.pk)


def kinds(run: Run) -> list[str]:
    return list(RunEvent.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))


def ordered(shelf: SimpleNamespace, text: str = PLAIN, **fields: Any) -> Run:
    resource = make_resource(make_version(shelf.modules, text), shelf.account, **fields)
    return make_run(resource)


# --- working ----------------------------------------------------------------------------------------------------


def test_a_create_ends_active_with_its_outputs_and_its_state(shelf: SimpleNamespace) -> None:
    run = ordered(shelf, name="web")
    hold(run.resource)

    done = work(run, shelf.worker)

    assert (done.error, done.status) == (None, RunStatus.SUCCEEDED)
    assert done.plan == {"adds": 1, "changes": 0, "destroys": 0}
    resource = done.resource
    assert (resource.status, resource.needs_adoption) == (ResourceStatus.ACTIVE, False)
    assert resource.activated_at is not None
    assert resource.outputs == {"name": "web", "size": "small"}
    assert resource.sealed_outputs == {"password": "hush-hush", "token": "psst-psst"}
    assert StateVersion.objects.get(resource=resource).objects_count == 1
    assert Hold.objects.open().get(reference=resource.hold_reference).amount == Decimal("7.20")
    assert AuditEvent.objects.filter(action="run.succeeded", target_id=str(run.pk)).count() == 1


def test_the_log_of_a_create_tells_its_phases_and_has_no_gap(shelf: SimpleNamespace) -> None:
    done = work(ordered(shelf), shelf.worker)

    events = list(RunEvent.objects.filter(run=done).order_by("seq"))
    assert [event.seq for event in events] == list(range(1, done.last_seq + 1))
    phases = [event.data["phase"] for event in events if event.kind == "phase"]
    assert phases == ["preparing", "planning", "applying", "saving", "finished"]
    completed = next(event for event in events if event.kind == "apply_complete")
    assert completed.data["address"] == "terraform_data.this"
    assert not any("hush-hush" in str(event.data) + event.message or "psst" in event.message for event in events)


def test_a_finished_run_leaves_no_workspace(shelf: SimpleNamespace) -> None:
    done = work(ordered(shelf), shelf.worker)

    assert str(done.pk) not in [workspace.run_id for workspace in execution.toolchain.runner().workspaces()]


def test_a_failed_create_without_objects_gives_the_credit_back(shelf: SimpleNamespace) -> None:
    run = ordered(
        shelf,
        'variable "name" {}\nvariable "region" {}\nvariable "tags" {}\nvariable "size" {}\n'
        'resource "terraform_data" "this" {\n  lifecycle {\n    precondition {\n'
        '      condition = var.size == "big"\n      error_message = "Too small."\n    }\n  }\n}\n',
    )
    hold(run.resource)

    done = work(run, shelf.worker)

    assert (done.status, done.resource.status) == (RunStatus.FAILED, ResourceStatus.FAILED)
    assert "Too small." in done.error["cloud_message"]
    assert not Hold.objects.open().exists()


def test_a_failed_create_with_objects_keeps_state_and_credit_and_can_be_tried_again(shelf: SimpleNamespace) -> None:
    run = ordered(shelf, running("test -e once || { touch once; echo 'no such host' >&2; exit 3; }"))
    hold(run.resource)

    done = work(run, shelf.worker)

    assert done.status == RunStatus.FAILED
    assert done.error["code"] == "network"
    assert StateVersion.objects.get(resource=run.resource).objects_count == 2
    assert Hold.objects.open().count() == 1


@pytest.mark.parametrize(
    ("said", "code"), [("Put https://cloud: EOF", "network"), ("InvalidGroup.Duplicate: it is there", "name_exists")]
)
def test_a_connection_that_broke_in_the_middle_makes_the_next_run_look_for_strays(
    shelf: SimpleNamespace, said: str, code: str
) -> None:
    run = ordered(shelf, running(f"echo '{said}' >&2; exit 1"))
    hold(run.resource)

    done = work(run, shelf.worker)

    assert (done.status, done.error["code"], done.resource.needs_adoption) == (RunStatus.FAILED, code, True)
    assert Hold.objects.open().count() == 1


def test_an_update_changes_inputs_and_shrinks_the_hold(shelf: SimpleNamespace) -> None:
    resource = work(ordered(shelf), shelf.worker).resource
    hold(resource, "50")
    Resource.objects.filter(pk=resource.pk).update(hourly_cost="0.02", status=ResourceStatus.UPDATING)
    wanted = {"region": "eu-west-1", "size": "large"}
    run = make_run(resource, Operation.UPDATE, inputs=wanted, previous={"hold": "50", "status": "active"})

    done = work(run, shelf.worker)

    assert (done.status, done.resource.status) == (RunStatus.SUCCEEDED, ResourceStatus.ACTIVE)
    assert done.resource.inputs == wanted
    assert done.resource.outputs["size"] == "large"
    assert Hold.objects.open().get().amount == Decimal("14.40")
    assert list(StateVersion.objects.filter(resource=resource).values_list("run", flat=True)) == [
        run.pk,
        resource.runs.order_by("queued_at")[0].pk,
    ]


def test_a_failed_update_goes_back_to_the_old_inputs_price_and_hold(shelf: SimpleNamespace) -> None:
    text = PLAIN.replace(
        "input = {",
        'lifecycle {\n    precondition {\n      condition = var.size == "small"\n'
        '      error_message = "Only small."\n    }\n  }\n  input = {',
    )
    resource = work(ordered(shelf, text), shelf.worker).resource
    hold(resource, "50")
    Resource.objects.filter(pk=resource.pk).update(hourly_cost="0.02", status=ResourceStatus.UPDATING)
    previous = {"hold": "7.2", "hourly": "0.01", "monthly": "7.30", "status": "active", "inputs": resource.inputs}
    run = make_run(resource, Operation.UPDATE, inputs={"region": "eu-west-1", "size": "large"}, previous=previous)

    done = work(run, shelf.worker)

    assert (done.status, done.resource.status) == (RunStatus.FAILED, ResourceStatus.FAILED)
    assert done.resource.inputs["size"] == "small"
    assert done.resource.hourly_cost == Decimal("0.01")
    assert Hold.objects.open().get().amount == Decimal("7.2")


def test_a_destroy_ends_destroyed_and_releases_the_hold(shelf: SimpleNamespace) -> None:
    resource = work(ordered(shelf), shelf.worker).resource
    hold(resource)

    done = work(make_run(resource, Operation.DESTROY), shelf.worker)

    assert (done.status, done.resource.status) == (RunStatus.SUCCEEDED, ResourceStatus.DESTROYED)
    assert done.resource.gone_at is not None
    assert (done.resource.outputs, done.resource.sealed_outputs) == ({}, None)
    assert StateVersion.objects.filter(resource=resource)[0].objects_count == 0
    assert not Hold.objects.open().exists()


def test_a_destroy_whose_state_is_missing_is_an_error_and_not_nothing_to_do(shelf: SimpleNamespace) -> None:
    resource = work(ordered(shelf), shelf.worker).resource
    StateVersion.objects.all().delete()

    done = work(make_run(resource, Operation.DESTROY), shelf.worker)

    assert (done.status, done.resource.status) == (RunStatus.FAILED, ResourceStatus.FAILED)
    assert done.error["code"] == "missing_state"


def test_a_module_that_cannot_be_initialised_fails_in_words(shelf: SimpleNamespace) -> None:
    run = ordered(shelf, 'terraform {\n  required_providers {\n    nope = { source = "nobody/nothing" }\n  }\n}\n')

    done = work(run, shelf.worker)

    assert (done.status, done.resource.status) == (RunStatus.FAILED, ResourceStatus.FAILED)
    assert (done.error["code"], "nobody/nothing" in done.error["summary"]) == ("provider", True)


def test_a_deleted_cloud_account_fails_in_words(shelf: SimpleNamespace) -> None:
    run = ordered(shelf)
    Resource.objects.update(cloud_account=None)

    done = work(run, shelf.worker)

    assert (done.status, done.error["code"]) == (RunStatus.FAILED, "account")


# --- canceling --------------------------------------------------------------------------------------------------


def in_background(run: Run, worker: Any) -> threading.Thread:
    claimed = claim_next(worker.row.pk)
    assert claimed == run

    def target() -> None:
        try:
            execution.execute(claimed, worker)
        finally:
            connection.close()

    thread = threading.Thread(target=target)
    thread.start()
    return thread


def wait_for_event(run: Run, kind: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not RunEvent.objects.filter(run=run, kind=kind).exists():
        assert time.monotonic() < deadline, kinds(run)
        time.sleep(0.1)


def test_canceling_a_working_run_interrupts_it_and_keeps_what_was_made(shelf: SimpleNamespace) -> None:
    run = ordered(shelf, running("sleep 300"))
    hold(run.resource)
    thread = in_background(run, shelf.worker)
    wait_for_event(run, "apply_start")
    Run.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())

    thread.join(60)

    done = Run.objects.select_related("resource").get(pk=run.pk)
    assert (done.status, done.resource.status) == (RunStatus.CANCELED, ResourceStatus.FAILED)
    assert done.error["code"] == "canceled"
    assert StateVersion.objects.get(resource=run.resource).objects_count == 2
    assert Hold.objects.open().count() == 1


def test_a_run_whose_engine_was_killed_leaves_a_resource_that_is_searched_for_strays(shelf: SimpleNamespace) -> None:
    run = ordered(shelf)
    hold(run.resource)
    claimed = claim_next(shelf.worker.row.pk)

    execution.finish(
        claimed,
        execution.finishing.Outcome(
            RunStatus.CANCELED, execution.steps.CANCELED, has_changed_something=True, is_abrupt=True
        ),
    )

    assert Resource.objects.get().needs_adoption
    assert Hold.objects.open().count() == 1


def test_a_run_canceled_before_its_first_step_changes_nothing(shelf: SimpleNamespace) -> None:
    resource = work(ordered(shelf), shelf.worker).resource
    Resource.objects.update(status=ResourceStatus.DESTROYING)
    run = make_run(resource, Operation.DESTROY, previous={"status": "active"})
    claimed = claim_next(shelf.worker.row.pk)
    shelf.worker.interrupting.clear()
    Run.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())
    with execution.steps.Lease(run.pk, shelf.worker.row.pk) as lease:
        lease.renew()
        assert lease.is_cancel_requested
    execution.finish(claimed, execution.finishing.Outcome(RunStatus.CANCELED, execution.steps.CANCELED))

    resource.refresh_from_db()
    assert resource.status == ResourceStatus.ACTIVE


def test_a_worker_that_goes_down_interrupts_its_run_which_can_be_tried_again(shelf: SimpleNamespace) -> None:
    run = ordered(shelf, running("sleep 300"))
    thread = in_background(run, shelf.worker)
    wait_for_event(run, "apply_start")
    shelf.worker.interrupting.set()

    thread.join(60)

    done = Run.objects.get(pk=run.pk)
    assert (done.status, done.error["code"]) == (RunStatus.FAILED, "interrupted")


def test_a_run_longer_than_allowed_is_stopped(shelf: SimpleNamespace, settings: Any) -> None:
    settings.RUN_TIMEOUT = 3
    done = work(ordered(shelf, running("sleep 300")), shelf.worker)

    assert (done.status, done.error["code"]) == (RunStatus.FAILED, "run_timeout")


def test_a_run_that_recovery_took_away_is_not_finished_by_its_old_worker(shelf: SimpleNamespace) -> None:
    run = ordered(shelf)
    claimed = claim_next(shelf.worker.row.pk)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.LOST)

    with pytest.raises(IllegalTransition):
        execution.finish(claimed, execution.finishing.Outcome(RunStatus.SUCCEEDED))

    assert Resource.objects.get(pk=run.resource_id).status == ResourceStatus.PROVISIONING


def test_a_module_that_prints_without_end_does_not_fill_the_log(
    shelf: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution.job, "LINES_AT_MOST", 30)

    done = work(ordered(shelf, running("seq 1 500")), shelf.worker)

    assert done.status == RunStatus.SUCCEEDED
    said = RunEvent.objects.filter(run=done, kind="log").values_list("message", flat=True)
    assert len(said) == 31
    assert "The module prints too much: the rest is left out." in said


def test_no_credential_of_the_run_appears_in_its_log(shelf: SimpleNamespace) -> None:
    text = running('echo "key is $AWS_SECRET_ACCESS_KEY and $AWS_ACCESS_KEY_ID"')

    done = work(ordered(shelf, text), shelf.worker)

    said = " ".join(RunEvent.objects.filter(run=done).values_list("message", flat=True))
    assert "key is ••• and •••" in said
    assert shelf.account.credentials["secret_access_key"] not in said


def test_a_success_without_a_state_is_a_failure_whose_objects_are_looked_for(
    shelf: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ordered(shelf)
    hold(run.resource)
    monkeypatch.setattr(execution.steps.workspace.Workspace, "read_state", lambda self: None)

    done = work(run, shelf.worker)

    assert (done.status, done.error["code"]) == (RunStatus.FAILED, "state")
    assert done.resource.needs_adoption
    assert Hold.objects.open().count() == 1


def test_a_cheaper_second_try_gives_back_what_the_first_held_in_excess(shelf: SimpleNamespace) -> None:
    run = ordered(shelf)
    hold(run.resource, "50")
    Run.objects.update(previous={"hold": "50", "status": "failed"})

    done = work(run, shelf.worker)

    assert done.status == RunStatus.SUCCEEDED
    assert Hold.objects.open().get().amount == Decimal("7.20")


def test_what_a_dying_engine_prints_is_masked_and_fit_for_the_database() -> None:
    ended = Ended(2, is_canceled=False, killed_for="", stderr="panic: key=AKIAVERYSECRET00\x00")

    printed = execution.job.masked(ended, Redactor({"AWS_ACCESS_KEY_ID": "AKIAVERYSECRET00"}))

    assert printed.stderr == "panic: key=•••"
