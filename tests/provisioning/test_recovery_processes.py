"""Recovery with real processes: workers that are killed while they work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from django.conf import settings as django_settings
from django.db import connection

from accounts.models import Organization
from clouds import catalogue
from provisioning import execution, recovery
from provisioning.execution import claim_next
from provisioning.models import Operation, Resource, Run, RunEvent, RunStatus, StateVersion, Worker

from .engine import make_account, make_resource, make_run, make_version, make_worker, modules, running

__all__ = ["modules"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(name="Acme", slug="acme")


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
