"""Objects that carry our tags and are in no state."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from accounts.models import Organization
from billing.models import Hold
from clouds.services import CloudObject
from provisioning import execution
from provisioning.execution import adoption, claim_next
from provisioning.execution.job import Job
from provisioning.models import Operation, Resource, ResourceStatus, Run, RunStatus, StateVersion
from provisioning.terraform.process import Ended

from .engine import PLAIN, hold, make_account, make_resource, make_run, make_version, make_worker, modules

__all__ = ["modules"]
pytestmark = pytest.mark.django_db(transaction=True)
NO_OUTPUTS = PLAIN[: PLAIN.index("output")]
ADDRESS = CloudObject(object_type="ec2:elastic-ip", id="eipalloc-1", arn="arn:aws:ec2:::eipalloc-1", name="")


@pytest.fixture
def destroying(modules: Any, db: None, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A destroy after a lost run; ``found`` is what each look into the cloud gives, the last of them for good."""
    monkeypatch.setattr(adoption, "LOOK_AGAIN", 0)
    organization = Organization.objects.create(name="Acme", slug="acme")
    status = ResourceStatus.FAILED
    resource = make_resource(make_version(modules), make_account(organization), status=status, needs_adoption=True)
    hold(resource)
    found: list[list[CloudObject]] = [[]]

    def look(**arguments: Any) -> list[CloudObject]:
        return found.pop(0) if len(found) > 1 else found[0]

    monkeypatch.setattr(adoption.clouds, "tagged_objects", look)
    return SimpleNamespace(run=make_run(resource, Operation.DESTROY), resource=resource, found=found)


def work(run: Run) -> Run:
    worker = make_worker()
    execution.execute(claim_next(worker.row.pk), worker)  # type: ignore[arg-type]
    return Run.objects.select_related("resource").get(pk=run.pk)


def test_a_destroy_that_leaves_something_behind_fails_with_its_name_and_keeps_the_credit(
    destroying: SimpleNamespace,
) -> None:
    destroying.found[:] = [[ADDRESS]]

    done = work(destroying.run)

    assert (done.status, done.error["code"]) == (RunStatus.FAILED, "left_over")
    assert "ec2:elastic-ip eipalloc-1" in done.error["summary"]
    assert (done.resource.status, done.resource.needs_adoption) == (ResourceStatus.FAILED, True)
    assert Hold.objects.open().count() == 1


def test_a_destroy_is_done_when_the_rest_went_with_what_was_destroyed(destroying: SimpleNamespace) -> None:
    destroying.found[:] = [[ADDRESS], [ADDRESS], []]

    done = work(destroying.run)

    assert (done.error, done.status) == (None, RunStatus.SUCCEEDED)
    assert Resource.objects.get().status == ResourceStatus.DESTROYED
    assert not Hold.objects.open().exists()


@pytest.fixture
def retrying(modules: Any, db: None, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A create tried again after an answer was lost; nothing in the cloud carries its tags."""
    organization = Organization.objects.create(name="Acme", slug="acme")
    named = {"address": "terraform_data.this", "untagged_name": "{name}-{unique_suffix}"}
    version = make_version(modules, NO_OUTPUTS, adopt=[{"object_type": "s3:bucket", **named}])
    resource = make_resource(version, make_account(organization), status=ResourceStatus.FAILED, needs_adoption=True)
    hold(resource)
    monkeypatch.setattr(adoption.clouds, "tagged_objects", lambda **arguments: [])
    return SimpleNamespace(run=make_run(resource, Operation.CREATE), resource=resource)


def test_what_was_made_but_not_yet_tagged_is_adopted_by_its_own_name(retrying: SimpleNamespace) -> None:
    done = work(retrying.run)

    assert (done.error, done.status) == (None, RunStatus.SUCCEEDED)
    name = f"{retrying.resource.name}-{str(retrying.resource.pk).replace('-', '')[:8]}"
    kept = json.loads(StateVersion.objects.filter(resource=retrying.resource).latest("serial").body)
    [made] = [each for each in kept["resources"] if each["name"] == "this"]
    assert made["instances"][0]["attributes"]["id"] == name
    assert any(event.message == f"Adopted {name} as terraform_data.this" for event in done.events.all())


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("Error: Cannot import non-existent remote object", None),
        ("Error: reading S3 Bucket (x): StatusCode: 403, api error Forbidden: Forbidden", None),
        ("Error: reading S3 Bucket (x): dial tcp: no such host", "adoption"),
    ],
)
def test_what_is_not_there_or_not_ours_is_made_anew_and_anything_else_stops_the_run(
    retrying: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, said: str, error: str | None
) -> None:
    plain = Job.engine

    def engine(job: Job, *argv: str) -> Ended:
        return Ended(1, is_canceled=False, killed_for="", stderr=said) if argv[0] == "import" else plain(job, *argv)

    monkeypatch.setattr(Job, "engine", engine)

    done = work(retrying.run)

    assert (done.error or {}).get("code") == error
    assert done.status == (RunStatus.FAILED if error else RunStatus.SUCCEEDED)
