import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from billing.models import Hold
from clouds import catalogue
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

from .engine import hold, make_account, make_resource, make_run, make_version, make_worker, modules, running

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

    def search(*, cloud_account_id: Any, region: str, tags: dict[str, str]) -> list[Any]:
        searches.append(tags)
        return []

    monkeypatch.setattr(execution.adoption.clouds, "tagged_objects", search)
    return searches


# --- with real processes ------------------------------------------------------------------------------------------


@pytest.fixture
def start_worker(transactional_db: None) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """``manage.py worker`` on the test's own database."""
    started: list[subprocess.Popen[bytes]] = []
    database = connection.settings_dict

    def start(**environment: str) -> subprocess.Popen[bytes]:
        address = f"{database['HOST']}:{database['PORT']}/{database['NAME']}"
        url = f"postgres://{database['USER']}:{database['PASSWORD']}@{address}"
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker", "--concurrency", "1"],
            cwd=django_settings.BASE_DIR,
            env={**os.environ, "DATABASE_URL": url, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def wait_until(condition: Callable[[], Any], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, list(RunEvent.objects.values_list("message", flat=True))
        time.sleep(0.1)


def test_a_killed_worker_takes_its_run_down_and_the_next_one_gives_it_up(
    modules: Path, organization: Organization, start_worker: Callable[..., Any]
) -> None:
    run = make_run(make_resource(make_version(modules, running("sleep 4399")), make_account(organization)))
    worker = start_worker(TERRAFORM_MODULES=str(modules))
    wait_until(lambda: RunEvent.objects.filter(kind="apply_complete").exists())

    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    wait_until(lambda: not any(each.info["cmdline"] == ["sleep", "4399"] for each in psutil.process_iter(["cmdline"])))
    start_worker(TERRAFORM_MODULES=str(modules))
    wait_until(lambda: Run.objects.get(pk=run.pk).has_ended)

    run.refresh_from_db()
    assert run.status == RunStatus.LOST
    assert StateVersion.objects.get(run=run).objects_count >= 1
    assert Resource.objects.get().needs_adoption


def test_a_worker_told_to_stop_interrupts_its_run_keeps_the_state_and_leaves(
    modules: Path, organization: Organization, start_worker: Callable[..., Any]
) -> None:
    run = make_run(make_resource(make_version(modules, running("sleep 4398")), make_account(organization)))
    worker = start_worker(TERRAFORM_MODULES=str(modules))
    wait_until(lambda: RunEvent.objects.filter(kind="apply_complete").exists())

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(60) == 0
    run.refresh_from_db()
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "interrupted")
    assert StateVersion.objects.get(run=run).objects_count == 2
    assert Worker.objects.get().stopped_at is not None


def test_an_instance_that_was_being_made_when_the_worker_was_killed_is_destroyed_afterwards(
    organization: Organization, start_worker: Callable[..., Any], moto: str, settings: Any
) -> None:
    settings.SANDBOX_AWS_ENDPOINT = moto
    catalogue.load(settings.TERRAFORM_MODULES)
    version = catalogue.Offering.objects.get(pk="aws/vm").current
    inputs = {
        "region": "us-east-1",
        "size": "micro",
        "image": "ubuntu-24.04",
        "disk_gb": 8,
        "ssh_public_key": "",
        "allow_ssh_from": [],
    }
    account = make_account(organization, is_sandbox=True)
    resource = make_resource(version, account, region="us-east-1", inputs=inputs, name="lost-vm")
    run = make_run(resource)
    ec2 = boto3.client(
        "ec2", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )

    def instances() -> list[Any]:
        wanted = [{"Name": "tag:skyvend-resource", "Values": [str(resource.pk)]}]
        found = ec2.describe_instances(Filters=wanted)["Reservations"]
        return [each for group in found for each in group["Instances"] if each["State"]["Name"] != "terminated"]

    worker = start_worker(SANDBOX_AWS_ENDPOINT=moto)
    wait_until(instances)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()

    recovery.sweep()
    run.refresh_from_db()
    assert run.status == RunStatus.LOST
    assert "i-" not in str([each.id for each in execution.steps.state.objects_in(execution.steps.state.load(resource))])

    destroying = make_run(resource, Operation.DESTROY)
    own = make_worker()
    execution.execute(claim_next(own.row.pk), own)  # type: ignore[arg-type]
    destroying.refresh_from_db()
    assert (destroying.error, destroying.status) == (None, RunStatus.SUCCEEDED)
    assert instances() == []
    adopted = RunEvent.objects.filter(run=destroying, kind="recovery", message__startswith="Adopting")
    assert "aws_instance.this" in [event.data["address"] for event in adopted]
