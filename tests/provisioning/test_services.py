"""Ordering, changing, destroying, trying again, forgetting, canceling."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import AuditEvent
from billing import services as billing
from billing.models import Account, Hold, Quote
from billing.services import InsufficientCredit
from clouds.inputs import InvalidInputs
from clouds.models import CloudAccount, CloudAccountStatus, OfferingVersion
from provisioning import services
from provisioning.models import Operation, Resource, ResourceStatus, Run, RunStatus, StateVersion
from tests import books
from tests.provisioning.conftest import VM

Order = Callable[..., Run]
pytestmark = pytest.mark.django_db


def finish(run: Run, status: str = "succeeded", resource_status: str = "active") -> Resource:
    """End a run the way the engine would, without one."""
    Run.objects.filter(pk=run.pk).update(status=status, finished_at=timezone.now())
    resource = run.resource
    Resource.objects.filter(pk=resource.pk).update(
        status=resource_status, activated_at=timezone.now() if resource_status == "active" else resource.activated_at
    )
    resource.refresh_from_db()
    return resource


def held(organization: Any) -> Decimal:
    return Account.objects.get(organization=organization).held


# --- ordering -------------------------------------------------------------------------------------------------------


def test_an_order_writes_resource_run_hold_quote_and_audit(order: Order, tenant: SimpleNamespace) -> None:
    run = order("web-1")
    resource = Resource.objects.get()
    assert (resource.name, resource.status, resource.region) == ("web-1", "pending", "eu-west-1")
    assert (run.status, run.operation, run.inputs) == ("queued", "create", resource.inputs)
    assert resource.inputs["disk_gb"] > 0  # a default, filled in
    hold = Hold.objects.get()
    assert (hold.reference, hold.amount) == (resource.hold_reference, billing.hold_amount(resource.hourly_cost))
    assert Quote.objects.get().reference == resource.hold_reference
    event = AuditEvent.objects.get(action="resource.create")
    assert (event.actor, event.target_id) == (tenant.member, str(resource.pk))


def test_an_order_takes_few_queries(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor], django_assert_max_num_queries: Any
) -> None:
    actor = actor_for(tenant.member)
    order("warm-up", actor=actor)
    with django_assert_max_num_queries(12):  # four of them are SAVEPOINTs
        order("web-1", actor=actor, idempotency_key="key-1")


def test_a_viewer_orders_nothing(order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]) -> None:
    with pytest.raises(PermissionDenied):
        order(actor=actor_for(tenant.viewer))
    assert Run.objects.count() == 0


def test_a_name_is_taken_only_while_its_resource_lives(order: Order) -> None:
    resource = finish(order("web-1"))
    with pytest.raises(services.NameTaken):
        order("web-1")
    Resource.objects.filter(pk=resource.pk).update(status=ResourceStatus.DESTROYED)
    assert order("web-1").resource.name == "web-1"


@pytest.mark.parametrize("name", ["", "ab", "Web", "web_1", "-web", "web-", "x" * 41, "web\x00", "wéb"])
def test_a_name_that_no_cloud_takes_is_refused(order: Order, name: str) -> None:
    with pytest.raises(InvalidInputs) as refused:
        order(name)
    assert refused.value.errors[0].field == "name"
    assert (Resource.objects.count(), Hold.objects.count()) == (0, 0)


def test_an_order_beyond_the_credit_writes_nothing(order: Order) -> None:
    with pytest.raises(InsufficientCredit):
        order(inputs={"region": "eu-west-1", "machine_type": "m5.4xlarge"})
    assert [model.objects.count() for model in (Resource, Run, Hold, Quote)] == [0, 0, 0, 0]
    assert not AuditEvent.objects.filter(action="resource.create").exists()


def test_an_account_of_somebody_else_or_not_verified_is_refused(
    order: Order, cloud_account: CloudAccount, stranger: Any
) -> None:
    foreign = CloudAccount.objects.create(
        organization=stranger.organization, provider="aws", name="x", credentials={}, status="verified"
    )
    with pytest.raises(services.CannotUseAccount):
        order(cloud_account=foreign)
    cloud_account.status = CloudAccountStatus.REFUSED
    with pytest.raises(services.CannotUseAccount, match="refused by the cloud"):
        order(cloud_account=cloud_account)
    cloud_account.status, cloud_account.provider = CloudAccountStatus.VERIFIED, "gcp"
    with pytest.raises(services.CannotUseAccount, match="another cloud"):
        order(cloud_account=cloud_account)


def test_a_repeated_key_returns_the_first_run(order: Order, tenant: SimpleNamespace) -> None:
    first = order("web-1", idempotency_key="once")
    assert order("web-1", idempotency_key="once").pk == first.pk
    assert (Run.objects.count(), Hold.objects.count()) == (1, 1)


def test_a_key_used_for_another_request_is_refused(order: Order) -> None:
    order("web-1", idempotency_key="once")
    with pytest.raises(services.IdempotencyConflict):
        order("web-2", idempotency_key="once")


@pytest.mark.django_db(transaction=True)
def test_twelve_simultaneous_orders_with_credit_for_three_give_exactly_three(
    tenant: SimpleNamespace,
    shelf: dict[str, OfferingVersion],
    cloud_account: CloudAccount,
    credit: Callable[..., None],
    actor_for: Callable[..., Actor],
) -> None:
    actor, version = actor_for(tenant.member), shelf["aws/vm"]
    one = billing.hold_amount(services.estimate(version=version, inputs=VM).hourly)
    credit(tenant.organization, str(one * 3 + one / 2))

    def attempt(number: int) -> str:
        try:
            services.request_resource(
                actor=actor, name=f"vm-{number}", offering_version=version, cloud_account=cloud_account, inputs=VM
            )
        except InsufficientCredit:
            return "refused"
        finally:
            connection.close()
        return "ordered"

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(attempt, range(12)))
    assert sorted(answers) == ["ordered"] * 3 + ["refused"] * 9
    assert (Run.objects.count(), Resource.objects.count(), Hold.objects.count()) == (3, 3, 3)
    assert held(tenant.organization) == one * 3
    assert books.differences() == []


@pytest.mark.django_db(transaction=True)
def test_the_same_key_at_the_same_moment_orders_once(order: Order) -> None:
    def attempt(_number: int) -> Any:
        try:
            return order("web-1", idempotency_key="once").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        runs = set(threads.map(attempt, range(6)))
    assert len(runs) == 1
    assert (Run.objects.count(), Resource.objects.count(), Hold.objects.count()) == (1, 1, 1)


# --- changing -------------------------------------------------------------------------------------------------------


def test_a_change_queues_an_update_and_reserves_the_difference(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = finish(order("web-1"))
    before = held(tenant.organization)
    wanted = services.merged_inputs(resource, {"size": "large"})
    run = services.request_update(actor=actor_for(tenant.member), resource=resource, inputs=wanted)
    assert (run.operation, run.inputs["size"], run.resource.status) == ("update", "large", "updating")
    assert run.previous["status"] == "active"
    assert Decimal(run.previous["hold"]) == before
    assert held(tenant.organization) == billing.hold_amount(run.resource.hourly_cost) > before


def test_a_cheaper_change_keeps_the_hold_until_it_has_succeeded(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = finish(order("web-1"))
    before = held(tenant.organization)
    wanted = services.merged_inputs(resource, {"size": "micro"})
    services.request_update(actor=actor_for(tenant.member), resource=resource, inputs=wanted)
    assert held(tenant.organization) == before


def test_an_exact_type_takes_the_place_of_the_size(order: Order) -> None:
    resource = order("web-1").resource
    merged = services.merged_inputs(resource, {"machine_type": "t3.large"})
    assert merged["machine_type"] == "t3.large"
    assert "size" not in merged


@pytest.mark.parametrize(
    ("changes", "words"), [({"region": "us-east-1"}, "cannot be changed"), ({}, "Nothing would change")]
)
def test_what_cannot_be_changed_in_place_is_refused_with_the_reason(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor], changes: dict, words: str
) -> None:
    resource = finish(order("web-1"))
    wanted = services.merged_inputs(resource, changes)
    with pytest.raises(services.CannotChange, match=words):
        services.request_update(actor=actor_for(tenant.member), resource=resource, inputs=wanted)
    assert resource.runs.count() == 1


def test_a_failed_create_that_made_nothing_may_be_changed_freely(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = finish(order("web-1"), "failed", "failed")
    wanted = services.merged_inputs(resource, {"region": "us-east-1"})
    run = services.request_update(actor=actor_for(tenant.member), resource=resource, inputs=wanted)
    assert (run.operation, run.resource.region, run.resource.status) == ("create", "us-east-1", "pending")


def test_what_a_lost_create_may_have_made_keeps_its_region(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = finish(order("web-1"), "lost", "failed")
    Resource.objects.update(needs_adoption=True)
    wanted = services.merged_inputs(resource, {"region": "us-east-1"})
    with pytest.raises(services.CannotChange, match="cannot be changed"):
        services.request_update(actor=actor_for(tenant.member), resource=resource, inputs=wanted)


def test_two_operations_at_once_are_refused(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = order("web-1").resource
    for operation in (services.request_destroy, services.retry, services.forget):
        with pytest.raises(services.RunInProgress):
            operation(actor=actor_for(tenant.member), resource=resource)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_destroys_one_is_queued(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource, actor = finish(order("web-1")), actor_for(tenant.member)

    def attempt(_number: int) -> str:
        try:
            services.request_destroy(actor=actor, resource=resource)
        except services.RunInProgress:
            return "refused"
        finally:
            connection.close()
        return "queued"

    with ThreadPoolExecutor(5) as threads:
        assert sorted(threads.map(attempt, range(5))) == ["queued"] + ["refused"] * 4


def test_what_is_gone_cannot_be_destroyed_again(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = finish(order("web-1"), "succeeded", "destroyed")
    with pytest.raises(services.NotPossible):
        services.request_destroy(actor=actor_for(tenant.member), resource=resource)


# --- trying again and forgetting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [Operation.CREATE, Operation.UPDATE, Operation.DESTROY])
@pytest.mark.parametrize("ended", ["failed", "lost"])
def test_retry_queues_what_failed_with_its_inputs_and_a_hold(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor], operation: str, ended: str
) -> None:
    run = order("web-1")
    resource = finish(run, ended, "failed")
    Run.objects.filter(pk=run.pk).update(operation=operation)
    billing.release_hold(organization=tenant.organization, reference=resource.hold_reference)
    again = services.retry(actor=actor_for(tenant.member), resource=resource)
    assert (again.operation, again.inputs, again.status) == (operation, run.inputs, "queued")
    assert (held(tenant.organization) > 0) == (operation != "destroy")


def test_a_destroy_canceled_before_it_began_is_not_what_is_tried_again(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    actor, resource = actor_for(tenant.member), finish(order("web-1"), "failed", "failed")
    services.cancel_run(actor=actor, run=services.request_destroy(actor=actor, resource=resource))
    assert services.retry(actor=actor, resource=resource).operation == "create"


def test_nothing_failed_nothing_to_retry(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    with pytest.raises(services.NotPossible):
        services.retry(actor=actor_for(tenant.member), resource=finish(order("web-1")))


def test_a_resource_that_a_restarted_sandbox_forgot_can_be_made_anew(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor], cloud_account: CloudAccount, settings: Any
) -> None:
    CloudAccount.objects.filter(pk=cloud_account.pk).update(is_sandbox=True)
    resource = Resource.objects.select_related("cloud_account").get(pk=finish(order("web-1")).pk)
    settings.SANDBOX_STARTED_AT = ""
    assert services.has_vanished(resource) is False
    settings.SANDBOX_STARTED_AT = timezone.now().isoformat()
    assert services.has_vanished(resource) is True
    assert services.retry(actor=actor_for(tenant.member), resource=resource).operation == "update"


def test_forgetting_frees_the_credit_and_lists_what_stays(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    run = order("web-1")
    resource = finish(run, "failed", "failed")
    body = (
        '{"version": 4, "serial": 1, "lineage": "x", "outputs": {}, "resources": [{"mode": "managed", '
        '"type": "aws_instance", "name": "this", "instances": [{"attributes": {"id": "i-1"}}]}]}'
    )
    StateVersion.objects.create(
        resource=resource, run=run, serial=1, lineage="x", body=body, sha256="0" * 64, objects_count=1
    )
    gone = services.forget(actor=actor_for(tenant.member), resource=resource)
    assert (gone.status, gone.gone_at is not None) == ("orphaned", True)
    assert gone.left_objects == [{"address": "aws_instance.this", "type": "aws_instance", "id": "i-1"}]
    assert held(tenant.organization) == 0
    assert AuditEvent.objects.get(action="resource.forget").data["left_objects"] == gone.left_objects


# --- canceling ------------------------------------------------------------------------------------------------------


def test_a_queued_create_is_canceled_at_once_and_its_credit_freed(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    run = services.cancel_run(actor=actor_for(tenant.member), run=order("web-1"))
    run.refresh_from_db()
    assert (run.status, run.resource.status, held(tenant.organization)) == ("canceled", "failed", 0)
    assert "Canceled by member@acme.test" in run.error["summary"]
    assert [event.kind for event in run.events.all()] == ["cancel"]


def test_a_queued_change_is_canceled_and_everything_is_as_before(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    resource = finish(order("web-1"))
    before = (resource.inputs, resource.monthly_cost, held(tenant.organization))
    wanted = services.merged_inputs(resource, {"size": "large"})
    run = services.request_update(actor=actor_for(tenant.member), resource=resource, inputs=wanted)
    services.cancel_run(actor=actor_for(tenant.member), run=run)
    resource.refresh_from_db()
    assert (resource.inputs, resource.monthly_cost, held(tenant.organization)) == before
    assert resource.status == "active"


def test_a_canceled_second_order_leaves_inputs_and_price_that_fit(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    actor, resource = actor_for(tenant.member), finish(order("web-1"), "failed", "failed")
    wanted = services.merged_inputs(resource, {"region": "us-east-1", "size": "large"})
    services.cancel_run(actor=actor, run=services.request_update(actor=actor, resource=resource, inputs=wanted))
    kept = Resource.objects.get()
    assert (kept.inputs, kept.region) == (resource.inputs, "eu-west-1")
    assert kept.hourly_cost == resource.hourly_cost


def test_a_working_run_is_asked_to_stop(order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]) -> None:
    run = order("web-1")
    Run.objects.filter(pk=run.pk).update(status=RunStatus.APPLYING)
    asked = services.cancel_run(actor=actor_for(tenant.member), run=run)
    again = services.cancel_run(actor=actor_for(tenant.member), run=run)
    assert asked.status == again.status == "applying"
    assert asked.cancel_requested_at == again.cancel_requested_at is not None


def test_an_ended_run_cannot_be_canceled(
    order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    run = order("web-1")
    finish(run)
    with pytest.raises(services.NotPossible):
        services.cancel_run(actor=actor_for(tenant.member), run=run)


def test_no_run_waits_for_approval_yet(order: Order, tenant: SimpleNamespace, actor_for: Callable[..., Actor]) -> None:
    run = order("web-1")
    for decide in (services.approve_run, services.discard_run):
        with pytest.raises(services.NotPossible):
            decide(actor=actor_for(tenant.member), run=run)
