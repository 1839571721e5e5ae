import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from provisioning import state
from provisioning.models import Resource, ResourceStatus, Run, RunEvent, RunStatus, StateVersion

from .engine import make_account, make_resource, make_run, make_version, modules

__all__ = ["modules"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def run(modules: Path, db: None) -> Run:
    organization = Organization.objects.create(name="Acme", slug="acme")
    return make_run(make_resource(make_version(modules), make_account(organization)))


def body(serial: int, *ids: str, lineage: str = "l-1", **extra: Any) -> str:
    instances = [{"attributes": {"id": each, "arn": f"arn:{each}"}} for each in ids]
    managed = {"mode": "managed", "type": "aws_instance", "name": "this", "instances": instances}
    data = {"mode": "data", "type": "aws_ami", "name": "this", "instances": [{"attributes": {"id": "ami-1"}}]}
    return json.dumps({"serial": serial, "lineage": lineage, "resources": [managed, data], **extra})


def test_a_stored_state_comes_back_and_is_ciphertext_in_the_database(run: Run) -> None:
    stored = state.store(run, body(3, "i-1", "i-2"))

    assert stored is not None
    assert (stored.serial, stored.lineage, stored.objects_count) == (3, "l-1", 2)
    assert state.load(run.resource) == body(3, "i-1", "i-2")
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM provisioning_stateversion")
        assert b"i-1" not in bytes(cursor.fetchone()[0])


def test_the_newest_state_is_the_one_with_the_highest_serial(run: Run) -> None:
    state.store(run, body(3, "i-1"))
    state.store(run, body(4, "i-2"))

    assert state.load(run.resource) == body(4, "i-2")


def test_the_same_state_is_stored_once(run: Run) -> None:
    assert state.store(run, body(3)) == state.store(run, body(3))
    assert StateVersion.objects.count() == 1


@pytest.mark.parametrize("serial", [2, 3])
def test_a_serial_that_does_not_grow_is_refused(run: Run, serial: int) -> None:
    state.store(run, body(3, "i-1"))

    with pytest.raises(state.StaleState):
        state.store(run, body(serial, "i-2"))


def test_a_state_of_another_origin_is_refused_while_objects_exist(run: Run) -> None:
    state.store(run, body(3, "i-1"))

    with pytest.raises(state.StaleState):
        state.store(run, body(9, "i-2", lineage="l-2"))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"serial": "1", "resources": []}'])
def test_what_is_no_state_is_refused(run: Run, text: str) -> None:
    with pytest.raises(ValueError):
        state.store(run, text)


def test_a_missing_state_is_an_error_where_one_is_required(run: Run) -> None:
    with pytest.raises(state.MissingState, match=run.resource.name):
        state.load_required(run.resource)


def test_objects_are_named_without_their_attributes(run: Run) -> None:
    state.store(run, body(1, "i-1"))

    assert state.objects_of(run.resource) == [{"address": "aws_instance.this", "type": "aws_instance", "id": "i-1"}]
    assert state.ids_in(state.load(run.resource)) == {"i-1", "arn:i-1"}


def test_addresses_carry_module_and_index() -> None:
    instances = [{"index_key": 0, "attributes": {"id": "a"}}, {"index_key": "b", "attributes": {"id": "b"}}]
    resource = {"module": "module.net", "mode": "managed", "type": "t", "name": "n", "instances": instances}
    text = json.dumps({"serial": 1, "resources": [resource]})

    assert [each.address for each in state.objects_in(text)] == ["module.net.t.n[0]", 'module.net.t.n["b"]']


def test_outputs_say_which_are_sensitive() -> None:
    outputs = {"ip": {"value": "10.0.0.1"}, "key": {"value": "k", "sensitive": True}}

    assert state.outputs_in(body(1, outputs=outputs)) == {"ip": ("10.0.0.1", False), "key": ("k", True)}


def test_no_state_must_exist_before_anything_was_made(run: Run) -> None:
    make_run_ended(run.resource, RunStatus.FAILED)

    assert not state.must_exist(run.resource, run)


def test_a_state_must_exist_once_something_was_seen_being_made(run: Run) -> None:
    earlier = make_run_ended(run.resource, RunStatus.LOST)
    RunEvent.objects.create(
        run=earlier, seq=1, time=run.queued_at, kind="apply_complete", message="made", data={"action": "create"}
    )

    assert state.must_exist(run.resource, run)


def test_a_state_must_exist_for_what_was_active(run: Run) -> None:
    Resource.objects.update(activated_at=run.queued_at, status=ResourceStatus.DESTROYING)

    assert state.must_exist(Resource.objects.get(), run)


def make_run_ended(resource: Resource, status: RunStatus) -> Run:
    return make_run(resource, status=status, finished_at=resource.created_at)


@pytest.mark.parametrize(
    "strange",
    [
        '{"serial": 1, "resources": [7]}',
        '{"serial": 1, "resources": [{"mode": "managed", "instances": [{}]}]}',
        '{"serial": 9223372036854775808, "resources": []}',
        '{"serial": 1, "resources": [], "lineage": ["l"]}',
        '{"serial": 1, "resources": [], "outputs": {"a": 1}}',
        '{"serial": 1, "resources": ' + "[" * 100_000,
    ],
)
def test_what_a_run_made_up_is_no_state(run: Run, strange: str) -> None:
    with pytest.raises(ValueError, match="no Terraform state"):
        state.store(run, strange)


def test_a_run_that_a_later_one_has_overtaken_stores_nothing(run: Run) -> None:
    state.store(run, body(3, "i-1"))
    Run.objects.update(status=RunStatus.LOST)
    make_run(run.resource, status=RunStatus.APPLYING)

    with pytest.raises(state.StaleState, match="later run"):
        state.store(run, body(4, "i-2"))
