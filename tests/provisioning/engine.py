"""For tests of the engine: modules that need no provider, resources that use them, and a worker to run them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.actors import system_actor
from accounts.models import Organization
from billing import services as billing
from clouds.models import CloudAccount, CloudAccountStatus, Offering, OfferingVersion
from clouds.sandbox import AWS_CREDENTIALS
from provisioning import execution
from provisioning.execution import claim_next, toolchain
from provisioning.models import Operation, Resource, ResourceStatus, Run, Worker

PLAIN = """
variable "name" { type = string }
variable "region" { type = string }
variable "tags" { type = map(string) }
variable "size" {
  type    = string
  default = "small"
}
resource "terraform_data" "this" {
  input = { name = var.name, size = var.size }
}
output "name" { value = terraform_data.this.output.name }
output "size" { value = terraform_data.this.output.size }
output "password" { value = "hush-hush" }
output "token" {
  value     = "psst-psst"
  sensitive = true
}
"""


def running(command: str, *, on_destroy: str = "") -> str:
    """A module that runs a shell command when it is applied."""
    destroyer = f"""
  provisioner "local-exec" {{
    when    = destroy
    command = {_quoted(on_destroy)}
  }}"""
    return (
        PLAIN
        + f"""
resource "terraform_data" "hook" {{
  provisioner "local-exec" {{
    command = {_quoted(command)}
  }}{destroyer if on_destroy else ""}
}}
"""
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("${", "$${")
    return f'"{escaped}"'


def make_version(modules: Path, text: str = PLAIN, adopt: list[dict[str, str]] | None = None) -> OfferingVersion:
    """Put a module on the shelf, released under a number of its own."""
    offering, _ = Offering.objects.get_or_create(
        id="aws/vm", defaults={"provider": "aws", "kind": "vm", "is_available": True}
    )
    number = f"1.0.{offering.versions.count()}"
    folder = modules / "aws" / "vm" / number
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(text)
    return OfferingVersion.objects.create(
        offering=offering,
        version=number,
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        title="Test machine",
        manifest={
            "title": "Test machine",
            "inputs": {"region": {"label": "Region"}, "size": {"label": "Size"}},
            "output": [
                {"name": "name", "label": "Name"},
                {"name": "size", "label": "Size"},
                {"name": "password", "label": "Password", "sensitive": True},
            ],
            "price": [],
            "adopt": adopt or [],
            "platform_variables": ["name", "tags"],
        },
        schema={"type": "object", "properties": {"region": {"type": "string"}, "size": {"type": "string"}}},
    )


def make_account(organization: Organization, **fields: Any) -> CloudAccount:
    defaults: dict[str, Any] = {
        "provider": "aws",
        "name": f"account-{uuid4().hex[:6]}",
        "credentials": AWS_CREDENTIALS,
        "status": CloudAccountStatus.VERIFIED,
        "default_region": "eu-west-1",
    }
    return CloudAccount.objects.create(organization=organization, **{**defaults, **fields})


def make_resource(version: OfferingVersion, account: CloudAccount, **fields: Any) -> Resource:
    defaults: dict[str, Any] = {
        "name": f"thing-{uuid4().hex[:6]}",
        "provider": "aws",
        "kind": "vm",
        "region": "eu-west-1",
        "inputs": {"region": "eu-west-1", "size": "small"},
        "hourly_cost": "0.01",
        "monthly_cost": "7.30",
        "status": ResourceStatus.PENDING,
    }
    return Resource.objects.create(
        organization=account.organization, offering_version=version, cloud_account=account, **{**defaults, **fields}
    )


def make_run(resource: Resource, operation: Operation = Operation.CREATE, **fields: Any) -> Run:
    values = {"inputs": resource.inputs, "queued_at": timezone.now(), **fields}
    return Run.objects.create(organization=resource.organization, resource=resource, operation=operation, **values)


def hold(resource: Resource, amount: str = "7.20") -> None:
    """Reserve credit for ``resource`` as an order does."""
    account = billing.account_of(resource.organization)
    billing.top_up(
        organization=resource.organization,
        amount=Decimal(100),
        reference=f"test-{resource.pk}",
        actor=system_actor(resource.organization),
    )
    billing.hold_credit(
        organization=resource.organization,
        reference=resource.hold_reference,
        amount=Decimal(amount),
    )
    account.refresh_from_db()


def make_worker(**fields: Any) -> SimpleNamespace:
    """A worker without a process: what ``execute`` needs of a Presence."""
    row = Worker.objects.create(**{"host": "test", "pid": 1, "concurrency": 1, **fields})
    return SimpleNamespace(row=row, stopping=threading.Event(), interrupting=threading.Event(), working=set())


@pytest.fixture
def modules(tmp_path: Path, settings: Any) -> Path:
    """An empty catalogue directory that settings point at."""
    toolchain.runner()  # found with the real catalogue, which says which providers the mirror must hold
    settings.TERRAFORM_MODULES = tmp_path / "modules"
    settings.TERRAFORM_MODULES.mkdir()
    return settings.TERRAFORM_MODULES


@pytest.fixture
def work() -> Callable[[Run], Run]:
    """``work(run)`` claims the queued ``run``, works it to its end and returns it, read afresh with its resource."""
    worker = make_worker()

    def to_the_end(run: Run) -> Run:
        execution.execute(claim_next(worker.row.pk), worker)  # type: ignore[arg-type]
        return Run.objects.select_related("resource").get(pk=run.pk)

    return to_the_end
