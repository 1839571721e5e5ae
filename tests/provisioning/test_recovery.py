import os
import socket
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from billing import services as billing
from billing.models import Hold
from provisioning import execution, recovery
from provisioning.execution import claim_next
from provisioning.models import (
    Operation,
    Resource,
    ResourceStatus,
    Run,
    RunEvent,
    RunStatus,
    StateVersion,
    Worker,
)
from provisioning.terraform import workspace

from .engine import hold, make_account, make_resource, make_run, make_version, make_worker, modules

__all__ = ["modules"]
pytestmark = pytest.mark.django_db(transaction=True)
STATE = '{"version": 4, "serial": 5, "lineage": "l", "outputs": {}, "resources": [%s]}'
OBJECT = (
    '{"mode": "managed", "type": "terraform_data", "name": "this", "instances": [{"attributes": {"id": "made"}}],'
    ' "provider": "provider[\\"terraform.io/builtin/terraform\\"]"}'
)


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(name="Acme", slug="acme")


@pytest.fixture
def dead_pid() -> int:
    """The number of a process that existed once."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def working(modules: Path, organization: Organization) -> Run:
    """A claimed run of a worker on some other machine, its lease long over."""
    run = make_run(make_resource(make_version(modules), make_account(organization)))
    hold(run.resource)
    claimed = claim_next(make_worker(host="elsewhere").row.pk)
    assert claimed == run
    Run.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    return claimed


def left_behind(run: Run, body: str) -> workspace.Workspace:
    """A workspace with a state in it, as a killed worker leaves it."""
    place = workspace.Workspace(execution.toolchain.runner().root / "runs" / str(run.pk))
    place.path.mkdir(parents=True)
    (place.path / workspace.STATE).write_text(body)
    return place


def test_a_silent_run_is_lost_and_its_resource_can_be_tried_again_or_destroyed(working: Run) -> None:
    swept = recovery.sweep()

    assert swept.lost == 1
    run = Run.objects.select_related("resource").get()
    assert (run.status, run.lease_expires_at) == (RunStatus.LOST, None)
    assert run.finished_at is not None
    assert "worker" in run.error["summary"].lower()
    assert (run.resource.status, run.resource.needs_adoption) == (ResourceStatus.FAILED, True)
    assert Hold.objects.open().count() == 1
    kinds = RunEvent.objects.filter(run=run).order_by("seq").values_list("kind", flat=True)
    assert list(kinds)[-2:] == ["recovery", "phase"]


def test_a_run_with_a_fresh_lease_is_left_alone(working: Run) -> None:
    Run.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=30))

    assert recovery.sweep().lost == 0
    assert Run.objects.get().status == RunStatus.PREPARING


def test_a_run_is_given_up_once(working: Run) -> None:
    assert [recovery.sweep().lost, recovery.sweep().lost] == [1, 0]


def test_a_lost_run_is_not_repeated(working: Run) -> None:
    recovery.sweep()

    assert claim_next(None) is None
    assert Run.objects.count() == 1


def test_a_canceled_run_whose_worker_is_gone_ends_as_canceled(working: Run) -> None:
    Run.objects.update(cancel_requested_at=timezone.now())

    recovery.sweep()

    run = Run.objects.select_related("resource").get()
    assert (run.status, run.resource.status) == (RunStatus.CANCELED, ResourceStatus.FAILED)
    assert run.error["code"] == "canceled"


def test_a_run_of_a_dead_process_of_this_machine_does_not_wait_for_its_lease(working: Run, dead_pid: int) -> None:
    Worker.objects.update(host=socket.gethostname(), pid=dead_pid)
    Run.objects.update(lease_expires_at=timezone.now() + timedelta(hours=1))

    assert recovery.sweep().lost == 1
    assert Worker.objects.get().stopped_at is not None


def test_the_state_of_a_lost_run_is_salvaged_from_its_workspace(working: Run) -> None:
    place = left_behind(working, STATE % OBJECT)

    recovery.sweep()

    stored = StateVersion.objects.get()
    assert (stored.run_id, stored.serial, stored.objects_count) == (working.pk, 5, 1)
    assert not place.home.exists()


def test_a_torn_state_is_not_stored(working: Run) -> None:
    left_behind(working, (STATE % OBJECT)[:40])

    recovery.sweep()

    assert not StateVersion.objects.exists()
    assert Run.objects.get().status == RunStatus.LOST


def test_a_state_that_is_a_link_planted_by_the_run_is_not_followed(working: Run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(STATE % OBJECT)
    place = left_behind(working, "")
    (place.path / workspace.STATE).unlink()
    (place.path / workspace.STATE).symlink_to(tmp_path / "elsewhere")

    recovery.sweep()

    assert not StateVersion.objects.exists()


def test_a_workspace_of_a_run_at_work_is_kept(working: Run) -> None:
    Run.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=30))
    place = left_behind(working, STATE % "")

    recovery.sweep()

    assert place.home.exists()
    place.remove()


def test_a_workspace_of_no_known_run_is_removed(db: None) -> None:
    strange = execution.toolchain.runner().root / "runs" / "not-a-run"
    strange.mkdir(parents=True, exist_ok=True)

    recovery.salvage_workspaces()

    assert not strange.exists()


def test_a_run_that_could_not_be_finished_keeps_its_workspace_for_recovery(
    modules: Path, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(make_resource(make_version(modules), make_account(organization)))
    worker = make_worker()
    claimed = claim_next(worker.row.pk)
    assert claimed is not None

    def fail(*args: Any) -> None:
        raise execution.steps.DatabaseError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(execution.steps.state, "store", fail)
        execution.execute(claimed, worker)
    Run.objects.update(lease_expires_at=timezone.now())
    assert recovery.sweep().lost == 1

    assert StateVersion.objects.get(run=run).objects_count == 1


def test_a_bad_workspace_or_run_does_not_keep_others_from_recovery(working: Run) -> None:
    torn = left_behind(working, '{"version": 4, "serial": 5, "resources": ["no object"]}')

    assert recovery.sweep().lost == 1

    assert not StateVersion.objects.exists()
    assert not torn.home.exists()


def test_a_released_hold_does_not_keep_a_lost_update_from_ending(working: Run) -> None:
    previous = {"hold": "7.2", "hourly": "0.01", "monthly": "7.30", "status": "active"}
    Run.objects.update(operation=Operation.UPDATE, previous=previous)
    billing.release_hold(organization=working.organization, reference=working.resource.hold_reference)

    assert recovery.sweep().lost == 1

    assert Resource.objects.get().hourly_cost == Decimal("0.01")


def test_a_lost_update_that_had_begun_keeps_the_larger_hold_until_it_is_known_what_exists(working: Run) -> None:
    previous = {"hold": "1.5", "hourly": "0.001", "monthly": "0.73", "status": "active"}
    Run.objects.update(operation=Operation.UPDATE, previous=previous, status=RunStatus.APPLYING)

    assert recovery.sweep().lost == 1

    assert Resource.objects.get().hourly_cost == Decimal("0.001")
    assert Hold.objects.open().get().amount == Decimal("7.2")


def test_a_workspace_waits_while_a_later_run_works_on_the_state(working: Run) -> None:
    Run.objects.update(status=RunStatus.LOST)
    make_run(working.resource, Operation.DESTROY)
    assert claim_next(make_worker(host="elsewhere").row.pk) is not None
    place = left_behind(working, STATE % OBJECT)

    recovery.salvage_workspaces()

    assert place.home.exists()
    assert not StateVersion.objects.exists()
    place.remove()


def test_a_younger_process_with_the_number_of_a_silent_worker_is_not_that_worker(working: Run) -> None:
    long_ago = timezone.now() - timedelta(days=3000)
    Worker.objects.update(host=socket.gethostname(), pid=os.getpid(), started_at=long_ago, heartbeat_at=long_ago)
    Run.objects.update(lease_expires_at=timezone.now() + timedelta(hours=1))

    assert recovery.sweep().lost == 1


def test_workers_that_stopped_long_ago_are_forgotten(db: None) -> None:
    old = timezone.now() - timedelta(days=8)
    make_worker(host="old", stopped_at=old)
    make_worker(host="silent", heartbeat_at=old)
    make_worker(host="recent", stopped_at=timezone.now())

    recovery.sweep()

    assert [worker.host for worker in Worker.objects.all()] == ["recent"]


def test_queued_runs_are_counted(modules: Path, organization: Organization) -> None:
    make_run(make_resource(make_version(modules), make_account(organization)))

    assert recovery.sweep().queued == 1


def test_a_destroy_after_a_lost_create_destroys_what_the_salvaged_state_knows(
    modules: Path, organization: Organization, adopting: list[Any]
) -> None:
    resource = make_resource(make_version(modules), make_account(organization))
    run = make_run(resource)
    worker = make_worker()
    execution.execute(claim_next(worker.row.pk), worker)  # type: ignore[arg-type]
    Resource.objects.update(needs_adoption=True, status=ResourceStatus.FAILED)

    destroying = make_run(resource, Operation.DESTROY)
    execution.execute(claim_next(worker.row.pk), worker)  # type: ignore[arg-type]

    destroying.refresh_from_db()
    resource.refresh_from_db()
    assert (destroying.error, destroying.status) == (None, RunStatus.SUCCEEDED)
    assert (resource.status, resource.needs_adoption) == (ResourceStatus.DESTROYED, False)
    assert adopting == [{"skyvend-organization": str(resource.organization_id), "skyvend-resource": str(resource.pk)}]
    assert run.pk != destroying.pk


def test_a_destroy_of_what_was_never_made_finds_nothing_and_ends_destroyed(
    modules: Path, organization: Organization, adopting: list[Any]
) -> None:
    resource = make_resource(make_version(modules), make_account(organization), status=ResourceStatus.FAILED)
    make_run(resource, Operation.DESTROY)
    worker = make_worker()

    execution.execute(claim_next(worker.row.pk), worker)  # type: ignore[arg-type]

    resource.refresh_from_db()
    assert resource.status == ResourceStatus.DESTROYED
    assert len(adopting) == 1


@pytest.fixture
def adopting(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A cloud in which nothing carries our tags; the searches made in it."""
    searches: list[Any] = []

    def search(*, cloud_account_id: Any, region: str, tags: dict[str, str], purpose: Any) -> list[Any]:
        searches.append(tags)
        return []

    monkeypatch.setattr(execution.adoption.clouds, "tagged_objects", search)
    return searches
