"""Objects that carry our tags and are in no state."""

from types import SimpleNamespace
from typing import Any

import pytest

from accounts.models import Organization
from billing.models import Hold
from clouds.services import CloudObject
from provisioning import execution
from provisioning.execution import adoption, claim_next
from provisioning.models import Operation, Resource, ResourceStatus, Run, RunStatus

from .engine import hold, make_account, make_resource, make_run, make_version, make_worker, modules

__all__ = ["modules"]
pytestmark = pytest.mark.django_db(transaction=True)
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
