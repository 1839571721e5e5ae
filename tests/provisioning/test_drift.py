"""Comparing a resource with the cloud changes neither."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from accounts.actors import Actor, member_actor
from accounts.models import Organization
from billing.models import Hold
from provisioning import execution, services
from provisioning.execution import claim_next
from provisioning.models import Operation, Resource, ResourceStatus, Run, RunEvent, RunStatus, StateVersion

from .engine import PLAIN, hold, make_account, make_resource, make_run, make_version, make_worker, modules

__all__ = ["modules"]
pytestmark = pytest.mark.django_db(transaction=True)


def work(run: Run) -> Run:
    worker = make_worker()
    execution.execute(claim_next(worker.row.pk), worker)  # type: ignore[arg-type]
    return Run.objects.select_related("resource").get(pk=run.pk)


@pytest.fixture
def actor(tenant: SimpleNamespace) -> Actor:
    return member_actor(tenant.member, tenant.member.memberships.get())


@pytest.fixture
def active(modules: Path, tenant: SimpleNamespace) -> Callable[[str], Resource]:
    def make(text: str = PLAIN) -> Resource:
        organization: Organization = tenant.organization
        resource = make_resource(make_version(modules, text), make_account(organization), name="web")
        hold(resource)
        work(make_run(resource))
        return Resource.objects.get(pk=resource.pk)

    return make


def last_words(run: Run) -> str:
    return RunEvent.objects.filter(run=run, kind="phase").order_by("seq").last().message  # type: ignore[union-attr]


def test_what_is_as_it_was_ordered_has_no_drift_and_nothing_is_written(active: Any, actor: Actor) -> None:
    resource = active()

    done = work(services.detect_drift(actor=actor, resource=resource))

    assert (done.error, done.status, done.operation) == (None, RunStatus.SUCCEEDED, Operation.DETECT_DRIFT)
    assert done.plan == {"adds": 0, "changes": 0, "destroys": 0}
    assert last_words(done) == "No drift: everything is as it was ordered"
    assert (done.resource.status, done.resource.outputs) == (ResourceStatus.ACTIVE, resource.outputs)
    assert StateVersion.objects.filter(resource=resource).count() == 1
    assert Hold.objects.open().get().amount == Decimal("7.20")


def test_drift_is_counted_and_left_as_it_is(active: Any, actor: Actor) -> None:
    resource = active(PLAIN + 'resource "terraform_data" "clock" { triggers_replace = timestamp() }\n')

    done = work(services.detect_drift(actor=actor, resource=resource))

    assert done.plan == {"adds": 1, "changes": 0, "destroys": 1}
    assert last_words(done) == "Drift: 1 to add, 1 to destroy to be as it was ordered"
    assert done.resource.status == ResourceStatus.ACTIVE


def test_a_look_that_fails_leaves_the_resource_active(active: Any, actor: Actor) -> None:
    resource = active()
    run = services.detect_drift(actor=actor, resource=resource)
    Resource.objects.filter(pk=resource.pk).update(cloud_account=None)

    done = work(run)

    assert (done.status, done.error["code"]) == (RunStatus.FAILED, "account")
    assert (done.resource.status, done.resource.needs_adoption) == (ResourceStatus.ACTIVE, False)


def test_only_what_is_active_is_compared_and_one_at_a_time(active: Any, actor: Actor) -> None:
    resource = active()
    services.detect_drift(actor=actor, resource=resource)
    with pytest.raises(services.RunInProgress):
        services.detect_drift(actor=actor, resource=resource)

    Run.objects.live().update(status="canceled")
    Resource.objects.filter(pk=resource.pk).update(status="failed")
    with pytest.raises(services.NotPossible):
        services.detect_drift(actor=actor, resource=resource)
